"""One page of a mailbox: 50 rows at a cost that does not grow with the mailbox.

By arrival it is one FETCH of a range of sequence numbers, directly after the lease's NOOP, for what changes (flags) and
what proves the rest (size); summaries come from the cache, and a second FETCH asks for those that are not in it. Other
orders, views and searches ask for the page's UIDs first (order.py, search.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from app.mail import order, search
from app.mail.connection import Answer, Connection, uid_set
from app.mail.envelope import Summary, from_bytes, items, summary, to_bytes
from app.mail.errors import Refused
from app.mail.order import CacheKey, Sort, SummaryCache
from app.mail.search import View
from app.mail.syntax import Value, atoms, fetches, number

__all__ = ["Page", "Row", "Sort", "SummaryCache", "View", "page", "shown_key"]

SECONDS = 3.0  # until the first byte of a list's FETCH
_KNOWN = b"UID FLAGS RFC822.SIZE"
_CASE = {flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded")}
# What Dovecot answers to _KNOWN; read so, a list costs half of what the parser takes. Anything else goes through that.
_QUICK = re.compile(rb"\* (\d{1,10}) FETCH \(UID (\d{1,10}) FLAGS \(([^()]*)\) RFC822\.SIZE (\d{1,19})\)\Z")
_NOTHING = Summary("", None, (), None, datetime(1970, 1, 1, tzinfo=UTC), False, None)


@dataclass(frozen=True, slots=True)
class Row:
    """One message of a list. Flags as the server wrote them, its own in their usual case; size in bytes."""

    uid: int
    flags: frozenset[str]
    size: int
    summary: Summary

    @property
    def seen(self) -> bool:
        return "\\Seen" in self.flags

    @property
    def flagged(self) -> bool:
        return "\\Flagged" in self.flags

    @property
    def answered(self) -> bool:
        return "\\Answered" in self.flags

    @property
    def forwarded(self) -> bool:
        return "$Forwarded" in self.flags

    @property
    def draft(self) -> bool:
        return "\\Draft" in self.flags

    @property
    def deleted(self) -> bool:
        return "\\Deleted" in self.flags


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


@dataclass(slots=True)
class _Found:
    """What a FETCH told of one message; `items` None where that was no more than _KNOWN."""

    uid: int
    flags: frozenset[str]
    size: int
    items: dict[bytes, Value] | None = None

    @property
    def deleted(self) -> bool:
        return "\\Deleted" in self.flags


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
    cache: SummaryCache,
) -> Page:
    """Return one page. Numbers beyond the last page give the last; never raises for what a message holds.

    `recipients`: whether the rows need them, as in Sent and Drafts; else they may be empty.
    Raises MailboxGone and what a connection raises. Counts on the lease's NOOP.
    """
    fresh = client.note.selected != ("INBOX" if mailbox.upper() == "INBOX" else mailbox)
    client.select(mailbox, write=fresh)  # SELECT, not EXAMINE: marking a message read later needs no second one
    exists = client.note.exists
    query = search.tidy(query)
    sort = sort if sort == "arrival" or order.can_sort(client, exists) else "arrival"
    deep = search.searches_text(client, exists)
    wish = _Wish(number, max(1, per_page), sort, descending, view, query, deep, recipients)
    if sort == "arrival" and view == "all" and query is None:
        shown = _by_place(client, wish, cache, fresh)
        if shown is not None:
            return shown
    return _by_uid(client, wish, cache)


def _by_place(client: Connection, wish: _Wish, cache: SummaryCache, fresh: bool) -> Page | None:
    """The page by arrival; None where a message of it is marked as deleted, for then places do not tell rows."""
    total = client.note.exists
    numbered, pages, first, last = wish.bounds(total)
    if not total:
        return _page(client, wish, (), (total, numbered, pages))
    around = max(1, first - 1), min(total, last + 1)  # one more at each end: the neighbours of the first and last row
    low, high = (total - around[1] + 1, total - around[0] + 1) if wish.descending else around
    cold = fresh and cache.get_many([shown_key(client)])[0] is None
    asked = _KNOWN + b" " + _items(client, wish) if cold else _KNOWN
    answer = client.ask(b"FETCH", b"%d:%d" % (low, high), b"(" + asked + b")", timeout=SECONDS)
    found = _merged(answer, by_number=True)
    if any(each.deleted for each in found):
        return None
    if wish.descending:
        found.reverse()
    inner = found[first - around[0] :][: last - first + 1]
    uids: list[int | None] = [each.uid for each in found]
    uids = [None] * (around[0] == first) + uids + [None] * (around[1] == last)
    return _page(client, wish, _rows(client, wish, inner, cache, uids, complete=cold), (total, numbered, pages))


def _by_uid(client: Connection, wish: _Wish, cache: SummaryCache) -> Page:
    asked = search.criteria(wish.view, wish.query, text=wish.deep)
    numbered, pages, first, last = wish.bounds(client.note.exists)
    total, uids = _window(client, asked, wish, first, last, cache)
    clamped, pages, low, high = wish.bounds(total)
    if clamped != numbered:
        numbered, first, last = clamped, low, high
        total, uids = _window(client, asked, wish, first, last, cache)
    before = min(first - 1, 1)
    inner = uids[before : before + wish.per_page]
    if not inner:
        return _page(client, wish, (), (total, numbered, pages))
    missing = None in cache.get_many([_key(client, uid) for uid in inner])
    # One FETCH, not two, where anything is missing: a search may cost four commands in all.
    asked_of_each = _KNOWN + b" " + _items(client, wish) if missing else _KNOWN
    answer = client.ask(b"UID FETCH", uid_set(inner), b"(" + asked_of_each + b")", timeout=SECONDS)
    by_uid = {each.uid: each for each in _merged(answer, by_number=False)}
    found = [by_uid[uid] for uid in inner if uid in by_uid and not by_uid[uid].deleted]
    shown = [None] * (first == 1) + uids + [None] * (last >= total)
    return _page(client, wish, _rows(client, wish, found, cache, shown, complete=missing), (total, numbered, pages))


def _window(
    client: Connection, asked: search.Criteria, wish: _Wish, first: int, last: int, cache: SummaryCache
) -> tuple[int, list[int]]:
    """The UIDs of the page and of one more at each end."""
    low, high = max(1, first - 1), max(1, last + 1)
    sorts = wish.sort != "arrival" or (wish.query is not None and client.has("ESORT") and client.has("CONTEXT=SEARCH"))
    if sorts:  # also for a search by arrival: SORT reads the messages once, a count and a window would twice
        return order.window(client, asked, low, high, sort=wish.sort, descending=wish.descending, cache=cache)
    return search.window(client, asked, low, high, descending=wish.descending)


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


def _merged(answer: Answer, *, by_number: bool) -> list[_Found]:
    """Return each message with a UID and a size, by sequence number or else in order of arrival.

    Flags told again later in the answer win. After UID FETCH numbers may have shifted: there only UIDs identify.
    """
    merged: dict[int, _Found] = {}
    for pieces in answer.untagged:
        quick = _QUICK.match(pieces[0]) if len(pieces) == 1 else None
        if quick:
            place, uid = int(quick[1]), int(quick[2])
            merged[place if by_number else uid] = _Found(uid, _flags(quick[3]), int(quick[4]))
        else:
            _merge(merged, pieces, by_number)
    in_order = (merged[each] for each in sorted(merged)) if by_number else merged.values()
    return [each for each in in_order if each.uid and each.size >= 0]


def _merge(merged: dict[int, _Found], pieces: Sequence[bytes], by_number: bool) -> None:
    for place, found in fetches((pieces,)):
        uid = number(found.get(b"UID"))
        if not (identity := place if by_number else uid):
            continue
        row = merged.setdefault(identity, _Found(uid, frozenset(), -1))
        row.uid = uid or row.uid
        row.items = {**(row.items or {}), **found}
        if b"FLAGS" in found:
            row.flags = _flags(b" ".join(atoms(found[b"FLAGS"])))
        if b"RFC822.SIZE" in found:
            row.size = number(found[b"RFC822.SIZE"])


@lru_cache(maxsize=1024)
def _flags(raw: bytes) -> frozenset[str]:
    """Return flags from their words on the wire, known ones in their usual case."""
    words = raw.decode("ascii", "replace").split()
    return frozenset(_CASE.get(word.lower(), word) for word in words)


def _rows(
    client: Connection,
    wish: _Wish,
    found: list[_Found],
    cache: SummaryCache,
    uids: Sequence[int | None],
    *,
    complete: bool,
) -> list[Row]:
    """Return the rows with their summaries; what the cache lacked goes there, with the UIDs shown (None: an end)."""
    *stored, shown = cache.get_many([*(_key(client, each.uid) for each in found), shown_key(client)])
    known: dict[int, Summary] = {}
    for each, kept in zip(found, stored, strict=True):
        if kept and (read := from_bytes(kept, each.size, recipients=wish.recipients)):
            known[each.uid] = read
    keep = _complete(client, wish, found, known, complete=complete) if len(known) < len(found) else {}
    if shown != (now := json.dumps(uids).encode()):
        keep[shown_key(client)] = now
    cache.put_many(keep)
    return [Row(each.uid, each.flags, each.size, known.get(each.uid, _NOTHING)) for each in found]


def _complete(
    client: Connection, wish: _Wish, found: list[_Found], known: dict[int, Summary], *, complete: bool
) -> dict[CacheKey, bytes]:
    """Add to `known` what is missing of it; return what of that goes into the cache."""
    sizes = {each.uid: each.size for each in found if each.uid not in known}
    fetched = [each.items or {} for each in found] if complete else _ask_summaries(client, wish, list(sizes))
    keep = {}
    for each in fetched:
        uid = number(each.get(b"UID"))
        if uid in sizes and uid not in known:
            known[uid] = summary(each)
            if b"BODYSTRUCTURE" in each:
                keep[_key(client, uid)] = to_bytes(known[uid], sizes[uid], recipients=wish.recipients)
    return keep


def _items(client: Connection, wish: _Wish) -> bytes:
    return items(preview=client.has("PREVIEW"), recipients=wish.recipients)


def _ask_summaries(client: Connection, wish: _Wish, uids: list[int]) -> list[dict[bytes, Value]]:
    """FETCH what the rows show. A server that refuses is asked once more for headers only, and then left alone:
    Dovecot says NO [SERVERBUG] to the whole of it when one message's file is not as long as it remembers."""
    headers_only = items(preview=False, recipients=wish.recipients).replace(b"BODYSTRUCTURE ", b"")
    for asked in (_items(client, wish), headers_only):
        try:
            answer = client.ask(b"UID FETCH", uid_set(uids), b"(UID " + asked + b")", timeout=SECONDS)
        except Refused:
            continue
        return [each for _, each in fetches(answer.untagged)]
    return []


def _key(client: Connection, uid: int) -> CacheKey:
    return client.note.selected or "", client.note.uidvalidity or 0, uid


def shown_key(client: Connection) -> CacheKey:
    """Return the cache's key of the UIDs last shown of the selected mailbox; no message has UID 0."""
    return _key(client, 0)


def forget(cache: SummaryCache, mailbox: str, uidvalidity: int, gone: Iterable[int]) -> None:
    """Take UIDs out of what was last shown, so that nobody is led to them as the next message."""
    key = mailbox, uidvalidity, 0
    left = set(gone)
    shown = read_shown(cache.get_many([key])[0])
    if left.intersection(shown):
        cache.put_many({key: json.dumps([uid for uid in shown if uid not in left]).encode()})


def read_shown(stored: bytes | None) -> list[int | None]:
    """Return the UIDs last shown in their order, None for an end of the list; nothing for any other entry."""
    try:
        found = json.loads(stored or b"[]")
    except ValueError:
        return []
    good = isinstance(found, list) and all(uid is None or isinstance(uid, int) for uid in found)
    return found if good else []
