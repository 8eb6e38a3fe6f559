"""Everything of the mailbox on a bare IMAP4rev1 server: no SORT, ESEARCH, SPECIAL-USE, LIST-STATUS, PREVIEW."""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from hashlib import sha256

import pytest

from app.demo.pymap import Pymap
from app.mail import aside, bodystructure
from app.mail.connection import Connection
from app.mail.create import make
from app.mail.draft import digest, read, save, set_aside
from app.mail.errors import ConnectionLost
from app.mail.flags import store
from app.mail.listing import page
from app.mail.mailbox import find, named_mailbox, target_name, tree
from app.mail.move import delete_for_good, existing, move
from app.mail.neighbours import neighbours
from app.mail.outgoing import Address, File, Upload, Writing, pieces
from app.mail.part import Place, fetch, slices
from tests.mail.boxes import Remembered, letter, opened

pytestmark = [pytest.mark.servers, pytest.mark.slow]

LOGIN = "alice@one.example"
TODAY = date(2026, 6, 1)
ODD = 'Grüße/50% "x" & #y'


@pytest.fixture(scope="module")
def server(servers_folder) -> Iterator[Pymap]:
    server = Pymap(servers_folder / "pymap", {LOGIN: "secret"}).start()
    for number in range(12):
        word = "garden" if number % 3 == 0 else "Grüße"
        sender = f"P{number % 4} <p@x.example>"
        server.append(LOGIN, letter(f"{number * 5 % 12:02} {word}", sender=sender, day=number + 1))
    with opened(server.imap_port, LOGIN, "secret") as connection:
        for mailbox in ("Spam", ODD):
            make(connection, mailbox)
    server.append(LOGIN, letter("bad one"), mailbox="Spam")
    yield server
    server.stop()


@pytest.fixture
def client(server) -> Iterator[Connection]:
    with opened(server.imap_port, LOGIN, "secret") as connection:
        yield connection


def test_lists_orders_views_and_searches(client):
    cache = Remembered()
    shown = page(client, "INBOX", per_page=5, cache=cache)
    uids = [row.uid for row in shown.rows]
    assert (shown.total, shown.pages) == (12, 3) and uids == sorted(uids, reverse=True)
    assert page(client, "INBOX", per_page=5, cache=cache) == shown
    by_subject = page(client, "INBOX", sort="subject", descending=False, cache=cache)
    subjects = [row.summary.subject for row in by_subject.rows]
    assert subjects == sorted(subjects) and len(subjects) == 12
    dates = [row.summary.date for row in page(client, "INBOX", sort="date", cache=cache).rows]
    assert dates == sorted(dates, reverse=True)
    found = page(client, "INBOX", query="garden", sort="from", descending=False, cache=cache)
    assert found.total == 4 and [row.summary.sender.name for row in found.rows] == ["P0", "P1", "P2", "P3"]
    assert page(client, "INBOX", query="Grüße", cache=cache).total == 8
    assert page(client, "INBOX", view="unread", cache=cache).total == 12
    middle = shown.rows[2].uid
    assert neighbours(client, "INBOX", shown.uidvalidity, middle)[:2] == (uids[1], uids[3])


def test_the_tree_has_counts_and_usual_names(client):
    boxes = tree(client, today=TODAY)
    assert find(boxes, "junk").name == "Spam" and find(boxes, "junk").unseen == 1
    assert find(boxes, "inbox").messages == 12
    assert named_mailbox(boxes, ODD).depth == 1
    assert target_name(boxes, "trash", today=TODAY) == "Trash"


def test_flags_moves_and_deletions_say_what_happened(client):
    shown = page(client, "INBOX", cache=Remembered())
    first, second, third = (row.uid for row in shown.rows[:3])
    assert store(client, "INBOX", shown.uidvalidity, [first, 9999], add=["\\Flagged"]).gone == (9999,)
    assert [row.uid for row in page(client, "INBOX", view="flagged", cache=Remembered()).rows] == [first]
    moved = move(client, "INBOX", shown.uidvalidity, [first, 9999], "Later", create=True)
    assert (moved.moved, moved.gone) == ((first,), (9999,)) and len(moved.uids) == 1
    assert client.select("Later").exists == 1
    assert delete_for_good(client, "INBOX", shown.uidvalidity, [second]).removed == (second,)
    assert third in [row.uid for row in page(client, "INBOX", cache=Remembered()).rows]


