"""The UIDs of one page in an order other than arrival: by SORT where offered (RFC 5256, RFC 5267), else by ourselves.

With PARTIAL only the page's UIDs cross the wire. Without it the whole order is kept in the cache under what the mailbox
held; without SORT the keys of all messages are read once, up to a bound, and sorted here.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

from app.mail.connection import Connection
from app.mail.header import addresses, date, decode, fields
from app.mail.search import Criteria, uids
from app.mail.syntax import Value, esearch, expand, fetches, number, numbers, section

Sort = Literal["arrival", "date", "from", "subject", "size"]
CacheKey = tuple[str, int, int]

SORTED_HERE = 20_000  # messages; beyond, a server without SORT shows the order of arrival
KEPT = 50_000  # UIDs of an order that is kept in the cache: 200 KB
_CHUNK = 2000

_KEYS: Mapping[Sort, bytes] = {
    "arrival": b"ARRIVAL", "date": b"DATE", "from": b"FROM", "subject": b"SUBJECT", "size": b"SIZE",
}  # fmt: skip
_READ: Mapping[Sort, bytes] = {
    "arrival": b"UID",
    "size": b"UID RFC822.SIZE",
    "date": b"UID BODY.PEEK[HEADER.FIELDS (DATE)]<0.200>",
    "from": b"UID BODY.PEEK[HEADER.FIELDS (FROM)]<0.300>",
    "subject": b"UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.300>",
}
_REPLY = re.compile(r"\A(?:\s*(?:re|fwd?|aw|wg|sv|vs|antw|tr|rif|odp)\s*(?:\[\d+\])?\s*:)+\s*", re.IGNORECASE)


class SummaryCache(Protocol):
    """A best-effort store of one account's bytes by (mailbox, uidvalidity, uid); neither method raises."""

    def get_many(self, keys: Sequence[CacheKey], /) -> list[bytes | None]: ...
    def put_many(self, summaries: Mapping[CacheKey, bytes], /) -> None: ...


def can_sort(client: Connection, exists: int) -> bool:
    """Say whether another order than arrival can be had of a mailbox of that size."""
    return client.has("SORT") or exists <= SORTED_HERE


def window(
    client: Connection, asked: Criteria, low: int, high: int, *, sort: Sort, descending: bool, cache: SummaryCache
) -> tuple[int, list[int]]:
    """Return (count, UIDs of places low to high, counted from 1) of the selected mailbox in that order."""
    if client.has("SORT") and client.has("ESORT") and (client.has("CONTEXT=SORT") or client.has("CONTEXT=SEARCH")):
        return _partial(client, asked, low, high, _key(client, sort, descending))
    ordered = _kept(client, asked, sort, cache)
    return len(ordered), (ordered[::-1] if descending else ordered)[low - 1 : high]


def _key(client: Connection, sort: Sort, descending: bool) -> bytes:
    key = b"DISPLAYFROM" if sort == "from" and client.has("SORT=DISPLAY") else _KEYS[sort]
    return b"(REVERSE " + key + b")" if descending else b"(" + key + b")"


def _partial(client: Connection, asked: Criteria, low: int, high: int, key: bytes) -> tuple[int, list[int]]:
    returns = b"RETURN (COUNT PARTIAL %d:%d)" % (low, high)
    answer = client.ask(b"UID SORT", returns, key, asked.charset, *asked.arguments, timeout=asked.seconds)
    found = esearch(answer.untagged)
    if found is None:
        return 0, []
    return found.count or 0, expand(found.partial or b"", high - low + 1)


def _kept(client: Connection, asked: Criteria, sort: Sort, cache: SummaryCache) -> list[int]:
    """Return what matches, ascending: the order of the whole mailbox, kept in the cache, and a SEARCH within it.

    Within one UIDVALIDITY, as many messages and the same last UID means the same messages: UIDs only grow.
    """
    note = client.note
    held = array("I", (note.exists, _last_uid(client, note.exists)))
    key = (f"{note.selected}\0order {sort}", note.uidvalidity or 0, 0)
    ordered = _read(cache.get_many([key])[0], held)
    if ordered is None:
        ordered = _whole(client, sort, asked.seconds)
        if len(ordered) <= KEPT:
            cache.put_many({key: (held + array("I", ordered)).tobytes()})
    if asked.everything:
        return ordered
    wanted = set(uids(client, asked))
    return [uid for uid in ordered if uid in wanted]


def _read(stored: bytes | None, held: array[int]) -> list[int] | None:
    """Return a kept order, None where it is of another state of the mailbox."""
    found = array("I")
    if not stored or len(stored) % found.itemsize:
        return None
    found.frombytes(stored)
    return list(found[2:]) if found[:2] == held else None


def _last_uid(client: Connection, exists: int) -> int:
    if not exists:
        return 0
    for _, items in fetches(client.ask(b"FETCH", b"%d" % exists, b"(UID)").untagged):
        if b"UID" in items:
            return number(items[b"UID"])
    return 0


def _whole(client: Connection, sort: Sort, seconds: float) -> list[int]:
    if client.has("SORT"):
        answer = client.ask(b"UID SORT", _key(client, sort, False), b"US-ASCII ALL", timeout=seconds)
        return numbers(answer.untagged, b"SORT")
    return [uid for _, uid in sorted(_sort_keys(client, sort, seconds))]


def _sort_keys(client: Connection, sort: Sort, seconds: float) -> Iterator[tuple[tuple[int | float, str], int]]:
    """Yield (key, UID) of every message. FETCH by number reports no EXPUNGE (RFC 3501 §7.4.1), so the numbers hold."""
    exists = client.note.exists
    for low in range(1, exists + 1, _CHUNK):
        high = min(exists, low + _CHUNK - 1)
        answer = client.ask(b"FETCH", b"%d:%d" % (low, high), b"(" + _READ[sort] + b")", timeout=seconds)
        for _, items in fetches(answer.untagged):
            if b"UID" in items:
                yield _sort_key(items, sort), number(items[b"UID"])


def _sort_key(items: dict[bytes, Value], sort: Sort) -> tuple[int | float, str]:
    if sort == "arrival":
        return number(items[b"UID"]), ""
    if sort == "size":
        return number(items.get(b"RFC822.SIZE")), ""
    raw = next((value for _, value in fields(section(items, b"BODY[HEADER.FIELDS"))), b"")
    if sort == "date":
        moment = date(raw)
        return moment.timestamp() if moment else 0, ""
    if sort == "from":
        people = addresses(raw, 1)
        return 0, (people[0].name or people[0].address).casefold() if people else ""
    return 0, _REPLY.sub("", decode(raw, 300)).casefold()
