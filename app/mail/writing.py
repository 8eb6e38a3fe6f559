"""A message being written, as values: who writes to whom, the text, and where the attached files lie.

Nothing here holds a file's bytes longer than it must: what was attached once lies on the IMAP server, already encoded
for transfer, and is named by mailbox, UIDVALIDITY, UID and section.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias, Union

from app.mail.address import ascii_domain
from app.mail.header import Address
from app.mail.part import Place

LINE: Final = 76  # letters of base64 in one line (RFC 2045 §6.8)


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that lie on the IMAP server, encoded for transfer. `section` "" is the whole message. `size`: octets of
    BODY[section], as encoded. `encoding`: how they are encoded, as the part's own header says."""

    mailbox: str
    uidvalidity: int
    uid: int
    section: str
    size: int
    encoding: str = "base64"


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes that are read once, while they are sent: a file, or the body of a request. `length` in octets, not yet
    encoded; who gives fewer breaks the connection, and nothing is stored."""

    content: Path | BinaryIO
    length: int


Piece: TypeAlias = Union[bytes, Stored, Upload]  # noqa: UP007  # a value at run time too


@dataclass(frozen=True, slots=True)
class File:
    """One attachment. `content_id`, without brackets: a picture that the HTML shows (`cid:`). `charset`: of a text
    that lies on the server in one. A type that is none is written as application/octet-stream."""

    name: str
    type: str
    content: bytes | Path | Upload | Stored
    content_id: str | None = None
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What a draft answers or forwards: to be flagged when it was sent. `kind`: "reply" or "forward"."""

    kind: str
    place: Place


@dataclass(frozen=True, slots=True)
class Writing:
    """A message being written. `text` has LF lines; a line that begins with `>` is a quote. `date` is aware.

    In drafts only: `bcc`, `origin`, `state` (the editor's own values, by names of a-z), addresses that are none yet.
    """

    sender: Address
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    text: str = ""
    html: str | None = None
    files: tuple[File, ...] = ()
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    message_id: str = ""
    date: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    origin: Origin | None = None
    state: Mapping[str, str] = field(default_factory=dict)


def new_message_id(domain: str) -> str:
    """A Message-ID under a domain, which tells neither time nor machine. Raises BadAddress for what is no domain."""
    return f"<{secrets.token_hex(16)}@{ascii_domain(domain)}>"


def size(pieces: Iterable[Piece]) -> int:
    """Octets of all pieces together, as they will be stored and sent."""
    return sum(_size(piece) for piece in pieces)


def _size(piece: Piece) -> int:
    if isinstance(piece, bytes):
        return len(piece)
    return piece.size if isinstance(piece, Stored) else encoded_size(piece.length)


def encoded_size(length: int) -> int:
    """Octets of base64 in lines of 76 letters with CRLF between them."""
    letters = (length + 2) // 3 * 4
    return letters + 2 * ((letters - 1) // LINE) if letters else 0


def upload(path: Path) -> Upload:
    """A file on this machine as it is now."""
    return Upload(path, os.stat(path).st_size)
