"""Moving and deleting: what really happened, on a real server, on bare ones, and among other clients."""

import pytest

from app.mail.connection import Answer
from app.mail.errors import BadArgument, ConnectionLost, MailboxGone, OverQuota, Refused, Renumbered
from app.mail.move import Moved, copyuid, delete_for_good, existing, move
from app.mail.moveback import bring_back
from tests.mail.boxes import Spent, letter, opened, scripted

UIDPLUS = "IMAP4REV1 UIDPLUS"
MOVES = "IMAP4REV1 UIDPLUS MOVE"


@pytest.fixture
def client(mail_account):
    mail_account.server.fill(mail_account.login, [letter(str(n)) for n in range(6)])
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as connection:
        yield connection


SELECTED = b"* OK [UIDVALIDITY 7] x\r\n%TAG OK [READ-WRITE] done\r\n"
UNLASTING = b"* OK [UIDVALIDITY 7] x\r\n* NO [UIDNOTSTICKY] x\r\n%TAG OK [READ-WRITE] done\r\n"


def names(*uids):
    """FETCH answers with Message-IDs."""
    one = "* {0} FETCH (UID {0} BODY[HEADER.FIELDS (MESSAGE-ID)] {{{1}}}\r\nMessage-ID: <m{0}@x>\r\n\r\n)\r\n"
    return "".join(one.format(uid, len(f"Message-ID: <m{uid}@x>\r\n\r\n")) for uid in uids).encode()


def fetched(*uids):
    return b"".join(b"* %d FETCH (UID %d)\r\n" % (uid, uid) for uid in uids)


@pytest.mark.servers
def test_a_move_is_one_command_and_its_undo_two(client):
    validity = client.select("INBOX", write=True).uidvalidity
    spent = Spent(client)
    moved = move(client, "INBOX", validity, [1, 2, 99], "Archive")
    assert spent.commands == 1
    assert (moved.moved, moved.gone, moved.left) == ((1, 2), (99,), ())
    assert moved.uids == {1: 1, 2: 2} and moved.target_uidvalidity
    back = bring_back(client, moved, "INBOX")
    assert spent.commands == 3 and back == 2
    assert len(existing(client, range(1, 20))) == 0, "nothing is left in the archive"
    client.select("INBOX")
    assert existing(client, range(1, 20)) == [3, 4, 5, 6, 7, 8]


@pytest.mark.servers
def test_messages_that_another_client_took_are_told_as_gone(client, mail_account):
    validity = client.select("INBOX", write=True).uidvalidity
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as other:
        assert move(other, "INBOX", validity, [2, 4], "Trash").moved == (2, 4)
    moved = move(client, "INBOX", validity, [1, 2, 3, 4, 5], "Archive")
    assert (moved.moved, moved.gone) == ((1, 3, 5), (2, 4))
    assert move(client, "INBOX", validity, [1, 3], "Archive") == Moved("Archive", None, (), {}, (1, 3))


@pytest.mark.servers
def test_a_missing_target_is_made_once_where_that_is_wanted(client):
    validity = client.select("INBOX", write=True).uidvalidity
    name = 'Später/50% "x" & #y'
    with pytest.raises(MailboxGone):
        move(client, "INBOX", validity, [1], name)
    moved = move(client, "INBOX", validity, [1], name, create=True)
    assert moved.uids == {1: 1} and client.note.selected == "INBOX"
    assert client.select(name).exists == 1


@pytest.mark.servers
def test_deleting_for_good_tells_what_was_there(client):
    validity = client.select("INBOX", write=True).uidvalidity
    done = delete_for_good(client, "INBOX", validity, [1, 2, 99])
    assert (done.removed, done.gone, done.left) == ((1, 2), (99,), ())
    assert existing(client, range(1, 10)) == [3, 4, 5, 6]


@pytest.mark.servers
def test_deleting_leaves_what_another_client_marked(client, mail_account):
    validity = client.select("INBOX", write=True).uidvalidity
    client.ask(b"UID STORE", b"5", b"+FLAGS", b"(\\Deleted)")
    delete_for_good(client, "INBOX", validity, [1])
    assert existing(client, range(1, 10)) == [2, 3, 4, 5, 6]


@pytest.mark.servers
def test_nothing_is_done_to_a_renumbered_mailbox(client):
    validity = client.select("INBOX", write=True).uidvalidity
    for act in (lambda: move(client, "INBOX", validity + 1, [1], "Trash"),
                lambda: delete_for_good(client, "INBOX", validity + 1, [1])):  # fmt: skip
        with pytest.raises(Renumbered):
            act()
    assert len(existing(client, range(1, 10))) == 6