def test_files_are_read_in_slices_though_their_header_counts_into_their_size(client, server):
    made = EmailMessage()
    made["Subject"] = "two files"
    made.set_content("see")
    contents = [b"first " * 500, b"second"]
    for content in contents:
        made.add_attachment(content, "application", "pdf", filename="a.pdf")
    server.append(LOGIN, made.as_bytes(), mailbox="Spam")
    note = client.select("Spam")
    uid = page(client, "Spam", cache=Remembered()).rows[0].uid
    place = Place("Spam", note.uidvalidity, uid)
    structure = bodystructure.read(fetch(client, uid, b"BODYSTRUCTURE")[b"BODYSTRUCTURE"])
    for section, content in zip(("2", "3"), contents, strict=True):
        found = structure.find(section)
        pieces = list(slices(lambda: nullcontext(client), place, section, expected=found.size, size=1000))
        assert b64decode(b"".join(pieces)) == content
    with pytest.raises(ConnectionLost):
        list(slices(lambda: nullcontext(client), place, "2", expected=structure.find("2").size + 1, size=1000))


def test_files_are_set_aside_and_found_again_without_uidplus_and_keywords(client, server):
    def lease():
        return opened(server.imap_port, LOGIN, "secret")

    file = File("a.bin", "image/png", Upload(io.BytesIO(b"\xab" * 300_000), 300_000))
    lying = set_aside(client, "Drafts", file, "<aside@one.example>", lease=lease)
    writing = Writing(Address("Alice", LOGIN), text="Hello", files=(lying,), message_id="<aside@one.example>")
    saved = save(client, "Drafts", pieces(aside.apart(writing), final=False), lease=lease)
    stored = read(client, "Drafts", saved.uidvalidity, saved.uid)
    assert stored.files == (lying,)
    former = saved.uidvalidity, saved.uid
    saved = save(client, "Drafts", pieces(stored, final=False), replaces=former, lease=lease)
    at = lying.content
    aside.remove(client, at.mailbox, at.uidvalidity, [at.uid], "<aside@one.example>")
    whole = message_from_bytes(fetch(client, saved.uid, b"BODY.PEEK[]")[b"BODY[]"])
    (part,) = [each for each in whole.walk() if each.get_filename()]
    assert part.get_payload(decode=True) == b"\xab" * 300_000
    assert existing(client, range(1, 50)) == [saved.uid]
    assert aside.clear(client, "Drafts", before=TODAY) == 0


def test_drafts_are_saved_with_their_files_and_replaced(client, server):
    writing = Writing(
        Address("Alice", LOGIN),
        (Address("Jörg", "joerg@straße.example"), Address("", "half")),
        subject="Grüße",
        text="Hello\n> quoted",
        files=(File("Übersicht.pdf", "application/pdf", Upload(io.BytesIO(b"%PDF" * 400_000), 1_600_000)),),
        message_id="<draft@one.example>",
    )
    saved = save(client, ODD, pieces(writing, final=False))
    for count in range(3):
        stored = read(client, ODD, saved.uidvalidity, saved.uid)
        assert stored.to == writing.to and stored.files[0].name == "Übersicht.pdf"
        changed = replace(stored, text=f"Save {count}")
        saved = save(
            client, ODD, pieces(changed, final=False), replaces=(saved.uidvalidity, saved.uid),
            lease=lambda: opened(server.imap_port, LOGIN, "secret"),
        )  # fmt: skip
        assert saved.former == "removed"
    client.select(ODD)
    assert existing(client, range(1, 100)) == [saved.uid]
    # pymap keeps LF alone, counts a part's header as its body, and gives the line break before a boundary with it.
    assert read(client, ODD, saved.uidvalidity, saved.uid).text.rstrip("\n") == "Save 2"
    whole = fetch(client, saved.uid, b"BODY.PEEK[]")[b"BODY[]"]
    assert digest(client, ODD, saved.uidvalidity, saved.uid) == (len(whole), sha256(whole).hexdigest())
    assert message_from_bytes(whole).get_payload()[1].get_payload(decode=True) == b"%PDF" * 400_000
    assert save(client, "New", pieces(replace(writing, files=()), final=False)).uid
