"""A message that was taken for spam: found by its Message-ID in a junk mailbox, and moved to the inbox.

What a stranger called a message names it, so an id without its brackets, which would be a part of many, names none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.mail import keywords
from app.mail.connection import Connection
from app.mail.errors import MailboxGone, MailError
from app.mail.keywords import Marked
from app.mail.move import Moved, move
from app.mail.syntax import numbers

MOST: Final = 5  # of one id
_ID: Final = re.compile(r"<[!-;=?-~]{3,248}>")


@dataclass(frozen=True, slots=True)
class Rescued:
    """What was moved out of which mailbox, as an undo needs it."""

    mailbox: str
    uidvalidity: int
    moved: Moved
    marked: Marked | None


def is_named(message_id: str | None) -> bool:
    """Whether that is an id by which a message can be found."""
    return _ID.fullmatch(message_id or "") is not None


def rescue(client: Connection, mailboxes: Sequence[str], message_id: str, inbox: str) -> Rescued | None:
    """Moves it from the first of the mailboxes that holds it, marked as no spam; None where none does. Raises the
    tree of errors.py."""
    if not is_named(message_id):
        return None
    for mailbox in mailboxes:
        try:
            validity = client.select(mailbox, write=True).uidvalidity or 0
        except MailboxGone:
            continue
        found = numbers(client.ask(b"UID SEARCH HEADER Message-ID", message_id).untagged, b"SEARCH")
        uids = sorted(found)[-MOST:]
        if uids:
            return _moved(client, mailbox, validity, uids, inbox)
    return None


def _moved(client: Connection, mailbox: str, validity: int, uids: Sequence[int], inbox: str) -> Rescued:
    marked = keywords.mark(client, mailbox, validity, uids, junk=False)
    try:
        moved = move(client, mailbox, validity, uids, inbox)
    except MailError:
        keywords.take_back(client, mailbox, validity, uids, marked)
        raise
    keywords.take_back(client, mailbox, validity, moved.left, marked)
    return Rescued(mailbox, validity, moved, marked)
