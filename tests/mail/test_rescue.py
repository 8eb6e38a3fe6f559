"""A message that was taken for spam is found by its Message-ID, and by nothing that could name others."""

from __future__ import annotations

import pytest

from app.mail.flags import flags_of
from app.mail.rescue import is_named, rescue
from tests.mail.boxes import Spent, letter, opened


@pytest.mark.servers
def test_it_is_moved_from_the_junk_mailbox_and_marked(mail_account):
    mail_account.append(letter("prize"), mailbox="Junk")
    mail_account.append(letter("offer"), mailbox="Junk")
    identity = letter("offer").partition(b"Message-ID: ")[2].partition(b"\r")[0].decode()
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        spent = Spent(client)
        done = rescue(client, ["Nowhere", "Junk"], identity, "INBOX")
        assert done is not None and (done.mailbox, done.moved.moved, done.moved.target) == ("Junk", (2,), "INBOX")
        assert spent.commands <= 6
        client.select("INBOX")
        assert [("$notjunk" in flags) for flags in flags_of(client, range(1, 9)).values()] == [True]
        assert rescue(client, ["Nowhere", "Junk"], identity, "INBOX") is None
        assert rescue(client, ["Junk"], identity.strip("<>"), "INBOX") is None, "a part of many is the name of none"


@pytest.mark.parametrize(
    "name", [None, "", "<>", "a@b", "<a@b", "<@>", "<a@b> <c@d>", "<a b@c>", "<a\r\nNOOP@b>", "<é@b>", f"<{'a' * 250}>"]
)
def test_what_could_be_a_part_of_others_names_none(name):
    assert not is_named(name) and is_named("<a.b$c@d>")
