"""From a message being written to the bytes that are stored and sent: header and MIME tree, as pieces with CRLF lines.

A draft and the message that goes out are written by the same code; what only drafts hold (Bcc, what is answered, the
editor's state, addresses that are none yet) is left out of the final form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from app.mail.address import BadAddress, needs_utf8, on_wire
from app.mail.entity import file_entity, media_type, merged, multipart, text_entity
from app.mail.errors import BadArgument
from app.mail.field import address_list, folded, is_id, unstructured
from app.mail.flowed import flow
from app.mail.header import Address
from app.mail.recipients import Fault, Parsed, recipients
from app.mail.writing import (
    File,
    Origin,
    Piece,
    Stored,
    Upload,
    Writing,
    encoded_size,
    new_message_id,
    size,
    upload,
)

__all__ = [
    "Address", "Fault", "File", "Origin", "Parsed", "Piece", "Stored", "Upload", "Writing", "envelope",
    "hidden_field", "lying", "new_message_id", "pieces", "placed", "recipients", "size", "wants_utf8",
]  # fmt: skip

OWN: Final = "X-Postern-"
_STATE_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_VALUE_SEGMENT: Final = 60


def pieces(writing: Writing, *, final: bool, utf8: bool = False) -> tuple[Piece, ...]:
    """The whole message. `final`: as it is sent, without Bcc and without our own fields.

    `utf8`: the submission server offers SMTPUTF8; without it an address beyond ASCII raises in the final form. Raises
    BadAddress for such, for a sender that is none and, in the final form, for any address that is none; BadArgument for
    a Message-ID that is none.
    """
    if final:
        for hidden in writing.bcc:  # no field shows it, yet it must not be left out in silence
            on_wire(hidden.address)
    if final and not utf8 and wants_utf8(writing):
        raise BadAddress("needs a mail server that takes such letters")
    head = b"".join(_header(writing, final=final)) + b"MIME-Version: 1.0\r\n"
    return tuple(merged([head, *_body(writing)]))


def wants_utf8(writing: Writing) -> bool:
    """Whether the message can be sent only where SMTPUTF8 is offered (RFC 6531)."""
    everyone = (writing.sender, *writing.reply_to, *writing.to, *writing.cc, *writing.bcc)
    return any(needs_utf8(each.address) for each in everyone)


def envelope(writing: Writing) -> tuple[str, ...]:
    """Everybody whom the message goes to, once, as SMTP is told. Raises BadAddress for what is no address."""
    found: dict[str, str] = {}
    for each in (*writing.to, *writing.cc, *writing.bcc):
        address = on_wire(each.address)
        found.setdefault(address.casefold(), address)
    return tuple(found.values())


def hidden_field(writing: Writing) -> bytes:
    """The Bcc field with its CRLF, for the copy that the sender keeps; b"" where there is none. Raises BadAddress."""
    return address_list("Bcc", writing.bcc)


def _header(writing: Writing, *, final: bool) -> Iterator[bytes]:
    if not is_id(writing.message_id):
        raise BadArgument("not a Message-ID")
    yield folded("Date", [format_datetime(writing.date)])
    yield address_list("From", [writing.sender])
    odd: list[bytes] = []
    for name, mailboxes in _addressed(writing, final=final):
        good = mailboxes if final else [each for each in mailboxes if _is_good(each)]
        odd += [_own(f"Typed-{name}", _typed(each)) for each in mailboxes if each not in good]
        yield address_list(name, good)
    if final and not writing.to and not writing.cc:
        yield b"To: undisclosed-recipients:;\r\n"
    yield unstructured("Subject", writing.subject)
    yield folded("Message-ID", [writing.message_id])
    if writing.in_reply_to and is_id(writing.in_reply_to):
        yield folded("In-Reply-To", [writing.in_reply_to])
    known = [each for each in writing.references if is_id(each)]
    if known:
        yield folded("References", known)
    if not final:
        yield from odd
        yield from _own_fields(writing)


def _addressed(writing: Writing, *, final: bool) -> Iterator[tuple[str, tuple[Address, ...]]]:
    yield "Reply-To", writing.reply_to
    yield "To", writing.to
    yield "Cc", writing.cc
    if not final:
        yield "Bcc", writing.bcc


def _is_good(mailbox: Address) -> bool:
    try:
        on_wire(mailbox.address)
    except BadAddress:
        return False
    return True


def _typed(mailbox: Address) -> str:
    return f"{mailbox.name}\t{mailbox.address}"


def _own_fields(writing: Writing) -> Iterator[bytes]:
    if writing.origin is not None:
        place = writing.origin.place
        yield _own("Origin", f"{writing.origin.kind}\t{place.uidvalidity}\t{place.uid}\t{place.mailbox}")
    for name, value in writing.state.items():
        if not _STATE_NAME.fullmatch(name):
            raise BadArgument("not a name of the editor's state")
        yield _own(f"State-{name}", value)


def _own(name: str, value: str) -> bytes:
    """A field of our own: any text, percent-encoded, so that it comes back as it was."""
    text = quote(value, safe="", errors="replace")
    return folded(OWN + name, [text[at : at + _VALUE_SEGMENT] for at in range(0, len(text), _VALUE_SEGMENT)])


def _body(writing: Writing) -> list[Piece]:
    """multipart/mixed (alternative (plain, related (html, pictures)), files), without what is not needed of it."""
    plain = text_entity("plain", "\n".join(flow(_lf(writing.text))), ("format", "flowed"))
    inside, beside = _sorted(writing)
    body = plain if writing.html is None else _alternative(plain, writing.html, inside)
    return body if not beside else multipart("mixed", [body, *map(file_entity, beside)])


def _alternative(plain: list[Piece], html: str, inside: Iterable[File]) -> list[Piece]:
    rich = text_entity("html", html)
    pictures = [file_entity(file) for file in inside]
    if pictures:
        rich = multipart("related", [rich, *pictures], ("type", "text/html"))
    return multipart("alternative", [plain, rich])


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def placed(writing: Writing, mailbox: str, uidvalidity: int, uid: int) -> Writing:
    """The same writing after it was saved there: its files lie in the saved message, those shown in the HTML first.

    What reading it back would tell, without a command.
    """
    inside, beside = _sorted(writing)
    prefix = "1." if beside else ""
    places = [*(f"{prefix}2.{number}" for number in range(2, len(inside) + 2)), *map(str, range(2, len(beside) + 2))]
    return replace(
        writing,
        files=tuple(
            lying(file, Stored(mailbox, uidvalidity, uid, place, 0))
            for file, place in zip([*inside, *beside], places, strict=True)
        ),
    )


def lying(file: File, stored: Stored) -> File:
    """A file that was just written, as it lies there."""
    content = upload(file.content) if isinstance(file.content, Path) else file.content
    if isinstance(content, Stored):
        stored = replace(stored, size=content.size, encoding=content.encoding)
    else:
        stored = replace(stored, size=encoded_size(len(content) if isinstance(content, bytes) else content.length))
    return replace(file, type=media_type(file.type, stored.encoding), content=stored)


def _sorted(writing: Writing) -> tuple[list[File], list[File]]:
    """The files that the HTML shows, and the others."""
    inside = [file for file in writing.files if writing.html is not None and file.content_id]
    return inside, [file for file in writing.files if writing.html is None or not file.content_id]