@pytest.mark.servers
def test_an_undo_after_the_target_was_made_anew_touches_nothing(client):
    validity = client.select("INBOX", write=True).uidvalidity
    moved = move(client, "INBOX", validity, [1], "Later", create=True)
    client.ask(b"DELETE", b'"Later"')
    client.ask(b"CREATE", b'"Later"')
    client.ask(b"UID COPY", b"2", b'"Later"') if client.select("INBOX", write=True) else None
    with pytest.raises((Renumbered, MailboxGone)):
        bring_back(client, moved, "INBOX")
    assert client.select("Later").exists == 1


@pytest.mark.servers
def test_a_full_mailbox_says_so_and_keeps_the_message(server_folder, make_account):
    from app.demo.dovecot import Dovecot

    server = Dovecot(server_folder / "full", quota="20K").start()
    try:
        account = make_account(server)
        account.append(letter(body="x" * 15_000))
        with opened(server.imap_port, account.login, account.password) as client:
            validity = client.select("INBOX", write=True).uidvalidity
            client.note.capabilities = tuple(name for name in client.note.capabilities if name != "MOVE")
            with pytest.raises(OverQuota):
                move(client, "INBOX", validity, [1], "Trash", create=True)
            assert existing(client, [1]) == [1]
            assert delete_for_good(client, "INBOX", validity, [1]).removed == (1,), "deleting works when all is full"
    finally:
        server.stop()


# -- other servers ------------------------------------------------------------------------------------------------


def test_without_move_only_what_was_copied_is_marked_and_expunged():
    replies = {"UID COPY": b"%TAG OK [COPYUID 9 1,3 11:12] done\r\n", "UID FETCH": b""}
    with scripted(replies, capabilities=UIDPLUS, selected="INBOX", exists=3) as (client, heard):
        moved = move(client, "INBOX", 7, [1, 2, 3], "Archive")
    assert heard[:3] == [
        b'UID COPY 1:3 "Archive"', b"UID STORE 1,3 +FLAGS.SILENT (\\Deleted)", b"UID EXPUNGE 1,3",
    ]  # fmt: skip
    assert (moved.moved, moved.gone, moved.uids, moved.target_uidvalidity) == ((1, 3), (2,), {1: 11, 3: 12}, 9)


def test_an_ok_without_copyuid_moved_nothing_and_removes_nothing():
    replies = {"UID COPY": b"%TAG OK No messages found.\r\n", "SELECT": SELECTED}
    with scripted(replies, capabilities=UIDPLUS, selected="INBOX", exists=3) as (client, heard):
        assert move(client, "INBOX", 7, [1, 2], "Archive").gone == (1, 2)
    assert not any(line.startswith((b"UID STORE", b"UID EXPUNGE")) for line in heard)


@pytest.mark.parametrize("unlasting", [UNLASTING, UNLASTING.replace(b"* NO", b"* OK")])
def test_a_target_whose_uids_do_not_last_tells_none_and_has_the_copies(unlasting):
    replies = {"UID COPY": b"%TAG OK done\r\n", "SELECT": SELECTED, 'SELECT "Odd"': unlasting,
               "UID FETCH": names(1, 3), r"UID FETCH 1,3 \(UID\)": b""}  # fmt: skip
    with scripted(replies, capabilities=UIDPLUS, selected="INBOX", exists=3) as (client, heard):
        moved = move(client, "INBOX", 7, [1, 2, 3], "Odd")
    assert (moved.moved, moved.gone, moved.uids, moved.message_ids) == ((1, 3), (2,), {}, {1: "<m1@x>", 3: "<m3@x>"})
    assert heard[-2:] == [b"UID EXPUNGE 1,3", b"UID FETCH 1,3 (UID)"]
    assert heard[-3] == b"UID STORE 1,3 +FLAGS.SILENT (\\Deleted)"


def test_a_move_to_such_a_target_is_counted_by_what_left():
    replies = {"UID MOVE": b"* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n%TAG OK done\r\n", "SELECT": SELECTED,
               'SELECT "Odd"': UNLASTING}  # fmt: skip
    with scripted(replies, capabilities=MOVES, selected="INBOX", exists=3) as (client, _):
        moved = move(client, "INBOX", 7, [1, 2], "Odd")
        assert (moved.moved, moved.gone, moved.message_ids, client.note.selected) == ((1, 2), (), {}, "INBOX")
    with scripted(replies | {'SELECT "Odd"': SELECTED}, capabilities=MOVES, selected="INBOX", exists=3) as (client, _):
        assert move(client, "INBOX", 7, [1, 2], "Odd").gone == (1, 2), "others took them: a lasting target would tell"


def test_a_copyuid_whose_uidvalidity_is_no_number_of_32_bits_is_none():
    assert copyuid(Answer(b"[COPYUID %b 4 1] moved" % (b"9" * 5000), ())) == (None, {})


