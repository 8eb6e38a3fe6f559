"""What Sent says of a message's way: whom the submission server took it for, in its own words."""

from __future__ import annotations

import re
import time

import pytest
from sqlalchemy import text

from app.demo.node import Node
from tests.conftest import Resident, Site
from tests.visitor import Visitor
from tests.web.sending.test_outbox import decide, shown
from tests.web.sending.test_redirect import delivered, send_on
from tests.web.sending.test_underway import OTHERS, write

pytestmark = pytest.mark.servers


def in_sent(visitor: Visitor, *, within: float = 15) -> str:
    """The page of the newest message in Sent, once there is one."""
    end = time.monotonic() + within
    while not (found := re.search(r'href="(/mail/Sent/\d+/\d+)', visitor.get("/mail/Sent/").text)):
        assert time.monotonic() < end
        time.sleep(0.2)
    return found[1]


def told(page: str) -> list[tuple[str, str]]:
    return re.findall(r'data-testid="delivery-recipient" data-state="(\w+)"><bdi>([^<]+)', page)


def test_a_message_in_sent_says_what_the_server_answered(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    write(visitor, "Answered by", "send", bcc="hidden@elsewhere.example")
    url = in_sent(visitor)
    page = visitor.get(url).text
    assert "accepted for 2 of 2 at " in page and "250 2.0.0 Ok: taken" in page
    assert told(page) == [("accepted", OTHERS), ("accepted", "hidden@elsewhere.example")]
    with site.engine.begin() as rows:  # the outbox forgets
        rows.execute(text("DELETE FROM outbox WHERE letter LIKE '%hidden@elsewhere.example%'"))
    assert "delivery-all" not in visitor.get(url).text


def test_who_was_refused_is_told_apart(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    site.smtp.refuse["away@elsewhere.example"] = "550 5.1.1 moved <b>away</b>"
    write(visitor, "To some", "send", to=f"away@elsewhere.example, {OTHERS}")
    decide(visitor, shown(visitor, "refused"), "others")
    page = visitor.get(in_sent(visitor)).text
    assert told(page) == [("refused", "away@elsewhere.example"), ("accepted", OTHERS)]
    assert "accepted for 1 of 2" in page and "550 5.1.1 moved &lt;b&gt;away&lt;/b&gt;" in page
    del site.smtp.refuse["away@elsewhere.example"]


def test_only_sent_is_asked_for_and_only_one_s_own(make_resident, site: Site, node: Node) -> None:
    writer, other = make_resident(), make_resident()
    visitor = writer.sign_in(node.url)
    write(visitor, "Only mine", "send")
    url = in_sent(visitor)
    content = next(each.content for each in site.smtp.taken if b"Only mine" in each.content)
    other.mail.append(content, mailbox="Sent")
    writer.mail.append(content)
    assert "delivery-all" in visitor.get(url).text
    inbox = re.search(r'href="(/mail/INBOX/\d+/\d+)', visitor.get("/mail/INBOX/").text)
    assert inbox and "delivery-all" not in visitor.get(inbox[1]).text
    stranger = other.sign_in(node.url)
    assert "delivery-all" not in stranger.get(in_sent(stranger)).text


def test_a_message_sent_on_has_its_own(resident: Resident, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    send_on(visitor, delivered(resident, visitor, "Sent on and told"))
    assert told(visitor.get(in_sent(visitor)).text) == [("accepted", OTHERS)]
