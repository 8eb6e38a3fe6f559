"""Very many folders: what of them is in a page, whom a typed name means, and a real account that has them."""

from __future__ import annotations

import re

import pytest

from app.demo.node import Node
from app.mail.mailbox import Mailbox
from app.mail.special import Use
from app.web.mailboxes.branches import SHOWN, called, found, shown
from tests.conftest import Resident
from tests.mail.boxes import letter, opened
from tests.web.reading.test_mailbox import Reader, said

PAGE_BYTES = 150_000


def box(name: str, use: Use | None = None) -> Mailbox:
    *above, label = name.split("/")
    return Mailbox(name, label, "/", len(above), True, use, None, None)


def people(count: int) -> list[Mailbox]:
    return [box(f"Projects/p{number:04}") for number in range(count)]


MANY_BOXES = [box("INBOX", "inbox"), box("Old"), box("Old/Spam", "junk"), box("Projects"), *people(3000), box("Zoo")]


def test_a_few_folders_are_all_shown():
    assert shown(MANY_BOXES[:50], "INBOX") == MANY_BOXES[:50]


def test_of_many_the_special_ones_and_the_highest_are_shown_each_with_those_that_hold_it():
    names = [each.name for each in shown(MANY_BOXES, "INBOX")]
    assert names == ["INBOX", "Old", "Old/Spam", "Projects", "Zoo"]


def test_what_the_open_folder_holds_and_what_lies_beside_it_is_shown():
    below = [each.name for each in shown(MANY_BOXES, "Projects")]
    assert "Projects/p0000" in below and "Old/Spam" in below and len(below) <= SHOWN + 2
    beside = [each.name for each in shown(MANY_BOXES, "Projects/p1500")]
    assert {"Projects", "Projects/p1499", "Projects/p1501", "INBOX"} <= set(beside) and len(beside) <= SHOWN + 2
    assert "Projects/p0000" not in beside
    assert beside == [each.name for each in MANY_BOXES if each.name in set(beside)], "not in the order of all"


def test_a_folder_nobody_knows_hides_nothing():
    assert [each.name for each in shown(MANY_BOXES, "Gone")] == [each.name for each in shown(MANY_BOXES, "INBOX")]


def test_a_typed_name_means_the_folder_of_that_name_else_all_that_are_called_so():
    boxes = [box("INBOX", "inbox"), box("Bills"), box("a/Bills"), box("a/Taxes"), box(" odd ")]

    def meant(typed: str) -> list[str]:
        return [each.name for each in called(boxes, typed)]

    assert meant("Bills") == ["Bills"] and meant("bills") == ["Bills", "a/Bills"] and meant("A/BILLS ") == ["a/Bills"]
    assert meant("taxes") == ["a/Taxes"] and meant("Inbox") == ["INBOX"] and meant(" odd ") == [" odd "]
    assert meant("nothing") == [] and meant("") == []
    assert [each.name for each in found(boxes, "bil A/")] == ["a/Bills"]


@pytest.fixture
def hoarder(resident: Resident) -> Resident:
    """600 folders that are listed and that no mail program has opened yet."""
    server, login = resident.mail.server, resident.mail.login
    roots = [server.maildir(login, name) for name in ("Projects of 0", "Projects of 1", "Projects of 2")]
    for folder in (roots[1], *(roots[number % 3] / f"client {number:04} and company" for number in range(600))):
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
    server.fill(login, [letter(f"Letter {number}") for number in range(60)])
    with opened(server.imap_port, login, resident.mail.password) as client:
        client.ask(b"LIST", b'""', b'"*"', timeout=60)  # Dovecot makes its own index of them: up to 20 s on a busy disk
    return resident


def indexes(person: Resident) -> int:
    """How many of the folders the mail server has opened by now."""
    return len(list(person.mail.server.maildir(person.mail.login).rglob("dovecot.index.log")))


@pytest.mark.servers
def test_of_many_new_folders_a_few_are_opened_and_no_page_is_heavy(hoarder: Resident, node: Node):
    reader, before = Reader(hoarder, node), indexes(hoarder)
    page = reader.page()
    assert indexes(hoarder) - before < 20, "each one costs 2.5 ms before the first list is there"
    message = re.search(r'href="(/mail/INBOX/\d+/\d+)', page)
    inside = "/mail/Projects~20of~201/"
    for path in ("/mail/INBOX/", message[1] if message else "", inside, "/compose", "/settings/folders", "/folders"):
        assert len(reader.page(path).encode()) < PAGE_BYTES, path
    assert "/folders?q=Projects+of+0" in page, "the way into what is no folder itself"
    assert re.search(r"All 6\d\d folders", page)
    assert "client 0001" not in page and "client 0001" in reader.page(inside)


@pytest.mark.servers
def test_of_many_folders_one_is_found_by_name_and_moved_to_by_typing(hoarder: Resident, node: Node):
    reader = Reader(hoarder, node)
    rows = re.findall(r'data-testid="folder-row" data-mailbox="([^"]*)"', reader.page("/folders?q=CLIENT+0599"))
    assert rows == ["Projects of 2/client 0599 and company"]
    assert reader.page("/folders?page=2").count('data-testid="folder-row"') == 200
    assert reader.page("/folders?page=999").count('rel="next"') == 0
    assert "No folder’s name" in reader.page("/folders?q=%3Cb%3E")
    page = reader.act("move", 1, target="Client 0007 AND company")
    assert "1 message moved to client 0007 and company." in said(page)
    assert reader.exists("Projects of 1/client 0007 and company") == 1
    assert "No folder is called “<b>”. Nothing was moved." in said(reader.act("move", 2, target="<b>"))
    assert len(reader.uids()) == 50 and reader.exists("INBOX") == 59

