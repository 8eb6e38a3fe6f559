"""Pages of a list: rows, views, orders and searches on a real server, odd ones by script, and what each costs."""

from datetime import UTC, datetime

import pytest

from app.mail import order
from app.mail.errors import MailboxGone
from app.mail.lastshown import forget, read_shown
from app.mail.listing import page
from tests.mail.boxes import Remembered, Spent, letter, opened, scripted

ROW = "* {0} FETCH (UID {1} FLAGS ({2}) RFC822.SIZE 100)\r\n"


def rows(*uids: int, flags: str = "\\Seen") -> bytes:
    """FETCH answers of messages 1, 2, … with these UIDs."""
    return "".join(ROW.format(place, uid, flags) for place, uid in enumerate(uids, 1)).encode()


def summaries(*uids: int) -> bytes:
    """FETCH answers with what rows show."""
    one = (
        '* {0} FETCH (UID {1} INTERNALDATE "01-Jun-2026 10:00:00 +0000" BODYSTRUCTURE ("text" "plain" NIL NIL NIL'
        ' "7bit" 5 1) BODY[HEADER.FIELDS (FROM SUBJECT DATE)]<0> {{{2}}}\r\n{3})\r\n'
    )
    return "".join(one.format(n, uid, len(f"Subject: m{uid}\r\n\r\n"), f"Subject: m{uid}\r\n\r\n")
                   for n, uid in enumerate(uids, 1)).encode()  # fmt: skip


def test_a_warm_page_is_one_fetch_of_a_range_of_numbers():
    cache = Remembered()
    replies = {"FETCH": rows(*range(11, 15)), "UID FETCH": summaries(*range(11, 15))}
    with scripted(replies, selected="INBOX", exists=4) as (client, heard):
        first = page(client, "INBOX", cache=cache)
        again = page(client, "INBOX", cache=cache)
    assert [row.uid for row in first.rows] == [14, 13, 12, 11]
    assert again == first and first.rows[0].summary.subject == "m14"
    assert heard[0] == heard[2] == b"FETCH 1:4 (UID FLAGS RFC822.SIZE)"
    assert len(heard) == 3 and heard[1].startswith(b"UID FETCH 11:14 (UID INTERNALDATE ")


def test_a_mailbox_never_listed_before_is_fetched_at_once():
    select = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n%TAG OK [READ-WRITE] done\r\n"
    replies = {"SELECT": select, "FETCH": rows(5, 6) + summaries(5, 6)}
    cache = Remembered()
    with scripted(replies) as (client, heard):
        assert [row.summary.subject for row in page(client, "INBOX", cache=cache).rows] == ["m6", "m5"]
        assert len(heard) == 2 and heard[0] == b'SELECT "INBOX"'
    with scripted(replies) as (client, heard):
        page(client, "INBOX", cache=cache)
        assert heard[1] == b"FETCH 1:2 (UID FLAGS RFC822.SIZE)"


def test_a_message_of_another_size_is_read_anew():
    cache = Remembered()
    replies = {"FETCH": rows(5), "UID FETCH": summaries(5)}
    with scripted(replies, selected="INBOX", exists=1) as (client, _):
        page(client, "INBOX", cache=cache)
    replies["FETCH"] = rows(5).replace(b"SIZE 100", b"SIZE 101")
    with scripted(replies, selected="INBOX", exists=1) as (client, heard):
        page(client, "INBOX", cache=cache)
    assert heard[1].startswith(b"UID FETCH 5 (UID INTERNALDATE")


@pytest.mark.parametrize(("number", "shown"), [(1, 1), (3, 3), (4, 3), (10**9, 3), (0, 1), (-5, 1)])
def test_absurd_page_numbers_give_the_nearest_page(number, shown):
    with scripted({}, selected="INBOX", exists=101) as (client, heard):
        found = page(client, "INBOX", number=number, cache=Remembered())
    assert (found.number, found.pages, found.total) == (shown, 3, 101)
    assert heard[0] in (b"FETCH 51:101 (UID FLAGS RFC822.SIZE)", b"FETCH 1:2 (UID FLAGS RFC822.SIZE)")


