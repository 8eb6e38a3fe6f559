"""The headers of the latest messages of a mailbox, in slices: on what a rule of a filter is tried."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.mail.connection import Connection
from app.mail.envelope import arrived
from app.mail.errors import BadArgument, MessageGone
from app.mail.syntax import atoms, fetches, number, section, text

SLICE: Final = 250  # messages of one FETCH
OCTETS: Final = 8192  # of the fields of one message
_FIELDS: Final = ("FROM", "TO", "CC", "SUBJECT", "LIST-ID", "DATE", "RETURN-PATH")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MOST_NAMES: Final = 60


@dataclass(frozen=True, slots=True)
class Latest:
    """One message: the fields that were asked for, as they came."""

    uid: int
    size: int
    arrived: datetime
    header: bytes


def latest(client: Connection, mailbox: str, most: int, names: Iterable[str] = ()) -> tuple[int, tuple[Latest, ...]]:
    """UIDVALIDITY, and the latest `most` messages, the newest first, each with the usual fields and those of `names`.

    At most one SELECT and a FETCH for each 250. Names that no server need understand are left out. Raises the tree of
    app/mail/errors.py."""
    client.select(mailbox)
    note = client.note
    found: list[Latest] = []
    top = note.exists
    while top > 0 and note.exists - top < most:
        low = max(1, top - SLICE + 1, note.exists - most + 1)
        answer = client.ask(b"FETCH", b"%d:%d" % (low, top), _items(names))
        found += sorted(_read(answer.untagged), key=lambda each: -each.uid)
        top = low - 1
    return note.uidvalidity or 0, tuple(found)


def one(client: Connection, mailbox: str, uidvalidity: int, uid: int) -> Latest:
    """A single message. Raises MessageGone."""
    client.select(mailbox, uidvalidity=uidvalidity)
    if not 0 < uid < 2**32:
        raise BadArgument("no uid")
    for each in _read(client.ask(b"UID FETCH", b"%d" % uid, _items(())).untagged):
        if each.uid == uid:
            return each
    raise MessageGone


def _items(names: Iterable[str]) -> bytes:
    more = [name.upper() for name in names if _NAME.fullmatch(name)][:_MOST_NAMES]
    fields = " ".join(dict.fromkeys((*_FIELDS, *more))).encode("ascii")
    return b"(UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (%b)]<0.%d>)" % (fields, OCTETS)


def _read(untagged: Iterable[tuple[bytes, ...]]) -> Iterator[Latest]:
    """What is marked as deleted is hidden in lists, and left out here."""
    for _, items in fetches(untagged):
        marked = any(flag.upper() == b"\\DELETED" for flag in atoms(items.get(b"FLAGS")))
        if b"UID" in items and b"RFC822.SIZE" in items and not marked:
            yield Latest(
                number(items[b"UID"]),
                number(items[b"RFC822.SIZE"]),
                arrived(text(items.get(b"INTERNALDATE"))),
                section(items, b"BODY[HEADER.FIELDS"),
            )
