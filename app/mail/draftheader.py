"""What the header of a draft says: the fields of any message, and those of our own that only drafts hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote

from app.mail.address import BadAddress, normal
from app.mail.field import is_id
from app.mail.header import Address, addresses, decode, fields
from app.mail.outgoing import OWN
from app.mail.part import Place
from app.mail.writing import Origin, Writing

MAX_HEADER: Final = 1024 * 1024
MAX_RECIPIENTS: Final = 10_000
_IDS: Final = re.compile(r"<[!-;=?-~]{1,900}>")
_FOLDS: Final = re.compile(rb"[ \t\r\n]+")
_TYPED, _STATE, _ORIGIN = (f"{OWN}{name}".lower() for name in ("Typed-", "State-", "Origin"))


def written(block: bytes) -> Writing:
    """A message being written, as far as its header says; the sender and the Message-ID are empty where it has none.
    Never raises."""
    raw: dict[str, bytes] = {}
    typed: dict[str, list[Address]] = {}
    state: dict[str, str] = {}
    for name, value in fields(block):
        if name.startswith(_TYPED):
            who, _, address = _own(value).partition("\t")
            typed.setdefault(name.removeprefix(_TYPED), []).append(Address(who, address))
        elif name.startswith(_STATE):
            state[name.removeprefix(_STATE)] = _own(value)
        raw.setdefault(name, value)

    def mailboxes(name: str) -> tuple[Address, ...]:
        return (*_normal(addresses(raw.get(name, b""), MAX_RECIPIENTS)), *typed.get(name, ()))

    message_id = decode(raw.get("message-id", b""), 1000)
    return Writing(
        (*mailboxes("from"), Address("", ""))[0],
        mailboxes("to"),
        mailboxes("cc"),
        mailboxes("bcc"),
        mailboxes("reply-to"),
        subject=decode(raw.get("subject", b""), MAX_HEADER),
        in_reply_to=(*_ids(raw.get("in-reply-to", b"")), None)[0],
        references=_ids(raw.get("references", b"")),
        message_id=message_id if is_id(message_id) else "",
        date=_date(raw.get("date", b"")),
        origin=_origin(_own(raw.get(_ORIGIN, b""))),
        state=state,
    )


def _own(value: bytes) -> str:
    return unquote(_FOLDS.sub(b"", value).decode("ascii", "replace"))


def _normal(mailboxes: Iterable[Address]) -> Iterable[Address]:
    """As people read them; what is no address stays as it came, for the writer to see."""
    for each in mailboxes:
        try:
            yield Address(each.name, normal(each.address))
        except BadAddress:
            yield each


def _ids(value: bytes) -> tuple[str, ...]:
    return tuple(_IDS.findall(decode(value, MAX_HEADER)))


def _date(value: bytes) -> datetime:
    """The date in the zone in which it was written; the epoch for what is none."""
    try:
        read = parsedate_to_datetime(value[:128].decode("ascii", "replace"))
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return datetime.fromtimestamp(0, UTC)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _origin(text: str) -> Origin | None:
    kind, uidvalidity, uid, mailbox = (*text.split("\t", 3), "", "", "")[:4]
    known = kind in ("reply", "forward") and mailbox and _is_number(uidvalidity) and _is_number(uid)
    return Origin(kind, Place(mailbox, int(uidvalidity), int(uid))) if known else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:10]) <= 0xFFFFFFFF and len(text) <= 10
