"""Drafts on the IMAP server: saved in place of the former one, and read back to be written on.

Where the server has CATENATE (RFC 4469) a save moves the text alone; what is attached is named and stays on the server.
Elsewhere it travels through, a slice at a time, over a second connection. The former draft is removed only when the new
one's UID is known: two copies are a nuisance, none is a loss.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from app.mail import aside, bodystructure
from app.mail.charset import without_surrogates
from app.mail.connection import Answer, Argument, Connection, Literal, flag_list, quote_mailbox, uid_set
from app.mail.content import MAX_TEXT, read_content
from app.mail.create import make
from app.mail.draftheader import MAX_HEADER, written
from app.mail.entity import encode
from app.mail.errors import CannotDo, MailboxGone, MailError, MessageGone, Refused, Renumbered
from app.mail.filename import harmless
from app.mail.move import existing
from app.mail.outgoing import lying
from app.mail.part import Lease, Place, Wanted, bodies, fetch, item, slices
from app.mail.syntax import fetches, number, numbers, section
from app.mail.wire import Streamed
from app.mail.writing import File, Piece, Stored, Writing, size

FLAGS: Final = ("\\Draft", "\\Seen")
_GONE: Final = "gone"  # of the state: told by `read` alone, whatever the draft says
_NAMED: Final = 20  # files
_APPENDUID: Final = re.compile(rb"\[APPENDUID (\d{1,10}) (\d{1,10})\]", re.IGNORECASE)
_MESSAGE_ID: Final = re.compile(rb"^Message-ID: (<[!-~]{1,900}>)\r$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Saved:
    """Where a draft lies now. `uid` is None where the server does not tell and it could not be found.

    `former`: what became of the one that it replaces: "removed" · "gone", which somebody else changed or removed ·
    "left", which is still there · None, when none was named.
    """

    mailbox: str
    uidvalidity: int | None
    uid: int | None
    former: str | None = None


def save(
    client: Connection,
    mailbox: str,
    pieces: Sequence[Piece],
    *,
    flags: Iterable[str] = FLAGS,
    replaces: tuple[int, int] | None = None,
    lease: Lease | None = None,
) -> Saved:
    """Store a message from its pieces, then remove the one that it replaces (uidvalidity, uid). Makes the mailbox once.

    With UIDPLUS and CATENATE three commands, with nothing to replace one. `lease`: a way to a second connection, for
    stored pieces where there is no CATENATE. Raises MessageGone where a stored piece is not there any more, OverQuota,
    CannotDo, Refused, ConnectionLost, and what reading an upload raises: then nothing was stored.
    """
    words = flag_list(flags)
    before = _uidnext(client, mailbox)
    try:
        answer = _append(client, mailbox, words, pieces, lease)
    except (MailboxGone, Refused) as error:
        # RFC 3501 §6.3.11: a server MUST say TRYCREATE; some say NO alone.
        if error.code not in ("TRYCREATE", "NONEXISTENT", ""):
            raise
        with suppress(Refused):
            mailbox = make(client, mailbox)
        answer = _append(client, mailbox, words, pieces, lease)
    told = _APPENDUID.search(answer.text)
    if told:
        saved = Saved(mailbox, int(told[1]), int(told[2]))
    else:
        note = client.select(mailbox)
        client.noop()
        known = replaces[1] if replaces and replaces[0] == note.uidvalidity else 0
        saved = Saved(mailbox, note.uidvalidity, _found(client, pieces, max(before, known + 1)))
    return saved if replaces is None else replace(saved, former=_remove(client, saved, *replaces))


def set_aside(client: Connection, mailbox: str, file: File, message_id: str, *, lease: Lease | None = None) -> File:
    """Stores a file of the draft with this Message-ID in a hidden message beside it, read while it is sent; returns it
    as it lies there. Raises as `save`; then nothing was stored. The mailbox is made before the first octet is read:
    what a browser sends can be read once only.
    """
    try:
        client.select(mailbox)
    except MailboxGone:
        mailbox = make(client, mailbox)
    saved = save(client, mailbox, aside.message(file, message_id), flags=aside.FLAGS, lease=lease)
    if saved.uid is None or saved.uidvalidity is None:
        raise CannotDo("the server does not tell where it keeps the file")
    return lying(file, Stored(saved.mailbox, saved.uidvalidity, saved.uid, aside.SECTION, 0))


def _append(client: Connection, mailbox: str, flags: bytes, pieces: Sequence[Piece], lease: Lease | None) -> Answer:
    stored = any(isinstance(piece, Stored) for piece in pieces)
    line: list[Argument] = [b"APPEND", quote_mailbox(mailbox), flags]
    if stored and client.has("CATENATE"):
        line += [b"CATENATE", tuple(word for piece in pieces for word in _catenated(piece))]
    elif all(isinstance(piece, bytes) for piece in pieces):
        line.append(Literal(b"".join(piece for piece in pieces if isinstance(piece, bytes))))
    else:
        pieces = [_measured(piece, lease) if isinstance(piece, Stored) else piece for piece in pieces]
        line.append(Streamed(size(pieces), streamed(pieces, lease)))
    try:
        return client.ask(*line)
    except Refused as error:
        if error.code == "BADURL":
            raise MessageGone(error.text, code=error.code) from None
        raise


def _catenated(piece: Piece) -> tuple[Argument, ...]:
    if isinstance(piece, bytes):
        return (b"TEXT", Literal(piece))
    if isinstance(piece, Stored):
        return (b"URL", _url(piece))
    return (b"TEXT", Streamed(size((piece,)), encode(piece)))


def _url(piece: Stored) -> str:
    """A piece as an IMAP URL (RFC 5092 §7), without the server's name: relative to the connection."""
    name = quote(piece.mailbox, safe="/", errors="replace")
    part = f"/;SECTION={quote(piece.section, safe='')}" if piece.section else ""
    return f"/{name};UIDVALIDITY={piece.uidvalidity}/;UID={piece.uid}{part}"