def test_an_empty_mailbox_costs_nothing_and_is_a_page():
    with scripted({}, selected="INBOX", exists=0) as (client, heard):
        found = page(client, "INBOX", cache=Remembered())
    assert (found.rows, found.total, found.number, found.pages, heard) == ((), 0, 1, 1, [])


def test_rows_are_read_whatever_the_order_of_items_and_whatever_else_is_told():
    odd = (
        b"* 2 FETCH (FLAGS (\\sEEN $forwarded keyword) RFC822.SIZE 9 UID 8)\r\n* 3 EXISTS\r\n"
        b"* 1 FETCH (UID 7 RFC822.SIZE 5 FLAGS ())\r\n* 1 FETCH (FLAGS (\\Flagged))\r\n"
    )
    with scripted({"FETCH": odd}, selected="INBOX", exists=2) as (client, _):
        first, second = page(client, "INBOX", cache=Remembered()).rows
    assert (first.uid, first.seen, first.forwarded, first.size) == (8, True, True, 9)
    assert (second.uid, second.flagged, second.seen) == (7, True, False)
    assert "keyword" in first.flags and not first.answered


def test_messages_that_were_expunged_meanwhile_are_left_out():
    half = b"* 1 FETCH (UID 7)\r\n" + ROW.format(2, 8, "").encode()
    with scripted({"FETCH": half}, selected="INBOX", exists=2) as (client, _):
        assert [row.uid for row in page(client, "INBOX", cache=Remembered()).rows] == [8]


def test_a_server_that_refuses_the_summaries_does_not_break_the_list():
    replies = {"FETCH": rows(5, 6), "UID FETCH": b"%TAG NO [SERVERBUG] Internal error\r\n"}
    cache = Remembered()
    with scripted(replies, selected="INBOX", exists=2) as (client, heard):
        found = page(client, "INBOX", cache=cache)
    assert [(row.uid, row.summary.subject) for row in found.rows] == [(6, ""), (5, "")]
    assert len(heard) == 3 and b"BODYSTRUCTURE" not in heard[2]
    assert set(cache) == {("INBOX", 7, 0)}, "nothing half-known goes into the cache"


def test_messages_marked_as_deleted_are_hidden_and_do_not_leave_a_hole():
    replies = {
        "FETCH": rows(5, 6, flags="\\Deleted"),
        "UID SEARCH": b"* SEARCH 3 4\r\n",
        "UID FETCH": rows(3, 4) + summaries(3, 4),
    }
    with scripted(replies, selected="INBOX", exists=4) as (client, heard):
        found = page(client, "INBOX", cache=Remembered())
    assert [row.uid for row in found.rows] == [4, 3] and found.total == 2
    assert heard[1] == b"UID SEARCH UNDELETED"


def test_without_sort_the_keys_are_read_once_and_the_order_is_kept():
    sizes = b"".join(b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (n, n, 100 - n * 7 % 31) for n in range(1, 10))
    replies = {"FETCH 1": sizes, "FETCH 9 ": b"* 9 FETCH (UID 9)\r\n", "UID SEARCH": b"* SEARCH 9 3 1\r\n"}
    cache = Remembered()
    with scripted(replies, selected="INBOX", exists=9) as (client, heard):
        page(client, "INBOX", sort="size", cache=cache)
        assert heard[:2] == [b"FETCH 9 (UID)", b"FETCH 1:9 (UID RFC822.SIZE)"]
        shown = heard[2]
        page(client, "INBOX", sort="size", cache=cache)
        assert heard[3] == b"FETCH 9 (UID)" and heard[4] == shown, "the order comes from the cache"
        page(client, "INBOX", sort="size", view="unread", cache=cache)
        assert heard[6] == b"UID SEARCH UNDELETED UNSEEN" and heard[7].startswith(b"UID FETCH 1,3,9 ")
        client.note.exists = 10
        page(client, "INBOX", sort="size", cache=cache)
        assert heard[8:10] == [b"FETCH 10 (UID)", b"FETCH 1:10 (UID RFC822.SIZE)"]


def test_a_huge_mailbox_that_nobody_can_sort_is_shown_by_arrival():
    with scripted({}, selected="INBOX", exists=order.SORTED_HERE + 1) as (client, heard):
        assert page(client, "INBOX", sort="subject", cache=Remembered()).sort == "arrival"
        assert heard == [b"FETCH 19951:20001 (UID FLAGS RFC822.SIZE)"]


