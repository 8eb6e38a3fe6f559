"""A message sent on as it is, to others (RFC 5322 §3.6.6): new Resent- fields in front, nothing of it changed.

Its author's signature (DKIM) stays good that way, and an answer goes to the author. What the writer keeps to themselves
(Bcc, our own fields) and what the way here left behind (Return-Path, Delivered-To) is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from app.mail.connection import Connection
from app.mail.errors import BadArgument, CannotDo
from app.mail.field import address_list, folded, is_id
from app.mail.header import Address
from app.mail.message import Message
from app.mail.part import Place, fetch
from app.mail.syntax import number, section
from app.mail.writing import Piece, Stored

MAX_HEADER: Final = 1024 * 1024
_LEFT_OUT: Final = re.compile(
    rb"^(?:Bcc|Resent-Bcc|Return-Path|Delivered-To|X-Original-To|X-Postern-[!-9;-~]*)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*",
    re.IGNORECASE | re.MULTILINE,
)


def redirect(
    client: Connection, message: Message, sender: Address, to: Sequence[Address], *, message_id: str, date: datetime
) -> tuple[Piece, ...]:
    """The pieces of an open message as it is sent on; at most one command, in its mailbox.

    Raises BadAddress, BadArgument for a Message-ID that is none, CannotDo for a header beyond 1 MB or a message that is
    attached to another, Renumbered, MailboxGone, MessageGone.
    """
    if not is_id(message_id):
        raise BadArgument("not a Message-ID")
    if message.section:
        raise CannotDo("an attached message is forwarded, not sent on")
    resent = folded("Resent-Date", [format_datetime(date)]) + address_list("Resent-From", [sender])
    resent += address_list("Resent-To", to) + folded("Resent-Message-ID", [message_id])
    client.select(message.mailbox, uidvalidity=message.uidvalidity)
    items = fetch(client, message.uid, b"RFC822.SIZE BODY.PEEK[HEADER]<0.%d>" % MAX_HEADER)
    head = section(items, b"BODY[HEADER]")
    if len(head) >= MAX_HEADER or not head.endswith(b"\r\n\r\n"):
        raise CannotDo("its header cannot be taken apart")
    place = Place(message.mailbox, message.uidvalidity, message.uid)
    left = number(items.get(b"RFC822.SIZE")) - len(head)
    encoding = "8bit" if any(part.encoding in ("8bit", "binary") for part in message.structure.walk()) else "7bit"
    body = Stored(place.mailbox, place.uidvalidity, place.uid, "TEXT", left, encoding)
    return (resent + _LEFT_OUT.sub(b"", head), *((body,) if left > 0 else ()))
