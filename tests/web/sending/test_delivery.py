"""What Sent says of a message's way: whom the submission server took it for, in its own words."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import Engine, insert, text

from app.blocklog.codes import Fate
from app.blocklog.fate import message_mark
from app.blocklog.tables import Base, FateRow
from app.demo.node import Node
from app.web.sending.delivery import logged
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


def put_fate(site: Site, page: str, rcpt: str, fate: Fate, server: str = "", reply: str = "") -> None:
    """What a follower writes of the newest message of the sink, as its sender's account has it."""
    with site.engine.begin() as rows:
        account = rows.scalar(text("SELECT account_id FROM outbox ORDER BY created DESC LIMIT 1"))
        values = {"account_id": account, "mark": message_mark(page), "rcpt": rcpt, "fate": fate, "server": server}
        rows.execute(insert(FateRow).values(**values, reply=reply, changed_at=datetime.now(UTC)))


def test_the_logs_tell_how_far_it_has_come(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    write(visitor, "Three ways", "send", to=f"{OTHERS}, Late@ELSEWHERE.example, gone@elsewhere.example")
    url = in_sent(visitor)
    sent = next(each.message_id for each in site.smtp.taken if b"Three ways" in each.content)
    put_fate(site, sent, OTHERS, Fate.delivered, "mx.far.example[192.0.2.9]:25", "250 2.0.0 <b>Ok</b>")
    page = visitor.get(url).text
    assert "delivered to 1 of 3, 2 on the way at " in page
    put_fate(site, sent, "late@elsewhere.example", Fate.deferred, "[192.0.2.8]:25", "451 later")
    put_fate(site, sent, "gone@elsewhere.example", Fate.bounced, "", "550 5.1.1 no such user")
    page = visitor.get(url).text
    assert "delivered to 1 of 3, 1 bounced, 1 delayed at " in page
    assert sorted(told(page))[:2] == [("bounced", "gone@elsewhere.example"), ("deferred", "Late@elsewhere.example")]
    assert "at <bdi>mx.far.example</bdi>" in page and "at <bdi>192.0.2.8</bdi>" in page
    assert "250 2.0.0 &lt;b&gt;Ok&lt;/b&gt;" in page and "550 5.1.1 no such user" in page


def test_what_the_outbox_forgot_the_logs_still_tell(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    write(visitor, "Long ago", "send")
    url = in_sent(visitor)
    sent = next(each.message_id for each in site.smtp.taken if b"Long ago" in each.content)
    put_fate(site, sent, OTHERS, Fate.delivered)
    with site.engine.begin() as rows:
        rows.execute(text("DELETE FROM outbox WHERE message_id = :name"), {"name": sent})
    page = visitor.get(url).text
    assert "delivered to 1 of 1 at " in page and told(page) == [("delivered", OTHERS)]


def test_a_message_sent_on_is_followed_by_either_of_its_ids(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    send_on(visitor, delivered(resident, visitor, "Sent on and followed"))
    url = in_sent(visitor)
    content = next(each.content for each in site.smtp.taken if b"Sent on and followed" in each.content)
    first, again = (re.search(rb"(?im)^%sMessage-ID: (\S+)" % name, content) for name in (b"", b"Resent-"))
    assert first and again
    put_fate(site, first[1].decode(), OTHERS, Fate.deferred)
    put_fate(site, first[1].decode(), "of-another-copy@elsewhere.example", Fate.delivered)
    assert told(visitor.get(url).text) == [("deferred", OTHERS)]
    put_fate(site, again[1].decode(), OTHERS, Fate.delivered)
    assert told(visitor.get(url).text) == [("delivered", OTHERS)]


def test_a_slow_log_is_waited_for_by_one_message_and_not_by_the_next(app: Flask) -> None:
    log: Engine = app.extensions["postern"].blocklog
    Base.metadata.create_all(log)
    with app.app_context(), ExitStack() as others:
        for _ in range(8):  # as many as there may be
            others.enter_context(log.connect())
        took = []
        for _ in range(6):
            begun = time.monotonic()
            assert logged("1", "<a@b.example>") == {}
            took.append(time.monotonic() - begun)
    assert took[0] > 1 and sorted(took[1:])[2] < 0.2, "most of the five after it wait for nothing"


def test_without_a_log_the_answer_of_the_server_is_told_as_before(resident: Resident, site: Site, node: Node) -> None:
    """The last of these tests: the node asks the log no more for some seconds."""
    visitor = resident.sign_in(node.url)
    write(visitor, "No log", "send")
    url = in_sent(visitor)
    with site.engine.begin() as rows:
        rows.execute(text("ALTER TABLE mail_fate RENAME TO mail_fate_away"))
    try:
        page = visitor.get(url).text
    finally:
        with site.engine.begin() as rows:
            rows.execute(text("ALTER TABLE mail_fate_away RENAME TO mail_fate"))
    assert "accepted for 1 of 1 at " in page
