"""Opens one message: its header, the tree of its parts, and the beginnings of the texts that are shown.

Two FETCH commands: the first for header and structure, the second for the texts that the structure says are shown; the
second marks the message read where asked, by not peeking. What the server cannot parse is shown as its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from app.mail import bodystructure
from app.mail.bodystructure import Part
from app.mail.charset import decode_text
from app.mail.connection import Connection, flag_list
from app.mail.envelope import arrived
from app.mail.errors import MessageGone, Refused
from app.mail.header import Address, addresses, date, decode, fields, verbatim
from app.mail.limits import USUAL, Limits
from app.mail.part import Items, Wanted, bodies, check_section, fetch, item
from app.mail.shown import Chosen, choose
from app.mail.syntax import atoms, number, section, text
from app.mail.transfer import decode as decode_transfer

__all__ = ["Address", "Body", "Header", "Message", "open_message", "read_header"]

MAX_HEADER: Final = 64 * 1024
MAX_TEXT: Final = 360 * 1024  # octets as encoded: 256 KB of base64, enough for any letter
MAX_GLANCE: Final = 64 * 1024  # of HTML, to see whether it names remote content; the frame fetches it whole
MAX_TEXTS: Final = 1024 * 1024
MAX_RAW: Final = 256 * 1024

_FIELDS: Final = (
    b"SUBJECT FROM SENDER REPLY-TO TO CC BCC DATE MESSAGE-ID IN-REPLY-TO REFERENCES LIST-POST MAIL-FOLLOWUP-TO "
    b" RESENT-MESSAGE-ID AUTHENTICATION-RESULTS"
)
_SHOWN_ADDRESSES: Final = 500


@dataclass(frozen=True, slots=True)
class Header:
    """The fields that a reader needs, decoded; empty when missing or beyond reading."""

    subject: str = ""
    sender: Address | None = None
    from_: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    mail_followup_to: tuple[Address, ...] = ()
    date: datetime | None = None
    message_id: str = ""
    resent_message_id: str = ""  # of a message sent on as it is: the last time's
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    list_post: str = ""
    authentication_results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The beginning of a shown text, decoded; `cut` when there is more on the server."""

    text: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message, or a message attached to one (then `section` names it). `related`: pictures that HTML may name.

    `newly_seen`: opening it marked it read. `texts`: section → beginning of each shown text; of HTML the first 64 KB.
    """

    mailbox: str
    uidvalidity: int
    uid: int
    flags: frozenset[str]
    size: int
    arrived: datetime
    header: Header
    structure: Part
    shown: tuple[Part, ...]
    attachments: tuple[Part, ...]
    related: tuple[Part, ...] = ()
    texts: Mapping[str, Body] = field(default_factory=dict)
    section: str = ""
    newly_seen: bool = False


def open_message(
    client: Connection,
    mailbox: str,
    uidvalidity: int,
    uid: int,
    *,
    mark_seen: bool,
    section: str = "",
    limits: Limits = USUAL,
) -> Message:
    """The message, or the attached message of that section. Two commands, one more where the server cannot parse it.

    Raises Renumbered, MailboxGone, MessageGone (also when `section` is no attached message), BadArgument.
    """
    check_section(section)
    if section.endswith(("HEADER", "TEXT")):  # a section, and no part that could be a message
        raise MessageGone("no attached message there")
    client.select(mailbox, uidvalidity=uidvalidity)
    try:
        items = fetch(client, uid, _overview(section, min(MAX_HEADER, limits.header_bytes)))
    except Refused:  # a message that the server itself cannot parse: all that is left is its source
        items = fetch(client, uid, b"FLAGS RFC822.SIZE INTERNALDATE " + item(Wanted("", MAX_RAW)))
    message = _read(items, mailbox, uidvalidity, uid, section, limits)
    unread = mark_seen and "\\Seen" not in message.flags
    return _with_texts(client, message, unread=unread)


def _overview(section: str, header_bytes: int) -> bytes:
    name = f"{section}.HEADER.FIELDS" if section else "HEADER.FIELDS"
    return b"FLAGS RFC822.SIZE INTERNALDATE BODYSTRUCTURE BODY.PEEK[%s (%s)]<0.%d>" % (
        name.encode("ascii"),
        _FIELDS,
        header_bytes,
    )


def _read(items: Items, mailbox: str, uidvalidity: int, uid: int, asked: str, limits: Limits) -> Message:
    """The message without its texts; of a source that came instead of the parts, header and text."""
    raw = bodies(items).get("")
    block, texts = (section(items, b"BODY["), {}) if raw is None else _source(raw)
    structure = bodystructure.read(items.get(b"BODYSTRUCTURE"), limits) if raw is None else bodystructure.UNKNOWN
    size = number(items.get(b"RFC822.SIZE"))
    if asked:
        structure, size = _attached(structure, asked)
    chosen = choose(structure)
    return Message(
        mailbox,
        uidvalidity,
        uid,
        frozenset(flag.decode("ascii", "replace") for flag in atoms(items.get(b"FLAGS"))),
        size,
        arrived(text(items.get(b"INTERNALDATE"))),
        read_header(block),
        structure,
        tuple(chosen.shown),
        _files(chosen),
        tuple(chosen.related),
        texts,
        asked,
    )


def _source(raw: bytes) -> tuple[bytes, dict[str, Body]]:
    head, _, rest = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    return head + b"\n", {bodystructure.UNKNOWN.section: Body(decode_text(rest, None), len(raw) >= MAX_RAW)}


def _attached(structure: Part, asked: str) -> tuple[Part, int]:
    """The body of an attached message, and the message's size."""
    part = structure.find(asked)
    if part is None or part.type != "message/rfc822" or not part.parts:
        raise MessageGone("no attached message there")
    return part.parts[0], part.size


