"""The rows of a list: what a FETCH told of each message, with its summary from the cache or from a second FETCH.

Flags and size are always asked of the server; the size proves the summary that was kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from app.mail.connection import Answer, Connection, uid_set
from app.mail.envelope import Summary, from_bytes, items, summary, to_bytes
from app.mail.errors import ConnectionLost, Refused
from app.mail.flags import HIDDEN
from app.mail.lastshown import shown_key, summary_key
from app.mail.order import CacheKey, SummaryCache
from app.mail.syntax import Value, atoms, fetches, number
from app.mail.unreadable import avoided, broke_off

KNOWN = b"UID FLAGS RFC822.SIZE"
_OWN = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded", *HIDDEN)
_CASE = {flag.lower(): flag for flag in _OWN}
# What Dovecot answers to KNOWN; read so, a list costs half of what the parser takes. Anything else goes through that.
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


@dataclass(slots=True)
class Found:
    """What a FETCH told of one message; `items` None where that was no more than KNOWN."""

    uid: int
    flags: frozenset[str]
    size: int
    items: dict[bytes, Value] | None = None

    @property
    def hidden(self) -> bool:
        """Not for a list: marked as deleted, or a mail on its way or a file, whose draft stands in the list."""
        return "\\Deleted" in self.flags or not self.flags.isdisjoint(HIDDEN)


def merged(answer: Answer, *, by_number: bool) -> list[Found]:
    """Return each message with a UID and a size, by sequence number or else in order of arrival.

    Flags told again later in the answer win. After UID FETCH numbers may have shifted: there only UIDs identify.
    """
    told: dict[int, Found] = {}
    for pieces in answer.untagged:
        quick = _QUICK.match(pieces[0]) if len(pieces) == 1 else None
        if quick:
            place, uid = int(quick[1]), int(quick[2])
            told[place if by_number else uid] = Found(uid, _flags(quick[3]), int(quick[4]))
        else:
            _merge(told, pieces, by_number)
    in_order = (told[each] for each in sorted(told)) if by_number else told.values()
    return [each for each in in_order if each.uid and each.size >= 0]


def _merge(told: dict[int, Found], pieces: Sequence[bytes], by_number: bool) -> None:
    for place, found in fetches((pieces,)):
        uid = number(found.get(b"UID"))
        if not (identity := place if by_number else uid):
            continue
        row = told.setdefault(identity, Found(uid, frozenset(), -1))
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


def rows_of(
    client: Connection,
    found: list[Found],
    cache: SummaryCache,
    uids: Sequence[int | None],
    *,
    recipients: bool,
    complete: bool,
    name: str,
) -> list[Row]:
    """Return the rows with their summaries; what the cache lacked goes there, with the UIDs shown (None: an end)
    of the list of that name."""
    *stored, shown = cache.get_many([*(summary_key(client, each.uid) for each in found), shown_key(client, name)])
    known: dict[int, Summary] = {}
    for each, kept in zip(found, stored, strict=True):
        if kept and (read := from_bytes(kept, each.size, recipients=recipients)):
            known[each.uid] = read
    keep: dict[CacheKey, bytes] = {}
    if len(known) < len(found):
        missing = [each for each in found if each.uid not in known]
        fetched = [each.items or {} for each in found] if complete else _asked(client, missing, cache, recipients)
        keep = _complete(client, {each.uid: each.size for each in missing}, fetched, known, recipients=recipients)
    if shown != (now := json.dumps(uids).encode()):
        keep[shown_key(client, name)] = now
    cache.put_many(keep)
    return [Row(each.uid, each.flags, each.size, known.get(each.uid, _NOTHING)) for each in found]


def _complete(
    client: Connection,
    sizes: dict[int, int],
    fetched: list[dict[bytes, Value]],
    known: dict[int, Summary],
    *,
    recipients: bool,
) -> dict[CacheKey, bytes]:
    """Add to `known` what is missing of it; return what of that goes into the cache."""
    keep = {}
    for each in fetched:
        uid = number(each.get(b"UID"))
        if uid in sizes and uid not in known:
            known[uid] = summary(each)
            if b"BODYSTRUCTURE" in each:
                keep[summary_key(client, uid)] = to_bytes(known[uid], sizes[uid], recipients=recipients)
    return keep


def _asked(
    client: Connection, missing: list[Found], cache: SummaryCache, recipients: bool
) -> list[dict[bytes, Value]]:
    uids = [each.uid for each in missing]
    left_out = avoided(client, cache, uids)
    try:
        return _ask_summaries(client, [uid for uid in uids if uid not in left_out], recipients)
    except ConnectionLost as error:
        broke_off(client, cache, [uid for uid in uids if uid not in left_out], error)
        raise


def wanted_items(client: Connection, recipients: bool) -> bytes:
    """Return the FETCH items of a summary on this server."""
    return items(preview=client.has("PREVIEW"), recipients=recipients)


def _ask_summaries(client: Connection, uids: list[int], recipients: bool) -> list[dict[bytes, Value]]:
    """FETCH what the rows show. A server that refuses is asked once more for headers only, and then left alone:
    Dovecot says NO [SERVERBUG] to the whole of it when one message's file is not as long as it remembers."""
    headers_only = items(preview=False, recipients=recipients).replace(b"BODYSTRUCTURE ", b"")
    for asked in (wanted_items(client, recipients), headers_only) if uids else ():
        try:
            answer = client.ask(b"UID FETCH", uid_set(uids), b"(UID " + asked + b")")
        except Refused:
            continue
        return [each for _, each in fetches(answer.untagged)]
    return []