def test_copyuid_may_stand_in_an_untagged_ok_behind_others():
    others = b'* OK [INPROGRESS ("%TAG" 1 2)] half of it\r\n'  # RFC 9585
    replies = {"UID MOVE": others + b"* OK [COPYUID 9 4:5 1:2] moved\r\n* 4 EXPUNGE\r\n* 4 EXPUNGE\r\n"}
    with scripted(replies, capabilities=MOVES, selected="INBOX", exists=5) as (client, _):
        assert move(client, "INBOX", 7, [4, 5], "Archive").uids == {4: 1, 5: 2}
        assert client.note.exists == 3


def test_without_uidplus_expunge_is_sent_only_if_what_is_marked_is_ours():
    replies = {"UID FETCH": names(1, 2), "UID SEARCH DELETED": b"* SEARCH 1 2\r\n", r"UID FETCH 1:2 \(UID\)": b""}
    with scripted(replies, selected="INBOX", exists=3) as (client, heard):
        moved = move(client, "INBOX", 7, [1, 2, 3], "Archive")
    assert b"EXPUNGE" in heard and moved.moved == (1, 2) and moved.gone == (3,)
    assert moved.uids is None and moved.message_ids == {1: "<m1@x>", 2: "<m2@x>"}


def test_without_uidplus_another_client_s_marks_are_not_emptied():
    replies = {"UID FETCH": names(1), "UID SEARCH DELETED": b"* SEARCH 1 9\r\n", r"UID FETCH 1 \(UID\)": fetched(1)}
    with scripted(replies, selected="INBOX", exists=3) as (client, heard):
        moved = move(client, "INBOX", 7, [1], "Archive")
        assert delete_for_good(client, "INBOX", 7, [1]).removed == (1,)
    assert b"EXPUNGE" not in heard and moved.moved == (1,) and moved.left == ()


def test_an_undo_without_uidplus_finds_the_copies_by_message_id():
    replies = {
        "SELECT": b"* 9 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n%TAG OK [READ-WRITE] done\r\n",
        "UID SEARCH HEADER": b"* SEARCH 3 8\r\n",
        "UID FETCH": names(8),
        "UID SEARCH DELETED": b"* SEARCH 8\r\n",
    }
    moved = Moved("Archive", None, (1,), None, (), (), {1: "<m1@x>"})
    with scripted(replies, capabilities="IMAP4REV1 MOVE") as (client, heard):
        assert bring_back(client, moved, "INBOX") == 1
    assert b'UID SEARCH HEADER Message-ID "<m1@x>"' in heard and b'UID MOVE 8 "INBOX"' in heard


def test_a_server_that_says_no_and_then_ok_is_not_believed():
    replies = {"UID MOVE": b"* NO Internal error\r\n%TAG OK done\r\n"}
    lent = scripted(replies, capabilities=MOVES, selected="INBOX", exists=1)
    with lent as (client, _), pytest.raises(ConnectionLost):
        move(client, "INBOX", 7, [1], "Archive")


def test_a_refusal_without_a_code_makes_the_target_and_a_second_one_is_told():
    made = iter([b"%TAG NO no such mailbox\r\n", b"%TAG OK [COPYUID 9 1 1] done\r\n"])
    with scripted({"UID MOVE": lambda _: next(made)}, capabilities=MOVES, selected="INBOX") as (client, heard):
        assert move(client, "INBOX", 7, [1], "Archive", create=True).uids == {1: 1}
    assert heard[1:3] == [b'CREATE "Archive"', b'SUBSCRIBE "Archive"']
    lent = scripted({"UID MOVE": b"%TAG NO no\r\n"}, capabilities=MOVES, selected="INBOX")
    with lent as (client, heard), pytest.raises(Refused):
        move(client, "INBOX", 7, [1], "Archive", create=True)
    assert sum(line.startswith(b"CREATE") for line in heard) == 1


def test_a_move_to_where_a_message_is_makes_no_sense():
    with scripted({}, selected="INBOX") as (client, heard), pytest.raises(BadArgument):
        move(client, "INBOX", 7, [1], "INBOX")
    assert heard == []


def test_a_batch_is_what_one_command_takes():
    first, second = b"%TAG OK [COPYUID 9 1:2 11:12] done\r\n", b"%TAG OK [COPYUID 9 3 13] done\r\n"
    replies = {"SELECT": SELECTED, "UID MOVE 1:2": first, "UID MOVE 3": second}
    with scripted(replies, capabilities=MOVES) as (client, heard):
        assert move(client, "INBOX", 7, [1, 2, 3], "Junk", batch=2).uids == {1: 11, 2: 12, 3: 13}
    assert [line for line in heard if b"MOVE" in line] == [b'UID MOVE 1:2 "Junk"', b'UID MOVE 3 "Junk"']
