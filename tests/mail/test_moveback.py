"""Undo of a move where originals stayed behind, hidden among another client's marks."""

from __future__ import annotations

import pytest

from app.mail.connection import Connection
from app.mail.flags import flags_of
from app.mail.keywords import Marked
from app.mail.move import Moved, existing, move
from app.mail.moveback import bring_back
from tests.mail.boxes import letter, opened, scripted

HOME = b"* OK [UIDVALIDITY 7] x\r\n* OK [PERMANENTFLAGS (\\*)] x\r\n%TAG OK [READ-WRITE] done\r\n"
AWAY = HOME.replace(b"7", b"5")


def bare(client: Connection) -> Connection:
    """A server without UIDPLUS and MOVE, as far as we know."""
    client.note.capabilities = tuple(name for name in client.note.capabilities if name not in ("UIDPLUS", "MOVE"))
    return client


@pytest.mark.servers
def test_hidden_originals_are_shown_again_and_their_copies_removed(mail_account):
    mail_account.server.fill(mail_account.login, [letter(str(n)) for n in range(4)])
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as lent:
        client = bare(lent)
        validity = client.select("INBOX", write=True).uidvalidity
        client.ask(b"UID STORE", b"4", b"+FLAGS", b"(\\Deleted)")  # another client's
        moved = move(client, "INBOX", validity, [1, 2], "Archive")
        assert moved.moved == moved.hidden == (1, 2) and existing(client, range(1, 20)) == [1, 2, 3, 4]
        assert bring_back(client, moved, "INBOX", validity) == 2
        client.select("INBOX")
        marked = [uid for uid, flags in flags_of(client, range(1, 20)).items() if "\\deleted" in flags]
        assert existing(client, range(1, 20)) == [1, 2, 3, 4] and marked == [4]
        assert client.select("Archive").exists == 0


def test_originals_that_are_gone_meanwhile_come_back_as_copies():
    identity = b"* 1 FETCH (UID 8 BODY[HEADER.FIELDS (MESSAGE-ID)] {20}\r\nMessage-ID: <m1@x>\r\n)\r\n"
    replies = {
        'SELECT "INBOX"': HOME, 'SELECT "Archive"': AWAY, "UID FETCH 8": identity,
        "UID SEARCH HEADER": lambda line: b"* SEARCH 8\r\n" if b"m1" in line else b"* SEARCH 9\r\n",
        r"UID FETCH 1:2 \(UID FLAGS\)": b"* 1 FETCH (UID 2 FLAGS (\\Deleted))\r\n",
        r"UID FETCH 2 \(UID FLAGS\)": b"* 1 FETCH (UID 2 FLAGS ())\r\n",
        r"UID FETCH 9 \(UID\)": b"* 2 FETCH (UID 9)\r\n",
    }  # fmt: skip
    moved = Moved("Archive", 5, (1, 2), None, (), (), {1: "<m1@x>", 2: "<m2@x>"}, (1, 2))
    marked = Marked("$Junk", "$NotJunk", (2,))
    with scripted(replies, capabilities="IMAP4REV1 MOVE") as (client, heard):
        assert bring_back(client, moved, "INBOX", 7, marked) == 2
    home = [b"UID STORE 2 -FLAGS.SILENT (\\Deleted)", b"UID STORE 2 -FLAGS.SILENT ($Junk)",
            b"UID STORE 2 +FLAGS.SILENT ($NotJunk)"]  # fmt: skip
    away = [b"UID STORE 8 -FLAGS.SILENT ($Junk)", b'UID MOVE 8 "INBOX"', b"UID STORE 9 +FLAGS.SILENT (\\Deleted)"]
    assert [line for line in heard if line in home + away] == home + away


def test_a_renumbered_home_shows_nothing_again():
    replies = {'SELECT "INBOX"': HOME, 'SELECT "Archive"': AWAY, "UID SEARCH HEADER": b"* SEARCH 8\r\n", "UID FETCH 8":
               b"* 1 FETCH (UID 8 BODY[HEADER.FIELDS (MESSAGE-ID)] {20}\r\nMessage-ID: <m1@x>\r\n)\r\n"}  # fmt: skip
    moved = Moved("Archive", 5, (1,), None, (), (), {1: "<m1@x>"}, (1,))
    with scripted(replies, capabilities="IMAP4REV1 MOVE") as (client, heard):
        assert bring_back(client, moved, "INBOX", 6) == 1
    assert b'UID MOVE 8 "INBOX"' in heard and not any(b"\\Deleted" in line for line in heard)
