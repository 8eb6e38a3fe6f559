"""One page of a mailbox: 50 rows at a cost that does not grow with the mailbox.

By arrival it is one FETCH of a range of sequence numbers, directly after the lease's NOOP, for what changes (flags) and
what proves the rest (size); summaries come from the cache, and a second FETCH asks for those that are not in it. Other
orders, views and searches ask for the page's UIDs first (order.py, search.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.mail import order, search
from app.mail.connection import Connection, uid_set
from app.mail.errors import ConnectionLost
from app.mail.lastshown import USUAL, shown_key, summary_key
from app.mail.order import Sort, SummaryCache
from app.mail.row import KNOWN, Row, merged, rows_of, wanted_items
from app.mail.search import View
from app.mail.unreadable import avoided, broke_off

__all__ = ["Page", "Row", "Sort", "SummaryCache", "View", "page"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `number` counts from 1 and is the page really shown; `total` counts all that match.

    `sort` is the order really used. `deep`: whether the search looked into the texts of messages, too.
    """

    mailbox: str
    uidvalidity: int
    rows: tuple[Row, ...]
    total: int
    number: int
    pages: int
    sort: Sort
    descending: bool
    view: View
    query: str | None
    deep: bool = True


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is asked for, made sane."""

    number: int
    per_page: int
    sort: Sort
    descending: bool
    view: View
    query: str | None
    deep: bool
    recipients: bool
    seconds: float
    name: str

    def bounds(self, total: int) -> tuple[int, int, int, int]:
        """Return (page, pages, first place, last place) for that many matches; places count from 1."""
        pages = max(1, -(-total // self.per_page))
        number = min(max(1, self.number), pages)
        return number, pages, (number - 1) * self.per_page + 1, min(total, number * self.per_page)


def page(
    client: Connection,
    mailbox: str,
    *,
    number: int = 1,
    per_page: int = 50,
    sort: Sort = "arrival",
    descending: bool = True,
    view: View = "all",
    query: str | None = None,
    recipients: bool = False,
    search_seconds: float = search.SECONDS,
    cache: SummaryCache,
    name: str = USUAL,
) -> Page:
    """Return one page. Numbers beyond the last page give the last; never raises for what a message holds.

    `recipients`: whether the rows need them, as in Sent and Drafts; else they may be empty. `search_seconds`: until
    the first byte of an answer to SEARCH or SORT. `name`: of the list, for the neighbours of its messages.
    Raises MailboxGone and what a connection raises. Counts on the lease's NOOP.
    """
    fresh = client.note.selected != ("INBOX" if mailbox.upper() == "INBOX" else mailbox)
    client.select(mailbox, write=fresh)  # SELECT, not EXAMINE: marking a message read later needs no second one
    exists = client.note.exists
    query = search.tidy(query)
    sort = sort if sort == "arrival" or order.can_sort(client, exists) else "arrival"
    deep = search.searches_text(client, exists)
    wish = _Wish(number, max(1, per_page), sort, descending, view, query, deep, recipients, search_seconds, name)
    if sort == "arrival" and view == "all" and query is None:
        shown = _by_place(client, wish, cache, fresh)
        if shown is not None:
            return shown
    return _by_uid(client, wish, cache)


def _by_place(client: Connection, wish: _Wish, cache: SummaryCache, fresh: bool) -> Page | None:
    """Return the page by arrival; None where one of it is hidden: then places do not tell rows."""
    total = client.note.exists
    numbered, pages, first, last = wish.bounds(total)
    if not total:
        return _page(client, wish, (), (total, numbered, pages))
    around = max(1, first - 1), min(total, last + 1)  # one more at each end: the neighbours of the first and last row
    low, high = (total - around[1] + 1, total - around[0] + 1) if wish.descending else around
    cold = fresh and cache.get_many([shown_key(client, wish.name)])[0] is None
    asked = KNOWN + b" " + wanted_items(client, wish.recipients) if cold else KNOWN
    try:
        answer = client.ask(b"FETCH", b"%d:%d" % (low, high), b"(" + asked + b")")
    except ConnectionLost:  # perhaps over one of the messages: the next time UIDs come first, and tell which
        cache.put_many({shown_key(client, wish.name): b"[]"} if cold else {})
        raise
    found = merged(answer, by_number=True)
    if any(each.hidden for each in found):
        return None
    if wish.descending:
        found.reverse()
    inner = found[first - around[0] :][: last - first + 1]
    uids: list[int | None] = [each.uid for each in found]
    uids = [None] * (around[0] == first) + uids + [None] * (around[1] == last)
    rows = rows_of(client, inner, cache, uids, recipients=wish.recipients, complete=cold, name=wish.name)
    return _page(client, wish, rows, (total, numbered, pages))


def _by_uid(client: Connection, wish: _Wish, cache: SummaryCache) -> Page:
    asked = search.criteria(
        wish.view, wish.query, text=wish.deep, seconds=wish.seconds, kept=client.note.permanentflags
    )
    numbered, pages, first, last = wish.bounds(client.note.exists)
    total, uids = _around(client, asked, wish, first, last, cache)
    clamped, pages, low, high = wish.bounds(total)
    if clamped != numbered:
        numbered, first, last = clamped, low, high
        total, uids = _around(client, asked, wish, first, last, cache)
    before = min(first - 1, 1)
    inner = uids[before : before + wish.per_page]
    if not inner:
        return _page(client, wish, (), (total, numbered, pages))
    missing = None in cache.get_many([summary_key(client, uid) for uid in inner])
    missing = missing and not avoided(client, cache, inner)
    # One FETCH, not two, where anything is missing: a search may cost four commands in all.
    asked_of_each = KNOWN + b" " + wanted_items(client, wish.recipients) if missing else KNOWN
    try:
        answer = client.ask(b"UID FETCH", uid_set(inner), b"(" + asked_of_each + b")")
    except ConnectionLost as error:
        broke_off(client, cache, inner, error)
        raise
    by_uid = {each.uid: each for each in merged(answer, by_number=False)}
    found = [by_uid[uid] for uid in inner if uid in by_uid and not by_uid[uid].hidden]
    shown = [None] * (first == 1) + uids + [None] * (last >= total)
    rows = rows_of(client, found, cache, shown, recipients=wish.recipients, complete=missing, name=wish.name)
    return _page(client, wish, rows, (total, numbered, pages))


def _around(
    client: Connection, asked: search.Criteria, wish: _Wish, first: int, last: int, cache: SummaryCache
) -> tuple[int, list[int]]:
    """The UIDs of the page and of one more at each end."""
    asks = wish.query is not None
    low, high = max(1, first - 1), max(1, last + 1)
    return window(client, asked, low, high, sort=wish.sort, descending=wish.descending, asks=asks, cache=cache)


def window(
    client: Connection, asked: search.Criteria, low: int, high: int, *,
    sort: Sort, descending: bool, asks: bool, cache: SummaryCache,
) -> tuple[int, list[int]]:  # fmt: skip
    """Return (count, UIDs of places low to high, counted from 1). `asks`: whether something was searched for."""
    sorts = sort != "arrival" or (asks and client.has("ESORT") and client.has("CONTEXT=SEARCH"))
    if sorts:  # also for a search by arrival: SORT reads the messages once, a count and a window would twice
        return order.window(client, asked, low, high, sort=sort, descending=descending, cache=cache)
    return search.window(client, asked, low, high, descending=descending)


def _page(client: Connection, wish: _Wish, rows: Sequence[Row], counted: tuple[int, int, int]) -> Page:
    total, numbered, pages = counted
    return Page(
        mailbox=client.note.selected or "",
        uidvalidity=client.note.uidvalidity or 0,
        rows=tuple(rows),
        total=total,
        number=numbered,
        pages=pages,
        sort=wish.sort,
        descending=wish.descending,
        view=wish.view,
        query=wish.query,
        deep=wish.deep,
    )
