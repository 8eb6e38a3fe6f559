"""Limits of sending, as people meet them."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.demo.node import Node
from tests.conftest import Resident, Site
from tests.web.sending.test_outbox import decide, shown
from tests.web.sending.test_redirect import delivered, send_on
from tests.web.sending.test_underway import form_of, in_minutes, write

pytestmark = pytest.mark.servers


def limit(site: Site, resident: Resident, **columns: int | None) -> None:
    """As `flask directory set site` writes it."""
    changes = ", ".join(f"{name} = :{name}" for name in columns)
    with site.engine.begin() as rows:
        rows.execute(text(f"UPDATE site SET {changes} WHERE name = :name"),
                     {**columns, "name": resident.address.partition("@")[2]})  # fmt: skip


@pytest.fixture
def limited(resident: Resident, site: Site):
    """Two messages and four recipients an hour, for accounts that sign in from now on."""
    limit(site, resident, messages_per_hour=2, recipients_per_hour=4)
    yield resident
    limit(site, resident, messages_per_hour=None, recipients_per_hour=None)


def test_beyond_the_site_s_figure_a_message_is_kept_and_not_sent(limited: Resident, site: Site, node: Node) -> None:
    visitor = limited.sign_in(node.url)
    for number in range(2):
        assert write(visitor, f"Within {number}", "send").status == 303
    answer = write(visitor, "Beyond", "send")
    assert answer.status == 429
    assert "In an hour 2 messages can be sent, and you have sent 2. Send it after" in answer.text
    assert "The draft is kept" in answer.text and "words" in answer.text and form_of(answer.text)["draft"]
    assert "Beyond" not in visitor.get("/outbox").text
    assert "Beyond" in visitor.get("/mail/Drafts/").text


def test_many_recipients_count_each_and_what_is_taken_back_does_not_count(limited: Resident, node: Node) -> None:
    visitor = limited.sign_in(node.url)
    everyone = ", ".join(f"p{number}@elsewhere.example" for number in range(4))
    write(visitor, "To four", "later", to=everyone, when=in_minutes(90))  # nobody sends it before it is taken back
    answer = write(visitor, "One more", "send")
    assert answer.status == 429 and "You have written to 4, and this goes to 1 more" in answer.text
    decide(visitor, shown(visitor, "queued"), "undo")
    assert write(visitor, "One instead", "send").status == 303
    too_many = write(visitor, "To five", "send", to=f"{everyone}, q@elsewhere.example")
    assert too_many.status == 429 and "goes to 5 recipients, and you can send to 4 in an hour" in too_many.text


def test_a_message_for_later_counts_when_it_is_put_in(limited: Resident, node: Node) -> None:
    visitor = limited.sign_in(node.url)
    for number in range(2):
        write(visitor, f"Later {number}", "later", when=in_minutes(90 + number))
    assert write(visitor, "Now", "send").status == 429


def test_an_account_that_may_send_nothing_is_told_so(resident: Resident, site: Site, node: Node) -> None:
    limit(site, resident, messages_per_hour=0)
    try:
        assert "lets nothing be sent" in write(resident.sign_in(node.url), "Nothing", "send").text
    finally:
        limit(site, resident, messages_per_hour=None)


def test_what_is_sent_on_counts_like_what_is_written(limited: Resident, node: Node) -> None:
    visitor = limited.sign_in(node.url)
    url = delivered(limited, visitor, "Counted")
    everyone = ", ".join(f"p{number}@elsewhere.example" for number in range(5))
    answer = send_on(visitor, url, everyone)
    assert answer.status == 429 and "goes to 5 recipients" in answer.text and "p4@elsewhere.example" in answer.text
    assert "empty-outbox" in visitor.get("/outbox").text
