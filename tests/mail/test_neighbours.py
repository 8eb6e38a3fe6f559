"""Previous and next: from the list that was shown, else by what a server tells around a UID."""

import pytest

from app.mail.errors import Renumbered
from app.mail.lastshown import OLDEST_FIRST
from app.mail.listing import page
from app.mail.neighbours import neighbours
from tests.mail.boxes import Remembered, Spent, letter, opened, scripted


def places(*pairs):
    return b"".join(b"* %d FETCH (UID %d)\r\n" % pair for pair in pairs)


@pytest.mark.servers
def test_going_through_a_list_costs_no_command_and_follows_its_order(mail_account):
    mail_account.server.fill(mail_account.login, [letter(f"{n * 7 % 60:02}") for n in range(60)])
    cache = Remembered()
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        shown = page(client, "INBOX", cache=cache)
        spent = Spent(client)
        walk = [neighbours(client, "INBOX", shown.uidvalidity, row.uid, cache=cache) for row in shown.rows]
        assert spent.commands == 0
        assert [each.previous for each in walk] == [None, *range(60, 11, -1)]
        assert [each.next for each in walk] == list(range(59, 9, -1))
        by_subject = page(client, "INBOX", sort="subject", descending=False, cache=cache, name="by subject")
        near = neighbours(client, "INBOX", shown.uidvalidity, by_subject.rows[3].uid, cache=cache, name="by subject")
        assert near[:2] == (by_subject.rows[2].uid, by_subject.rows[4].uid)
        spent = Spent(client)
        assert neighbours(client, "INBOX", shown.uidvalidity, 30)[:2] == (31, 29)
        assert neighbours(client, "INBOX", shown.uidvalidity, 60)[:2] == (None, 59)
        assert neighbours(client, "INBOX", shown.uidvalidity, 1)[:2] == (2, None)
        assert spent.commands == 3
        with pytest.raises(Renumbered):
            neighbours(client, "INBOX", shown.uidvalidity + 1, 30, cache=cache)


def test_beyond_what_was_shown_only_the_order_of_arrival_is_told():
    cache = Remembered({("INBOX\0list found", 7, 0): b"[9,5,7,8]"})
    around = {"UID FETCH": places(*((number, number) for number in range(1, 10)))}
    with scripted(around, selected="INBOX", exists=9) as (client, heard):
        near = [neighbours(client, "INBOX", 7, uid, cache=cache, name="found")[:2] for uid in (9, 5, 7, 8, 6)]
        assert near == [(None, 5), (9, 7), (5, 8), (7, None), (None, None)] and not heard
        assert neighbours(client, "INBOX", 7, 5, cache=cache)[:2] == (6, 4)
        assert neighbours(client, "INBOX", 7, 5, cache=cache, name=OLDEST_FIRST)[:2] == (4, 6)
        assert neighbours(client, "INBOX", 7, 5, cache=cache, name="another")[:2] == (None, None)


def test_in_a_sparse_mailbox_a_second_command_finds_them():
    replies = {"UID FETCH": places((4, 5000), (9, 90_000)), "FETCH": places((3, 70), (4, 5000), (5, 7000))}
    with scripted(replies, selected="INBOX", exists=9) as (client, heard):
        assert neighbours(client, "INBOX", 7, 5000)[:2] == (7000, 70)
    assert heard == [b"UID FETCH 4960:5040,* (UID)", b"FETCH 3:5 (UID)"]


def test_numbers_that_moved_meanwhile_are_not_believed():
    replies = {"UID FETCH": places((4, 5000), (9, 90_000)) + b"* 2 EXPUNGE\r\n", "FETCH": places((3, 5000), (4, 7000))}
    with scripted(replies, selected="INBOX", exists=9) as (client, _):
        assert neighbours(client, "INBOX", 7, 5000)[:2] == (None, None)


def test_a_message_that_is_gone_has_the_neighbours_of_its_place():
    with scripted({"UID FETCH": places((4, 48), (5, 53))}, selected="INBOX", exists=5) as (client, heard):
        assert neighbours(client, "INBOX", 7, 50)[:2] == (53, 48)
    assert len(heard) == 1


def test_the_greatest_uid_there_can_be_is_fine():
    with scripted({"UID FETCH": places((1, 2**32 - 1))}, selected="INBOX", exists=1) as (client, heard):
        assert neighbours(client, "INBOX", 7, 2**32 - 1)[:2] == (None, None)
    assert heard == [b"UID FETCH 4294967255:4294967295,* (UID)"]