def _files(chosen: Chosen) -> tuple[Part, ...]:
    """The attached parts, each once."""
    return tuple({part.section: part for part in chosen.attached}.values())


def read_header(block: bytes) -> Header:
    """The header from a block of fields; the first of each name counts. Never raises."""
    raw: dict[str, bytes] = {}
    results: list[str] = []
    found = fields(block)
    for name, value in found:
        raw.setdefault(name, value)
        if name == "authentication-results" and len(results) < 10:
            results.append(verbatim(value))
    everyone = {
        name: addresses(raw.get(name, b""), _SHOWN_ADDRESSES)
        for name in ("from", "reply-to", "to", "cc", "bcc", "mail-followup-to")
    }
    senders = addresses(raw.get("sender", b""), 1) or everyone["from"][:1]
    return Header(
        subject=decode(raw.get("subject", b"")),
        sender=senders[0] if senders else None,
        from_=everyone["from"],
        reply_to=everyone["reply-to"],
        to=everyone["to"],
        cc=everyone["cc"],
        bcc=everyone["bcc"],
        mail_followup_to=everyone["mail-followup-to"],
        date=date(raw.get("date", b"")),
        message_id=decode(raw.get("message-id", b""), 500),
        resent_message_id=decode(raw.get("resent-message-id", b""), 500),
        in_reply_to=decode(raw.get("in-reply-to", b""), 500),
        references=tuple(decode(raw.get("references", b""), 20_000).split()[-100:]),
        list_post=decode(raw.get("list-post", b"")),
        # With two From fields nobody knows which of them was checked (RFC 7489 §6.6.1).
        authentication_results=() if [name for name, _ in found].count("from") > 1 else tuple(results),
    )


def _wanted(message: Message) -> list[tuple[Part, Wanted]]:
    """The texts to fetch and how much of each; all together at most 1 MB."""
    wanted: list[tuple[Part, Wanted]] = []
    left = MAX_TEXTS
    for part in message.shown:
        if not part.type.startswith(("text/", "message/")) or part.section in message.texts or not part.size:
            continue
        limit = min(MAX_GLANCE if part.type == "text/html" else MAX_TEXT, left)
        if limit > 0:
            wanted.append((part, Wanted(part.section, limit)))
            left -= min(limit, part.size)
    return wanted


def _with_texts(client: Connection, message: Message, *, unread: bool) -> Message:
    """The message with its texts fetched and, if it was unread, marked read."""
    wanted = _wanted(message)
    if not wanted:
        return _seen(message) if unread and _mark_seen(client, message.uid) else message
    items = fetch(client, message.uid, b" ".join(item(each, peek=not unread) for _, each in wanted))
    raw = bodies(items)
    found = {part.section: _body(part, raw.get(part.section, b""), each.limit) for part, each in wanted}
    done = replace(message, texts={**message.texts, **found})
    return _seen(done) if unread else done


def _body(part: Part, raw: bytes, limit: int) -> Body:
    data = decode_transfer(raw, part.encoding)
    return Body(decode_text(data, part.charset, html=part.type == "text/html"), part.size > limit)


def _mark_seen(client: Connection, uid: int) -> bool:
    try:
        client.ask(b"UID STORE", b"%d" % uid, b"+FLAGS.SILENT", flag_list(["\\Seen"]))
    except Refused:  # a mailbox that we may only read
        return False
    return True


def _seen(message: Message) -> Message:
    return replace(message, flags=message.flags | {"\\Seen"}, newly_seen=True)
