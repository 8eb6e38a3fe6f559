"""The outbox's page: one's own mails, in plain words, and each decision once."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest

from app.demo.node import Node
from tests.conftest import Resident, Site
from tests.visitor import Answer, Visitor

pytestmark = pytest.mark.servers

_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
NOBODY = "nobody@elsewhere.example"


def send(visitor: Visitor, to: str, subject: str) -> Answer:
    """Write and send."""
    part = visitor.get("/compose").text.partition('<form class="write-form"')[2].partition("</form>")[0]
    fields = {name: unescape(value) for name, value in _FIELD.findall(part)}
    return visitor.post("/compose", fields | {"to": to, "subject": subject, "action": "send"})


def shown(visitor: Visitor, state: str, *, within: float = 15) -> str:
    """The id of the one mail, once it is in this state."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        page = visitor.get("/outbox").text
        found = re.search(rf'data-testid="outbox-row" data-state="{state}".*?action="/outbox/(\w+)"', page, re.DOTALL)
        if found:
            return found[1]
        time.sleep(0.2)
    raise AssertionError(f"no mail is {state}: {page[-1500:]}")


def decide(visitor: Visitor, number: str, choice: str) -> Answer:
    return visitor.post(f"/outbox/{number}", {"csrf_token": visitor.token("/mail/INBOX/"), "choice": choice})


def test_a_refused_recipient_is_named_and_the_draft_opens_again(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    site.smtp.refuse[NOBODY] = "550 5.1.1 nobody of that name"
    assert send(visitor, f"{NOBODY}, friend@elsewhere.example", "To nobody").status == 303
    number = shown(visitor, "refused")
    page = visitor.get("/outbox").text
    assert NOBODY in page and "nobody of that name" in page and "Not sent to anybody yet" in page
    assert "1 not sent" in visitor.get("/mail/INBOX/").text
    draft = visitor.follow(decide(visitor, number, "edit"))
    assert draft.status == 200 and NOBODY in draft.text and "To nobody" in draft.text
    del site.smtp.refuse[NOBODY]


def test_a_mail_that_waits_is_taken_back_from_the_page(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    send(visitor, "friend@elsewhere.example", "Taken back")
    number = shown(visitor, "queued")
    assert decide(visitor, number, "undo").location.startswith("/drafts/")
    time.sleep(5)
    assert not [each for each in site.smtp.taken if b"Taken back" in each.content]
    assert decide(visitor, number, "undo").location.startswith("/drafts/"), "asked for again, it is so"


def test_nobody_sees_or_touches_another_account_s_mails(make_resident, site: Site, node: Node) -> None:
    writer, other = make_resident(), make_resident()
    mine, theirs = writer.sign_in(node.url), other.sign_in(node.url)
    send(mine, "friend@elsewhere.example", "Not yours")
    number = shown(mine, "queued")
    assert "friend@elsewhere.example" not in theirs.get("/outbox").text
    for choice in ("undo", "edit", "again", "sent", "draft", "now", "others", "read"):
        assert decide(theirs, number, choice).location == "/outbox"
    assert decide(theirs, number, "steal").status == 400
    moved = {"csrf_token": theirs.token("/mail/INBOX/"), "choice": "time", "when": "2199-01-01T08:00"}
    assert theirs.post(f"/outbox/{number}", moved).status == 422
    end = time.monotonic() + 15
    while not [each for each in site.smtp.taken if b"Not yours" in each.content]:
        assert time.monotonic() < end
        time.sleep(0.2)
