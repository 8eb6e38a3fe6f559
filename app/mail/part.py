"""One part of a message from the server: the beginning of it for a page, or all of it in slices for a download.

A stream holds no connection while the browser reads: each slice of at most 1 MB has a lease of its own, in which the
mailbox's UIDVALIDITY is compared anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from app.mail.connection import Connection
from app.mail.errors import BadArgument, ConnectionLost, MessageGone
from app.mail.syntax import Value, fetches, number

SLICE: Final = 1024 * 1024
Lease = Callable[[], AbstractContextManager[Connection]]
Items = dict[bytes, Value]

_SECTION: Final = re.compile(r"(?:[1-9][0-9]{0,3}(?:\.[1-9][0-9]{0,3}){0,110}(?:\.(?:HEADER|TEXT))?|HEADER|TEXT)?")
_BODY: Final = re.compile(rb"BODY\[([^\]]*)\](?:<\d+>)?\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is: the three that name it for good, as long as the mailbox is not renumbered."""

    mailbox: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """The beginning of a section: at most `limit` octets, as encoded."""

    section: str
    limit: int


def check_section(section: str) -> str:
    """A section as RFC 3501 §6.4.5 writes it ("" for the whole message); BadArgument for anything else."""
    if not _SECTION.fullmatch(section):
        raise BadArgument("not a section")
    return section


def fetch(client: Connection, uid: int, items: bytes) -> Items:
    """The items of one message in the selected mailbox. One command. MessageGone when the server has none of them."""
    answer = client.ask(b"UID FETCH", b"%d" % uid, b"(UID " + items + b")")
    found: Items = {}
    for _, each in fetches(answer.untagged):
        if number(each.get(b"UID")) == uid:
            found.update(each)
    if not found:
        raise MessageGone("FETCH answered without the message")
    return found


def item(wanted: Wanted, *, peek: bool = True, offset: int = 0) -> bytes:
    """The FETCH item for the beginning of a section, or for what follows an offset."""
    command = b"BODY.PEEK" if peek else b"BODY"
    return b"%s[%s]<%d.%d>" % (command, check_section(wanted.section).encode("ascii"), offset, wanted.limit)


def bodies(items: Mapping[bytes, Value]) -> dict[str, bytes]:
    """The sections among fetched items, in capitals as the server named them; NIL is left out."""
    found: dict[str, bytes] = {}
    for name, value in items.items():
        section = _BODY.match(name)
        if section and isinstance(value, bytes):
            found[section[1].decode("ascii", "replace").upper()] = value
    return found


def slices(
    lease: Lease, place: Place, section: str, *, first: bytes = b"", expected: int | None = None, size: int = SLICE
) -> Iterator[bytes]:
    """A section as encoded, in pieces of at most `size` octets, each through its own lease.

    ``first``: its beginning if that was fetched already, `size` octets unless it is all. ``expected``: its length where
    that was promised; ConnectionLost when the server gives another one, so that nobody takes half a file for a whole.
    Raises MessageGone, Renumbered, MailboxGone, ConnectionLost.
    """
    check_section(section)
    piece, offset = first, len(first)
    if first:
        yield first
    while len(piece) == size or not offset:
        if offset == expected:
            break
        piece = _slice(lease, place, section, offset, size)
        offset += len(piece)
        if piece:
            yield piece
        else:
            break
    if expected is not None and offset != expected and offset + _header(lease, place, section) != expected:
        raise ConnectionLost(f"{offset} octets of a part of {expected}")


def _header(lease: Lease, place: Place, section: str) -> int:
    """How long the header of a part is: some servers count it into the part's size (pymap does)."""
    if not section or not section[-1].isdigit():
        return 0
    with lease() as client:
        client.select(place.mailbox, uidvalidity=place.uidvalidity)
        found = bodies(fetch(client, place.uid, b"BODY.PEEK[%b.MIME]<0.%d>" % (section.encode("ascii"), SLICE)))
    return len(found.get(f"{section}.MIME", b""))


def _slice(lease: Lease, place: Place, section: str, offset: int, size: int) -> bytes:
    with lease() as client:
        client.select(place.mailbox, uidvalidity=place.uidvalidity)
        items = fetch(client, place.uid, item(Wanted(section, size), offset=offset))
    piece = bodies(items).get(section)
    if piece is None:
        raise MessageGone("the part is not there")
    return piece
