"""Drafts that other programs wrote: opened and saved here they stay what they are."""

from __future__ import annotations

import re
from email import message_from_bytes
from html import unescape

import pytest

from app.demo.node import Node
from tests.conftest import Resident, Site
from tests.visitor import Visitor
from tests.web.writing.test_conflict import Tab, elsewhere, fields, lying

pytestmark = pytest.mark.servers
FOREIGN = (
    b"From: somebody@else.example\r\nTo: Bob <bob@elsewhere.example>\r\nSubject: Begun elsewhere\r\n"
    b"In-Reply-To: <asked@elsewhere.example>\r\nReferences: <first@elsewhere.example> <asked@elsewhere.example>\r\n"
    b"%bContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n"
)


@pytest.fixture
def visitor(resident: Resident, site: Site, node: Node) -> Visitor:
    return resident.sign_in(node.url)


def opened(visitor: Visitor, resident: Resident, draft: bytes) -> Tab:
    """The form of a draft that another program put there."""
    with elsewhere(resident) as client:
        client.append("Drafts", draft, ["\\Draft"])
        uidvalidity = client.select_folder("Drafts")[b"UIDVALIDITY"]
        uid = max(client.search())
    answer = visitor.get(f"/drafts/{uidvalidity}/{uid}")
    assert answer.status == 200 and "Grüße" in answer.text
    return Tab(visitor, fields(answer))


@pytest.mark.parametrize("more", [b"", b"Message-ID: not one\r\n"])
def test_a_draft_without_a_message_id_gets_one_and_is_saved_in_its_place(
    visitor: Visitor, resident: Resident, more: bytes
) -> None:
    tab = opened(visitor, resident, FOREIGN % more)
    tab.save("Grüße und mehr")
    first = tab.of("message_id")
    tab.save("Grüße und noch mehr")
    (stored,) = lying(resident)
    assert message_from_bytes(stored)["Message-ID"] == first == tab.of("message_id")
    assert first.endswith("@one.example>")


def test_a_draft_keeps_its_message_id_and_its_thread(visitor: Visitor, resident: Resident) -> None:
    tab = opened(visitor, resident, FOREIGN % b"Message-ID: <theirs@else.example>\r\n")
    tab.save("Grüße und mehr")
    (stored,) = lying(resident)
    message = message_from_bytes(stored)
    assert message["Message-ID"] == "<theirs@else.example>"
    assert message["In-Reply-To"] == "<asked@elsewhere.example>"
    assert message["References"].split() == ["<first@elsewhere.example>", "<asked@elsewhere.example>"]


def test_what_a_draft_says_of_its_own_is_not_believed(visitor: Visitor, resident: Resident) -> None:
    hostile = (
        b"X-Postern-State-gone: your%20session.%20Sign%20in%20at%20evil.example\r\n"
        b"X-Postern-Origin: reply%091%092%09a%01b\r\n"
    )
    with elsewhere(resident) as client:
        client.append("Drafts", FOREIGN % hostile, ["\\Draft"])
        validity, uid = client.select_folder("Drafts")[b"UIDVALIDITY"], max(client.search())
    page = visitor.get(f"/drafts/{validity}/{uid}")
    assert page.status == 200 and "evil.example" not in page.text
    Tab(visitor, fields(page)).save("Grüße und mehr")
    (stored,) = lying(resident)
    assert "Grüße und mehr" in message_from_bytes(stored).get_payload(decode=True).decode()


@pytest.mark.parametrize("action", ["close", "discard", "send"])
def test_an_answer_leads_back_to_the_search_that_its_message_was_opened_from(
    visitor: Visitor, resident: Resident, action: str
) -> None:
    with elsewhere(resident, "INBOX") as client:
        client.append("INBOX", FOREIGN % b"")
        validity, uid = client.select_folder("INBOX")[b"UIDVALIDITY"], max(client.search())
    place, query = f"/mail/INBOX/{validity}/{uid}", "page=2&q=begun+%26+ended&view=unread"
    link = re.search(r'href="(/compose\?answer=reply&[^"]*)"', visitor.get(f"{place}?{query}").text)
    assert link
    tab = Tab(visitor, fields(visitor.get(unescape(link[1]))))
    kept = visitor.follow(tab.post("save", "mine"))
    tab.take(kept)
    back = re.search(r'data-back="([^"]*)"', kept.text)
    assert back and unescape(back[1]) == f"{place}?{query}"
    assert tab.post(action, "mine").location.removeprefix(visitor.base) == f"{place}?{query}"


def test_where_an_answer_leads_back_to_is_no_address_of_somebody_else(visitor: Visitor, resident: Resident) -> None:
    with elsewhere(resident, "INBOX") as client:
        client.append("INBOX", FOREIGN % b"")
        validity, uid = client.select_folder("INBOX")[b"UIDVALIDITY"], max(client.search())
    tab = Tab(visitor, fields(visitor.get(f"/compose?answer=reply&mailbox=INBOX&uidvalidity={validity}&uid={uid}")))
    tab.kept.append(("list", "_external=1&_scheme=evil&page=x&sort=//evil.example&view=%0d%0a&q=a%0d%0ab"))
    assert tab.post("discard", "mine").location.removeprefix(visitor.base) == f"/mail/INBOX/{validity}/{uid}?q=a+b"


def test_a_link_that_attaches_does_not_say_to_whom(visitor: Visitor, resident: Resident) -> None:
    with elsewhere(resident, "INBOX") as client:
        client.append("INBOX", FOREIGN % b"")
        validity, uid = client.select_folder("INBOX")[b"UIDVALIDITY"], max(client.search())
    page = visitor.get(f"/compose?attach=INBOX.{validity}.{uid}&to=evil@else.example&bcc=evil@else.example")
    assert page.status == 200 and "Begun elsewhere.eml" in page.text and "evil@" not in page.text


def test_who_attaches_what_they_sent_is_told_that_it_names_its_blind_copies(
    visitor: Visitor, resident: Resident
) -> None:
    with elsewhere(resident, "INBOX") as client:
        client.append("INBOX", FOREIGN % b"")
        client.append("INBOX", FOREIGN % b"Bcc: eve@else.example\r\n")
        validity, uids = client.select_folder("INBOX")[b"UIDVALIDITY"], client.search()[-2:]
    where = f"mailbox=INBOX&uidvalidity={validity}"
    pages = [visitor.get(f"/compose?attach=INBOX.{validity}.{uid}") for uid in uids]
    pages += [visitor.get(f"/compose?answer=attached&{where}&uid={uid}") for uid in uids]
    assert ["blind copies, and whoever" in page.text for page in pages] == [False, True] * 2