def streamed(pieces: Iterable[Piece], lease: Lease | None) -> Iterator[bytes]:
    """All octets of a message, in order, never more than a slice of them at once. CannotDo without a `lease` for what
    is stored; as `slices` raises, and as reading an upload raises."""
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        elif not isinstance(piece, Stored):
            yield from encode(piece)
        elif lease is None:
            raise CannotDo("the server cannot put messages together")
        else:
            place = Place(piece.mailbox, piece.uidvalidity, piece.uid)
            yield from slices(lease, place, piece.section, expected=piece.size)


def _measured(piece: Stored, lease: Lease | None) -> Stored:
    """A stored piece with its true size. BODYSTRUCTURE is not always right about it (pymap counts the part's header),
    and a literal cannot be corrected: so its last octet is asked for, and all of it where that is not the last."""
    if lease is None:
        raise CannotDo("the server cannot put messages together")
    place = Place(piece.mailbox, piece.uidvalidity, piece.uid)
    if piece.size:
        with lease() as client:
            client.select(place.mailbox, uidvalidity=place.uidvalidity)
            items = fetch(client, place.uid, item(Wanted(piece.section, 2), offset=piece.size - 1))
        if len(bodies(items).get(piece.section, b"")) == 1:
            return piece
    return replace(piece, size=sum(map(len, slices(lease, place, piece.section))))


# -- where the server does not tell -----------------------------------------------------------------------------------


def _uidnext(client: Connection, mailbox: str) -> int:
    """The lowest UID that a new message can get, as far as it must be known: 0 where the server will tell."""
    note = client.note
    return 0 if client.has("UIDPLUS") or note.selected != mailbox else (note.uidnext or 0)


def _found(client: Connection, pieces: Sequence[Piece], lowest: int) -> int | None:
    """The message just stored, by its Message-ID: the latest, if it is none that was there before."""
    head = next((piece for piece in pieces if isinstance(piece, bytes)), b"")
    identity = _MESSAGE_ID.search(head)
    if identity is None:
        return None
    answer = client.ask(b"UID SEARCH HEADER Message-ID", identity[1].decode("ascii"))
    return max((uid for uid in numbers(answer.untagged, b"SEARCH") if uid >= lowest), default=None)


