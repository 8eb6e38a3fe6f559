"""Sending later: from the form and from the outbox's page, each without a script."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from imapclient import IMAPClient
from sqlalchemy import text

from app.demo.directory import own_zone
from app.demo.node import Node
from tests.conftest import Resident, Site
from tests.visitor import Answer, Visitor
from tests.web.sending.test_outbox import decide, shown

pytestmark = pytest.mark.servers

_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
HERE = ZoneInfo(own_zone())
OTHERS = "friend@elsewhere.example"


def form_of(page: str) -> dict[str, str]:
    part = page.partition('<form class="write-form"')[2].partition("</form>")[0]
    return {name: unescape(value) for name, value in _FIELD.findall(part)}


def write(visitor: Visitor, subject: str, action: str, **fields: str) -> Answer:
    form = form_of(visitor.get("/compose").text) | {"to": OTHERS, "subject": subject, "text": "words"}
    return visitor.post("/compose", form | fields | {"action": action})


def in_minutes(minutes: int) -> str:
    """As the field says it; the tests' accounts live in the machine's zone."""
    return f"{datetime.now(HERE) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M}"


def taken(site: Site, subject: str) -> list[bytes]:
    return [each.content for each in site.smtp.taken if subject.encode() in each.content]


def arrived(site: Site, subject: str, *, within: float = 15) -> None:
    end = time.monotonic() + within
    while not taken(site, subject):
        assert time.monotonic() < end, f"{subject} was not sent"
        time.sleep(0.2)


def test_a_message_for_later_waits_with_its_time_and_can_be_sent_now(
    resident: Resident, site: Site, node: Node
) -> None:
    visitor = resident.sign_in(node.url)
    page = visitor.get("/compose").text
    assert "Tomorrow morning" in page and f"({own_zone().removeprefix('Etc/')})" in page
    when = in_minutes(90)
    told = visitor.follow(write(visitor, "For later", "later", when=when)).text
    assert "It will be sent on" in told and when[11:] in told
    number = shown(visitor, "queued")
    page = visitor.get("/outbox").text
    assert 'data-testid="outbox-subject">For later<' in page
    assert "To be sent on" in page and when[11:] in page and f'value="{when}"' in page
    assert "outbox-link" in visitor.get("/mail/INBOX/").text
    assert not taken(site, "For later")
    assert decide(visitor, number, "now").location == "/outbox"
    arrived(site, "For later")
    assert len(taken(site, "For later")) == 1
    decide(visitor, number, "now")
    assert "settled" in visitor.get("/outbox").text


def test_one_of_the_times_offered_is_a_button(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    offered = re.findall(r'name="action" value="(later [^"]+)"', visitor.get("/compose").text)
    assert len(offered) >= 1
    assert write(visitor, "Offered", offered[-1]).status == 303
    number = shown(visitor, "queued")
    back = decide(visitor, number, "undo")
    assert back.location.startswith("/drafts/") and "Offered" in visitor.follow(back).text
    assert "Nothing is on its way" in visitor.get("/outbox").text


def test_the_time_is_changed_on_the_page_and_a_bad_one_stays_in_its_field(resident: Resident, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    write(visitor, "Another time", "later", when=in_minutes(90))
    number = shown(visitor, "queued")
    token = visitor.token("/mail/INBOX/")
    change = {"csrf_token": token, "choice": "time"}
    past = visitor.post(f"/outbox/{number}", change | {"when": "2020-01-01T08:00"})
    assert past.status == 422 and "That time has passed" in past.text and 'value="2020-01-01T08:00"' in past.text
    later = in_minutes(300)
    assert visitor.post(f"/outbox/{number}", change | {"when": later}).location == "/outbox"
    assert later[11:] in visitor.get("/outbox").text
    decide(visitor, number, "undo")


@pytest.mark.parametrize("when", ["2020-01-01T08:00", "2099-01-01T08:00", "soon", ""])
def test_a_time_that_cannot_be_is_refused_beside_its_field_with_the_text_kept(
    resident: Resident, node: Node, when: str
) -> None:
    visitor = resident.sign_in(node.url)
    answer = write(visitor, "No such time", "later", when=when)
    assert answer.status == 422 and 'id="wrong-when"' in answer.text
    assert "No such time" in answer.text and "words" in answer.text
    assert 'write-later" open' in answer.text
    assert form_of(answer.text)["draft"] and "empty-outbox" in visitor.get("/outbox").text


def test_a_doubt_is_asked_before_and_the_time_stays(resident: Resident, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    when = in_minutes(90)
    answer = write(visitor, "", "later", when=when)
    assert answer.status == 422 and 'value="later-anyway"' in answer.text and f'value="{when}"' in answer.text
    anyway = form_of(answer.text) | {"to": OTHERS, "text": "x", "when": when, "action": "later-anyway"}
    assert visitor.post("/compose", anyway).status == 303
    decide(visitor, shown(visitor, "queued"), "undo")


def test_a_draft_that_waits_says_so_when_it_is_opened(resident: Resident, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    write(visitor, "Opened early", "later", when=in_minutes(90))
    number = shown(visitor, "queued")
    link = re.search(r'href="(/mail/Drafts/\d+/\d+)', visitor.get("/mail/Drafts/").text)
    assert link
    draft = visitor.get(link[1].replace("/mail/Drafts/", "/drafts/")).text
    assert "in the outbox already" in draft
    decide(visitor, number, "undo")


def test_where_nothing_may_keep_the_password_it_is_not_offered_and_a_forged_form_is_told_so(
    resident: Resident, site: Site, servers_folder: Path
) -> None:
    node = site.node(servers_folder / "no-key", POSTERN_OUTBOX_KEY="")
    node.start()
    try:
        visitor = resident.sign_in(node.url)
        page = visitor.get("/compose").text
        assert "Tomorrow morning" not in page and 'name="when"' not in page and 'name="notify"' in page
        answer = write(visitor, "Forged", "later", when=in_minutes(90))
        assert "has not set up what is needed to send later" in answer.text and "words" in answer.text
        assert answer.status >= 400 and "empty-outbox" in visitor.get("/outbox").text
    finally:
        node.stop()


def test_after_signing_out_everywhere_it_waits_for_its_owner(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    write(visitor, "Waits for me", "later", when=in_minutes(90))
    number = shown(visitor, "queued")
    visitor.post("/settings/sessions/everywhere", {"csrf_token": visitor.token("/settings/sessions")})
    with site.engine.begin() as rows:  # its time has come
        rows.execute(text("UPDATE outbox SET due = 1, until = 1 WHERE outbox_id = :id"), {"id": number})
        rows.execute(text("UPDATE outbox SET due = :now WHERE outbox_id = :id"),
                     {"id": number, "now": round(time.time() * 1000)})  # fmt: skip
    visitor = resident.sign_in(node.url)
    end = time.monotonic() + 20
    while "it waits for you" not in visitor.get("/outbox").text:
        assert time.monotonic() < end
        time.sleep(0.3)
    assert not taken(site, "Waits for me")
    assert "1 not sent" in visitor.get("/mail/INBOX/").text
    decide(visitor, number, "now")
    arrived(site, "Waits for me")


def test_of_some_refused_the_others_get_it_when_the_writer_says_so(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    site.smtp.refuse["gone@elsewhere.example"] = "550 5.1.1 moved away"
    write(visitor, "To the others", "send", to=f"gone@elsewhere.example, {OTHERS}")
    number = shown(visitor, "refused")
    page = visitor.get("/outbox").text
    assert "Not sent to anybody yet" in page and "gone@elsewhere.example" in page and "550 moved away" in page
    assert not taken(site, "To the others")
    assert decide(visitor, number, "others").location == "/outbox"
    arrived(site, "To the others")
    (mail,) = [each for each in site.smtp.taken if b"To the others" in each.content]
    assert mail.recipients == [OTHERS]
    decide(visitor, number, "others")
    assert "settled" in visitor.get("/outbox").text
    del site.smtp.refuse["gone@elsewhere.example"]


def test_a_draft_that_was_refused_opens_with_the_words_beside_its_field(
    resident: Resident, site: Site, node: Node
) -> None:
    visitor = resident.sign_in(node.url)
    site.smtp.refuse["gone@elsewhere.example"] = "550 5.1.1 moved <i>away</i>"
    write(visitor, "Marked", "send", to=OTHERS, cc="gone@elsewhere.example")
    draft = visitor.follow(decide(visitor, shown(visitor, "refused"), "edit")).text
    assert draft.count('data-testid="compose-fault"') == 1 and "write-wrong" in draft.partition('id="write-cc"')[0]
    assert "gone@elsewhere.example was refused: 550 moved &lt;i&gt;away&lt;/i&gt;." in draft
    del site.smtp.refuse["gone@elsewhere.example"]
    fields = form_of(draft) | {"to": OTHERS, "subject": "Marked", "text": "words", "action": "send"}
    assert visitor.post("/compose", fields).status == 303
    arrived(site, "Marked")
    assert len(taken(site, "Marked")) == 1


def test_the_own_time_for_undo_holds(resident: Resident, site: Site, node: Node) -> None:
    visitor = resident.sign_in(node.url)
    visitor.post("/settings/writing", {"csrf_token": visitor.token("/settings/writing"), "undo_seconds": "300"})
    write(visitor, "Long undo", "send")
    number = shown(visitor, "queued")
    assert "On its way" in visitor.get("/outbox").text
    assert 'data-seconds="60"' in visitor.get("/mail/INBOX/").text  # how long a script offers the way back
    with site.engine.connect() as rows:
        due, created = rows.execute(text("SELECT due, created FROM outbox WHERE outbox_id = :id"), {"id": number}).one()
    assert due - created == 300_000
    assert decide(visitor, number, "undo").location.startswith("/drafts/")


def test_a_mail_that_is_tried_again_says_when_and_why_and_is_tried_at_once_if_its_writer_wants(
    resident: Resident, site: Site, node: Node
) -> None:
    visitor = resident.sign_in(node.url)
    site.smtp.refuse["slow@elsewhere.example"] = "450 4.2.0 <greylisted>, come back"
    write(visitor, "Again", "send", to="slow@elsewhere.example")
    number = shown(visitor, "queued")
    end = time.monotonic() + 15
    while "It will be tried again at" not in (page := visitor.get("/outbox").text):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert "slow@elsewhere.example: 450 4.2.0 &lt;greylisted&gt;, come back" in page and "Try now" in page
    del site.smtp.refuse["slow@elsewhere.example"]
    decide(visitor, number, "now")
    arrived(site, "Again")
    assert len(taken(site, "Again")) == 1


def test_a_mail_whose_bytes_were_taken_away_is_told_of_until_that_is_read(
    resident: Resident, site: Site, node: Node
) -> None:
    visitor = resident.sign_in(node.url)
    write(visitor, "Taken away", "later", when=in_minutes(90))
    number = shown(visitor, "queued")
    with IMAPClient("127.0.0.1", resident.mail.server.imap_port, ssl=False) as client:
        client.login(resident.mail.login, resident.mail.password)
        client.select_folder("Drafts")
        client.delete_messages(client.search("ALL"))
        client.expunge()
    decide(visitor, number, "now")
    assert shown(visitor, "cancelled") == number
    assert "Not sent: it was removed" in visitor.get("/outbox").text
    assert "1 not sent" in visitor.get("/mail/INBOX/").text
    decide(visitor, number, "read")
    assert "empty-outbox" in visitor.get("/outbox").text
