"""A message sent on as it is: the same bytes, other recipients, undone like any other."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest

from app.demo.node import Node
from tests.conftest import Resident, Site
from tests.visitor import Answer, Visitor
from tests.web.sending.test_outbox import decide, shown
from tests.web.sending.test_underway import arrived, taken

pytestmark = pytest.mark.servers

LETTER = (
    b"From: Carl <carl@elsewhere.example>\r\nTo: you@one.example\r\nSubject: %s\r\nMessage-ID: <%s@x.example>\r\n"
    b"DKIM-Signature: v=1; b=abc\r\nDelivered-To: secret\r\n\r\nThe very words.\r\n"
)
TO = "Friend <friend@elsewhere.example>"


def delivered(resident: Resident, visitor: Visitor, subject: str) -> str:
    """The address of a message that came."""
    resident.mail.append(LETTER % (subject.encode(), subject.replace(" ", "-").encode()))
    found = re.search(r'href="(/mail/INBOX/\d+/\d+)', visitor.get("/mail/INBOX/").text)
    assert found
    return found[1]


def fields_of(visitor: Visitor, url: str) -> dict[str, str]:
    form = visitor.get(f"{url}/redirect").text.partition('data-testid="redirect-form"')[2]
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in found}


def send_on(visitor: Visitor, url: str, to: str = TO, **more: str) -> Answer:
    return visitor.post(f"{url}/redirect", fields_of(visitor, url) | {"to": to} | more)


def test_it_goes_on_unchanged_with_resent_fields_and_the_original_is_marked(
    resident: Resident, site: Site, node: Node
) -> None:
    visitor = resident.sign_in(node.url)
    url = delivered(resident, visitor, "Passed along")
    assert f"{url}/redirect?q=along" in visitor.get(f"{url}?q=along").text
    answer = visitor.post(f"{url}/redirect?q=along", fields_of(visitor, url) | {"to": TO})
    assert (answer.status, answer.location) == (303, f"{url}?q=along")
    assert "on its way" in visitor.follow(answer).text
    arrived(site, "Passed along")
    (mail,) = [each for each in site.smtp.taken if b"Passed along" in each.content]
    assert mail.recipients == ["friend@elsewhere.example"] and mail.sender == resident.address
    head, _, body = mail.content.partition(b"\r\n\r\n")
    assert head.startswith(b"Resent-Date: ") and b"Resent-To: Friend <friend@elsewhere.example>" in head
    assert b"From: Carl" in head and b"DKIM-Signature: v=1; b=abc" in head and b"secret" not in head
    assert body == b"The very words.\r\n"
    end = time.monotonic() + 10
    while "Passed along" not in visitor.get("/mail/Sent/").text:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert "Passed along" not in visitor.get("/mail/Drafts/").text


def test_undo_leaves_nothing_behind(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    url = delivered(resident, visitor, "Not sent on")
    send_on(visitor, url)
    decide(visitor, shown(visitor, "queued"), "undo")
    time.sleep(4)
    assert not taken(site, "Not sent on") and "Not sent on" not in visitor.get("/mail/Drafts/").text
    assert "Not sent on" in visitor.get("/mail/INBOX/").text and "empty-outbox" in visitor.get("/outbox").text


def test_a_form_sent_twice_sends_once(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    url = delivered(resident, visitor, "Once on")
    fields = fields_of(visitor, url)
    for _ in range(3):
        assert visitor.post(f"{url}/redirect", fields | {"to": TO}).status == 303
    arrived(site, "Once on")
    time.sleep(1)
    assert len(taken(site, "Once on")) == 1


@pytest.mark.parametrize(
    ("to", "why"),
    [("", "Say who this goes to"), ("bob", "bob"), ("a@b, c@d.example", "a@b")],
)
def test_who_cannot_be_written_to_is_told_beside_the_field(resident: Resident, node: Node, to: str, why: str) -> None:
    visitor = resident.sign_in(node.url)
    url = delivered(resident, visitor, "Nowhere")
    answer = send_on(visitor, url, to)
    assert answer.status == 422 and "field-error" in answer.text and why in answer.text
    assert "empty-outbox" in visitor.get("/outbox").text


def test_a_message_that_is_gone_or_a_false_id_is_refused(resident: Resident, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    url = delivered(resident, visitor, "Gone")
    assert send_on(visitor, url, message_id="<x>\r\nBcc: eve@z.example").status == 400
    assert visitor.get(url.rpartition("/")[0] + "/999/redirect").status in (404, 410)