def _remove(client: Connection, saved: Saved, uidvalidity: int, uid: int) -> str:
    """Remove the former draft; what became of it. An error here must not look as if nothing had been saved."""
    if saved.uid is None or (saved.uidvalidity, saved.uid) == (uidvalidity, uid):
        return "left"
    try:
        client.select(saved.mailbox, uidvalidity=uidvalidity, write=True)
        return remove(client, uid)
    except Renumbered:
        return "gone"
    except MailError:
        return "left"


def remove(client: Connection, uid: int) -> str:
    """Remove one message of the selected mailbox: "removed", "gone" where it was not there, "left" where it had to be
    left marked because others are marked too. Two commands with UIDPLUS."""
    one = uid_set([uid])
    answer = client.ask(b"UID STORE", one, b"+FLAGS", flag_list(["\\Deleted"]))
    told = {number(items.get(b"UID")) for _, items in fetches(answer.untagged)}
    if uid not in told and not existing(client, [uid]):  # Dovecot says nothing of one that was marked already
        return "gone"
    if client.has("UIDPLUS"):
        client.ask(b"UID EXPUNGE", one)
        return "removed"
    if numbers(client.ask(b"UID SEARCH", b"DELETED").untagged, b"SEARCH") != [uid]:
        return "left"
    client.ask(b"EXPUNGE")
    return "removed"


def digest(client: Connection, mailbox: str, uidvalidity: int, uid: int) -> tuple[int, str]:
    """Octets and SHA-256 (hex) of a stored message, read a slice at a time. Raises as `slices` in part.py."""

    @contextmanager
    def same() -> Iterator[Connection]:
        yield client

    found, octets = hashlib.sha256(), 0
    for piece in slices(same, Place(mailbox, uidvalidity, uid), ""):
        found.update(piece)
        octets += len(piece)
    return octets, found.hexdigest()


# -- read back ---------------------------------------------------------------------------------------------------------


def read(client: Connection, mailbox: str, uidvalidity: int, uid: int, *, texts: bool = True) -> Writing:
    """A draft, of ours or of another client, to be written on: two commands; one without its `texts`, for who brings
    new ones; one more for files set aside, of which `state["gone"]` names those that are not there.

    `html` is a stranger's until it was cleaned; so are `origin` and `state` in a message that was moved here. Sender
    and Message-ID are empty where the draft has none. Raises Renumbered, MailboxGone, MessageGone, and CannotDo for a
    draft too long to be edited: its end would be lost.
    """
    client.select(mailbox, uidvalidity=uidvalidity)
    items = fetch(client, uid, b"BODYSTRUCTURE BODY.PEEK[HEADER]<0.%d>" % MAX_HEADER)
    block = section(items, b"BODY[HEADER]")
    structure = bodystructure.read(items.get(b"BODYSTRUCTURE"))
    place = Place(mailbox, uidvalidity, uid)
    content = read_content(client, place, structure, limit=MAX_TEXT, texts=texts)
    if content.cut or len(block) >= MAX_HEADER:
        raise CannotDo("the draft is too long")
    found = replace(written(block), text=content.text, html=content.html, files=content.files)
    found = replace(found, state={name: value for name, value in found.state.items() if name != _GONE})
    return _with_files(client, mailbox, found) if aside.STATE in found.state else found


def _with_files(client: Connection, mailbox: str, found: Writing) -> Writing:
    """The files that the draft names beside those that it holds."""
    state = dict(found.state)
    files, gone = aside.read_back(client, mailbox, state.pop(aside.STATE), found.message_id)
    return replace(found, files=(*found.files, *files), state={**state, _GONE: _named(gone)} if gone else state)


def _named(names: Sequence[str]) -> str:
    """Names of files as another hand may have written them, for people."""
    more = f" and {len(names) - _NAMED} more" if names[_NAMED:] else ""
    return ", ".join(harmless(without_surrogates(each)) for each in names[:_NAMED]) + more
