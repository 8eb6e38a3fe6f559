"""What the user says about spam reaches the server as keywords, where it keeps them."""

from __future__ import annotations

import pytest

from app.mail.flags import flags_of
from app.mail.keywords import Marked, mark, take_back, unmark
from tests.mail.boxes import Spent, letter, opened, scripted


def permitting(flags: bytes) -> bytes:
    return b"* OK [UIDVALIDITY 7] x\r\n" + flags + b"%TAG OK [READ-WRITE] done\r\n"


KEEPS = permitting(b"* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n")


@pytest.mark.servers
def test_the_other_keyword_goes_and_comes_back(mail_account):
    mail_account.server.fill(mail_account.login, [letter(str(n)) for n in range(3)])
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        validity = client.select("INBOX", write=True).uidvalidity
        client.ask(b"UID STORE", b"2", b"+FLAGS", b"($NotJunk)")
        before, spent = flags_of(client, [1, 2, 3]), Spent(client)
        marked = mark(client, "INBOX", validity, [1, 2, 99], junk=True)
        assert marked == Marked("$Junk", "$NotJunk", (2,)) and spent.commands == 2
        after = flags_of(client, [1, 2, 3])
        assert "$junk" in after[1] & after[2] and "$notjunk" not in after[2] and after[3] == before[3]
        assert mark(client, "INBOX", validity, [3], junk=False) == Marked("$NotJunk", "$Junk") and marked
        unmark(client, marked, {1: 1, 2: 2})
        take_back(client, "INBOX", validity, [3], Marked("$NotJunk", "$Junk"))
        assert flags_of(client, [1, 2, 3]) == before


@pytest.mark.parametrize("flags", [
    b"", b"* OK [PERMANENTFLAGS (\\Seen \\Deleted)] x\r\n", b"* OK [PERMANENTFLAGS ($NotJunk)] x\r\n",
])  # fmt: skip
def test_where_keywords_are_not_kept_none_is_sent(flags: bytes):
    with scripted({"SELECT": permitting(flags)}) as (client, heard):
        assert mark(client, "INBOX", 7, [1], junk=True) is None
        unmark(client, Marked("$Junk", "$NotJunk"), {1: 1})
    assert len(heard) == 1


@pytest.mark.parametrize("answer", [b"%TAG NO [OVERQUOTA] too many keywords\r\n", b"%TAG NO no\r\n"])
def test_a_server_that_refuses_loses_nothing_else(answer: bytes):
    with scripted({"SELECT": KEEPS, "UID STORE": answer}) as (client, heard):
        assert mark(client, "INBOX", 7, [1], junk=False) is None
        unmark(client, Marked("$Junk", "$NotJunk", (1,)), {1: 1})
        client.noop()
    assert heard[1] == b"UID STORE 1 +FLAGS ($NotJunk)"