def test_what_was_moved_away_is_forgotten_as_a_neighbour():
    cache = Remembered({("INBOX", 7, 0): b"[null,5,4,3]"})
    forget(cache, "INBOX", 7, [4])
    assert read_shown(cache["INBOX", 7, 0]) == [None, 5, 3]
    cache = Remembered({("INBOX", 7, 0): b"[5,4]", ("INBOX\0list found", 7, 0): b"[5,4,3]"})
    forget(cache, "INBOX", 7, [4], name="found")
    assert list(cache.values()) == [b"[5,4]", b"[5, 3]"]
    assert read_shown(b"{") == read_shown(b'{"a":1}') == read_shown(b'["x"]') == read_shown(None) == []


# -- on a real server -------------------------------------------------------------------------------------------------

POISON = [
    b"From: =?utf-8?q?n=0D=0ABcc:?= <x@x.example>\r\nSubject: =?utf-8?b?////?=\r\nDate: garbage\r\n\r\nx",
    b"From: \xff\xfe\"<<<\r\nSubject: =?x-unknown?q?=FF?= \x1b[31m\r\nDate: Mon, 99 Foo 99999 99:99:99 +9999\r\n\r\nx",
    b"\r\n\r\nno header at all",
    b"Subject: " + b"a" * 9000 + b"\r\nFrom: late@example.org\r\n\r\nx",
    b"".join(b"X-Line-%d: filler\r\n" % n for n in range(5000)) + b"Subject: below 5,000 lines\r\n\r\nx",
    b"Content-Type: multipart/mixed\r\nSubject: no boundary\r\n\r\nx",
]


def fill(account, count=120):
    """A mailbox of letters, each third read, with one flagged; the senders and sizes differ."""
    letters = [
        letter(f"Letter {n:03} {'garden' if n % 10 == 0 else 'house'}", sender=f"Person {n % 7} <p{n % 7}@x.example>",
               body="line\r\n" * (n * 37 % 101), day=1 + n % 28) for n in range(count)
    ]  # fmt: skip
    account.server.fill(account.login, letters)


@pytest.fixture
def client(mail_account):
    fill(mail_account)
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as connection:
        yield connection


@pytest.mark.servers
def test_budget_a_list_costs_one_fetch_warm_and_two_with_new_rows(client):
    cache = Remembered()
    client.select("INBOX", write=True)
    spent = Spent(client)
    first = page(client, "INBOX", cache=cache)
    assert spent.commands == 2 and spent.received <= 40_000
    spent = Spent(client)
    again = page(client, "INBOX", cache=cache)
    assert spent.commands == 1 and spent.received <= 8_000
    assert again == first and len(first.rows) == 50 and first.pages == 3


@pytest.mark.servers
def test_pages_hold_every_message_once_in_either_direction(client):
    cache = Remembered()
    for descending in (True, False):
        pages = [page(client, "INBOX", number=n, descending=descending, cache=cache) for n in (1, 2, 3)]
        uids = [row.uid for each in pages for row in each.rows]
        assert uids == sorted(uids, reverse=descending) and len(set(uids)) == 120


@pytest.mark.servers
@pytest.mark.parametrize("sort", ["date", "from", "subject", "size"])
def test_orders_are_right_and_cost_two_commands_warm(client, sort):
    keys = {
        "date": lambda row: row.summary.date,
        "from": lambda row: row.summary.sender.name,
        "subject": lambda row: row.summary.subject,
        "size": lambda row: row.size,
    }
    cache = Remembered()
    pages = [page(client, "INBOX", number=n, sort=sort, descending=False, cache=cache) for n in (1, 2, 3)]
    shown = [keys[sort](row) for each in pages for row in each.rows]
    assert shown == sorted(shown) and len(shown) == 120
    spent = Spent(client)
    again = page(client, "INBOX", number=2, sort=sort, descending=False, cache=cache)
    assert spent.commands == 2 and spent.received <= 8_000 and again == pages[1]
    turned = page(client, "INBOX", sort=sort, descending=True, cache=cache)
    assert keys[sort](turned.rows[0]) == shown[-1]


