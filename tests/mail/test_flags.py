"""Flags: what changed, what had them already, what was gone; on a real server and on odd ones."""

import pytest

from app.mail.errors import BadArgument, CannotDo, Refused, Renumbered
from app.mail.flags import Done, flags_of, store
from tests.mail.boxes import Spent, letter, opened, scripted


@pytest.fixture
def client(mail_account):
    mail_account.server.fill(mail_account.login, [letter(str(n)) for n in range(5)])
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as connection:
        yield connection


@pytest.mark.servers
def test_flags_are_added_and_taken_and_what_happened_is_told(client):
    validity = client.select("INBOX", write=True).uidvalidity
    spent = Spent(client)
    assert store(client, "INBOX", validity, [1, 2, 99], add=["\\Seen"]) == Done((1, 2), (), (99,))
    assert spent.commands == 2
    assert store(client, "INBOX", validity, [2, 3], add=["\\Seen"]) == Done((3,), (2,), ())
    assert store(client, "INBOX", validity, [1, 4], remove=["\\Seen"]) == Done((1,), (4,), ())
    assert store(client, "INBOX", validity, [5], add=["$Junk"], remove=["$NotJunk"]) == Done((5,), (), ())
    assert {uid for uid, flags in flags_of(client, range(1, 6)).items() if "\\seen" in flags} == {2, 3}
    assert "$junk" in flags_of(client, [5])[5]


@pytest.mark.servers
def test_a_message_that_another_client_expunged_is_told_as_gone(client, mail_account):
    validity = client.select("INBOX", write=True).uidvalidity
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as other:
        other.select("INBOX", write=True)
        other.ask(b"UID STORE", b"2", b"+FLAGS", b"(\\Deleted)")
        other.ask(b"UID EXPUNGE", b"2")
    done = store(client, "INBOX", validity, [1, 2, 3], add=["\\Flagged"])
    assert set(done.changed) | set(done.gone) == {1, 2, 3} and 1 in done.changed and 3 in done.changed


@pytest.mark.servers
def test_a_renumbered_mailbox_is_left_alone(client):
    validity = client.select("INBOX", write=True).uidvalidity
    with pytest.raises(Renumbered):
        store(client, "INBOX", validity + 1, [1], add=["\\Seen"])
    assert "\\seen" not in flags_of(client, [1])[1]


@pytest.mark.parametrize("flag", ["\\Seen\r\nA1 LOGOUT", "a b", "(x)", "", "\\Seen)", "ü"])
def test_what_is_no_flag_never_reaches_the_server(flag):
    lent = scripted({"UID FETCH": b"* 1 FETCH (UID 1 FLAGS ())\r\n"}, selected="INBOX", exists=1)
    with lent as (client, heard), pytest.raises(BadArgument):
        store(client, "INBOX", 7, [1], add=[flag])
    assert not any(line.startswith(b"UID STORE") for line in heard)


@pytest.mark.parametrize("uid", [0, -1, 2**32, True])
def test_what_is_no_uid_never_reaches_the_server(uid):
    with scripted({}, selected="INBOX") as (client, heard), pytest.raises(BadArgument):
        store(client, "INBOX", 7, [uid], add=["\\Seen"])
    assert heard == []


def test_an_ok_that_changed_nothing_is_no_success():
    replies = {"UID FETCH": b"* 1 FETCH (UID 1 FLAGS ())\r\n", "UID STORE": b"* 1 FETCH (UID 1 FLAGS ())\r\n"}
    with scripted(replies, selected="INBOX", exists=1) as (client, _), pytest.raises(Refused):
        store(client, "INBOX", 7, [1], add=["\\Flagged"])


def test_a_store_without_an_answer_is_looked_after():
    seen = iter([b"* 1 FETCH (UID 1 FLAGS ())\r\n", b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n"])
    with scripted({"UID FETCH": lambda _: next(seen)}, selected="INBOX", exists=1) as (client, heard):
        assert store(client, "INBOX", 7, [1], add=["\\Seen"]).changed == (1,)
    assert [line.split()[1] for line in heard] == [b"FETCH", b"STORE", b"FETCH"]


def test_keywords_that_the_mailbox_does_not_keep_are_refused_before_anything_is_sent():
    with scripted({}, selected="INBOX") as (client, heard):
        client.note.permanentflags = ("\\Seen", "\\Deleted")
        with pytest.raises(CannotDo):
            store(client, "INBOX", 7, [1], add=["$Junk"])
    assert heard == []


def test_a_read_only_mailbox_is_said_to_be_so():
    select = b"* OK [UIDVALIDITY 7] x\r\n%TAG OK [READ-ONLY] done\r\n"
    with scripted({"SELECT": select}) as (client, heard), pytest.raises(Refused):
        store(client, "Shared", 7, [1], add=["\\Seen"])
    assert heard == [b'SELECT "Shared"']
