"""Writing in a mailbox that is full, or without the folders that it needs: the text is kept, nothing is sent unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient

from app.demo.dovecot import Dovecot
from tests.conftest import MakeAccount
from tests.faults.test_uploads import put
from tests.faults.test_writing import eventually_taken, fields, form, lying, taken
from tests.faults.world import Person, World, eventually, letter, title

pytestmark = pytest.mark.servers

LONG = "A long letter. " * 400


@pytest.fixture
def full(world: World, server_folder: Path, make_account: MakeAccount) -> Iterator[Person]:
    """Signed in, with room for a few hundred octets."""
    server = Dovecot(server_folder, quota="20K").start()
    mail = make_account(server)
    mail.append(letter("Nearly all", "x" * 76 + "\n") + b"y" * 18_500)
    yield world.person(mail).signed_in()
    server.stop()


@pytest.mark.parametrize("action", ["save", "send"])
def test_a_full_mailbox_is_told_and_the_text_stays_in_the_page(world: World, full: Person, action: str):
    subject = f"Full {action}"
    answer = full.visitor.post("/compose", form(full, subject, text=LONG, action=action))
    assert answer.status == 507, title(answer)
    assert "mailbox is full" in answer.text and "Not saved" in answer.text and LONG.strip() in answer.text
    assert not lying(full) and not taken(world, subject)
    (path,) = full.paths()
    assert full.act("delete", path).status == 303  # deleting works at 100 %
    trash = full.paths("/mail/Trash/")
    with IMAPClient("127.0.0.1", full.mail.server.imap_port, ssl=False) as client:
        client.login(full.mail.login, full.mail.password)
        client.select_folder("Trash" if trash else "INBOX")
        client.delete_messages(client.search())
        client.expunge()
    again = {**fields(answer), "to": "friend@elsewhere.example", "subject": subject, "text": LONG, "action": action}
    assert full.visitor.post("/compose", again).status == 303
    if action == "send":
        assert len(eventually_taken(world, subject)) == 1
        eventually(lambda: len(full.paths("/mail/Sent/")) == 1)
    else:
        assert len(lying(full)) == 1


def test_folders_that_somebody_deleted_are_made_again(world: World, alice: Person):
    with IMAPClient("127.0.0.1", alice.mail.server.imap_port, ssl=False) as client:
        client.login(alice.mail.login, alice.mail.password)
        for mailbox in ("Drafts", "Sent"):
            client.delete_folder(mailbox)
    assert alice.visitor.post("/compose", form(alice, "Made again")).status == 303
    assert len(eventually_taken(world, "Made again")) == 1
    eventually(lambda: len(alice.paths("/mail/Sent/")) == 1)
    eventually(lambda: not lying(alice))


def test_a_folder_deleted_under_a_draft_that_is_open_is_made_again_with_the_draft(world: World, alice: Person):
    begun = form(alice, "Under it", action="save")
    page = alice.visitor.follow(alice.visitor.post("/compose", begun))
    opened = {**begun, **fields(page), "text": "Second", "subject": "Under it"}
    with IMAPClient("127.0.0.1", alice.mail.server.imap_port, ssl=False) as client:
        client.login(alice.mail.login, alice.mail.password)
        client.delete_folder("Drafts")
    answer = alice.visitor.post("/compose", opened)
    assert answer.status == 303, title(answer)
    assert "Second" in alice.visitor.follow(answer).text and len(lying(alice)) == 1


def test_a_file_is_put_where_the_folder_of_drafts_is_missing(world: World, alice: Person):
    begun = form(alice, "With a file")
    with IMAPClient("127.0.0.1", alice.mail.server.imap_port, ssl=False) as client:
        client.login(alice.mail.login, alice.mail.password)
        client.delete_folder("Drafts")
    answer = put(alice, begun, b"content" * 50_000, name="plan.txt")
    assert answer.status == 201, title(answer)
    assert len(lying(alice)) == 1
