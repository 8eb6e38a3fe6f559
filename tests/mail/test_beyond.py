"""From message to message through the whole of a search, a view or an order, and back, past the ends of its pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.mail.beyond import Listed
from app.mail.flags import store
from app.mail.lastshown import shown_key
from app.mail.listing import page
from app.mail.neighbours import Neighbours, neighbours
from tests.mail.boxes import Remembered, Spent, letter, opened, scripted

LISTS = [
    Listed(per_page=10, query="garden"),
    Listed(per_page=10, view="unread", descending=False),
    Listed(per_page=10, sort="subject", descending=False),
]


def walked(client, validity: int, uid: int, asked: Listed, cache, way: str, read: bool) -> list[tuple[int, int]]:
    """The (page, UID) of each step, as the links of the pages lead there."""
    steps = []
    while uid and len(steps) < 60:
        if read:
            store(client, "INBOX", validity, [uid], add=["\\Seen"])
        near: Neighbours = neighbours(client, "INBOX", validity, uid, cache=cache, name="x", listed=asked)
        own = near.pages.own if near.pages else asked.page
        steps.append((own, uid))
        asked = replace(asked, page=getattr(near.pages, way) if near.pages else asked.page)
        uid = getattr(near, way)
    return steps


@pytest.mark.servers
@pytest.mark.parametrize("asked", LISTS, ids=["query", "unread", "subject"])
def test_a_walk_goes_through_the_whole_list_and_back_and_knows_its_pages(mail_account, asked: Listed):
    mail_account.server.fill(mail_account.login, [letter(f"garden {n * 7 % 35:02}") for n in range(35)])
    cache = Remembered()
    how = {"sort": asked.sort, "descending": asked.descending, "view": asked.view, "query": asked.query}
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        listed = [
            row.uid for number in (4, 3, 2, 1)[::-1]
            for row in page(client, "INBOX", number=number, per_page=10, cache=cache, name="", **how).rows
        ]  # fmt: skip
        shown = page(client, "INBOX", per_page=10, cache=cache, name="x", **how)
        there = walked(client, shown.uidvalidity, listed[0], asked, cache, "next", asked.view == "unread")
        assert [uid for _, uid in there] == listed and len(listed) == 35
        if asked.view != "unread":  # whose pages shrink behind who reads it
            assert [number for number, _ in there] == [place // 10 + 1 for place in range(35)]
            back = walked(client, shown.uidvalidity, listed[-1], replace(asked, page=4), cache, "previous", False)
            assert back == there[::-1]


@pytest.mark.servers
def test_a_step_over_the_end_costs_at_most_two_commands_and_within_a_page_none(mail_account):
    mail_account.server.fill(mail_account.login, [letter(f"garden {n}") for n in range(300)])
    cache, asked = Remembered(), Listed(per_page=10, view="unread")
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        shown = page(client, "INBOX", number=15, per_page=10, view="unread", cache=cache, name="x")
        spent = Spent(client)
        at = replace(asked, page=15)
        for row in shown.rows:
            neighbours(client, "INBOX", shown.uidvalidity, row.uid, cache=cache, name="x", listed=at)
        assert spent.commands == 0
        over = shown.rows[-1].uid - 1
        near = neighbours(client, "INBOX", shown.uidvalidity, over, cache=cache, name="x", listed=at)
        assert near == (over + 1, over - 1, (15, 16, 16)) and spent.commands <= 2 and spent.received < 1000


def test_a_search_that_breaks_off_leaves_what_was_known():
    cache = Remembered({("INBOX\0list x", 7, 0): b"[9,5,7,8]"})
    with scripted({"UID SEARCH": b"* BYE enough\r\n"}, selected="INBOX", exists=9) as (client, _):
        asked = Listed(query="garden")
        assert neighbours(client, "INBOX", 7, 8, cache=cache, name="x", listed=asked)[:2] == (7, None)


def test_a_message_that_left_the_list_keeps_the_neighbours_it_was_shown_with():
    found = {"UID SEARCH": b"* SEARCH 5 7 9\r\n"}
    cache = Remembered({("INBOX\0list x", 7, 0): b"[9,5,7,8]"})
    with scripted(found, selected="INBOX", exists=9) as (client, _):
        asked = Listed(query="garden")
        assert neighbours(client, "INBOX", 7, 8, cache=cache, name="x", listed=asked)[:2] == (7, None)
        assert cache[shown_key(client, "x")] == b"[9,5,7,8]"