@pytest.mark.servers
def test_views_and_searches_show_what_they_say(client):
    cache = Remembered()
    first = page(client, "INBOX", cache=cache)
    client.ask(b"UID STORE", b"1:30", b"+FLAGS", b"(\\Seen)")
    client.ask(b"UID STORE", b"7,90", b"+FLAGS", b"(\\Flagged)")
    assert [row.uid for row in page(client, "INBOX", view="flagged", cache=cache).rows] == [90, 7]
    unread = page(client, "INBOX", view="unread", number=99, cache=cache)
    assert (unread.total, unread.pages, unread.number) == (90, 2, 2)
    assert [row.uid for row in unread.rows] == list(range(70, 30, -1))
    spent = Spent(client)
    found = page(client, "INBOX", query="garden", cache=cache)
    assert found.total == 12 and all("garden" in row.summary.subject for row in found.rows)
    assert spent.commands <= 3
    assert page(client, "INBOX", query='from:"person 3" garden', cache=cache).total == 2
    assert page(client, "INBOX", query='x" ALL\r\nT9 LOGOUT', cache=cache).total == 0
    assert page(client, "INBOX", query="Grüße", cache=cache).rows == ()
    assert page(client, "INBOX", query=" \r\n", cache=cache) == page(client, "INBOX", cache=cache) != first


@pytest.mark.servers
def test_poisoned_headers_never_break_a_list(mail_account):
    for message in POISON:
        mail_account.append(message)
    mail_account.append(letter("fine"), arrived=datetime(2024, 2, 29, 12, 0, tzinfo=UTC))
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        shown = page(client, "INBOX", cache=Remembered()).rows
    assert [row.summary.subject for row in shown][:2] == ["fine", "no boundary"]
    assert shown[0].summary.arrived == datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
    assert len(shown) == len(POISON) + 1
    for row in shown:
        assert row.summary.subject.isprintable() and len(row.summary.subject) <= 2000
        assert row.summary.sender is None or row.summary.sender.name.isprintable()


@pytest.mark.servers
def test_attachments_and_previews_are_told(mail_account):
    mixed = 'Content-Type: multipart/mixed; boundary="b"\r\n'
    part = "--b\r\nContent-Type: text/plain\r\n\r\nThe text of it\r\n--b\r\nContent-Type: application/pdf\r\n" \
           "Content-Disposition: attachment; filename=a.pdf\r\n\r\nx\r\n--b--\r\n"  # fmt: skip
    mail_account.append(letter("with", head=mixed, body=part))
    mail_account.append(letter("without", body="Only words here\r\n"))
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        without, having = page(client, "INBOX", cache=Remembered()).rows
    assert (having.summary.attachments, without.summary.attachments) == (True, False)
    assert having.summary.preview == "The text of it" and without.summary.preview == "Only words here"


@pytest.mark.servers
def test_what_another_program_marked_as_deleted_is_hidden_without_a_hole(client):
    client.select("INBOX", write=True)
    client.ask(b"UID STORE", b"100:119", b"+FLAGS", b"(\\Deleted)")
    shown = page(client, "INBOX", cache=Remembered())
    assert [row.uid for row in shown.rows] == [120, *range(99, 50, -1)] and shown.total == 100
    assert page(client, "INBOX", query="garden", cache=Remembered()).total == 10


@pytest.mark.servers
def test_mails_on_their_way_are_in_no_list(client):
    client.select("INBOX", write=True)
    client.ask(b"UID STORE", b"118:120", b"+FLAGS", b"($PosternOutgoing)")
    for query, total in ((None, 117), ("garden", 12)):
        found = page(client, "INBOX", query=query, cache=Remembered())
        assert found.total == total and not {118, 119, 120} & {row.uid for row in found.rows}


@pytest.mark.servers
def test_listing_never_marks_anything_as_read(client):
    for view in ("all", "unread"):
        assert not any(row.seen for row in page(client, "INBOX", view=view, cache=Remembered()).rows)


@pytest.mark.servers
def test_a_mailbox_that_is_not_there_is_said_to_be_gone(client):
    with pytest.raises(MailboxGone):
        page(client, "No such", cache=Remembered())
    assert page(client, "INBOX", cache=Remembered()).total == 120
