"""Copies of what somebody marked as spam, or as not spam, for a filter that learns from mail which is sent to it: one
message from its owner with all of them attached as they came.

It waits in the outbox for as long as the move can be undone, and goes with it. The move itself never fails for it. Its
own copy lies in the trash: nobody looks for it in Sent, but a courier for its traces after a crash.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from redis import RedisError

from app.mail.address import on_wire
from app.mail.connection import Connection
from app.mail.content import passed_on
from app.mail.errors import MailError
from app.mail.header import Address
from app.mail.mailbox import Mailbox, target_name
from app.mail.move import Moved, delete_for_good
from app.mail.outgoing import File, Writing, pieces
from app.mail.writing import Stored, new_message_id
from app.outbox.errors import OutboxAway
from app.outbox.mail import Letter, Place
from app.store.allowance import Spent
from app.web.mailboxes import teaching, undo
from app.web.sending import outbox, sendable
from app.web.serving.log import described, logger
from app.web.session import Current, imap

MOST = 50  # messages in one
LONGEST = 500_000  # octets of a message: a filter learns from its words, and spamc takes no more
MOST_BYTES = 5_000_000  # of all together
WAIT = undo.OFFERED_SECONDS + 5.0  # seconds
FAILED = " It could not be sent to the filter."
_TEXT = "Reported as {kind} by webmail, and attached as received.\n"


def sent(
    client: Connection, me: Current, boxes: tuple[Mailbox, ...], moved: Moved, *, spam: bool
) -> tuple[str, dict[str, Any]]:
    """What the notice of a move adds, and what its undo has to know. Never raises."""
    its = teaching.way(me)
    if its.way != "address" or not moved.moved:
        return "", {}
    try:
        files = _files(client, moved)
        if not files:
            return FAILED, {}
        number = _put(client, me, boxes, files, its.spam_to if spam else its.ham_to, spam=spam)
    except (MailError, OutboxAway, RedisError, Spent) as error:
        logger.warning("a copy could not be sent to the filter", extra=described(error))
        return FAILED, {}
    count = len(files)
    if count == len(moved.moved):
        return f" {'A copy goes' if count == 1 else 'Copies go'} to the filter.", {"copies": number}
    return f" Copies of {count} go to the filter.", {"copies": number}


def _files(client: Connection, moved: Moved) -> list[File]:
    """The messages where they lie now, as far as the server tells, that are not too long."""
    uids = list((moved.uids or {}).values())[:MOST]
    if not uids or moved.target_uidvalidity is None:
        return []
    found, total = [], 0
    for each in passed_on(client, moved.target, moved.target_uidvalidity, dict.fromkeys(uids, ())):
        size = each.content.size if isinstance(each.content, Stored) else 0
        if size <= LONGEST and total + size <= MOST_BYTES:
            found.append(each)
            total += size
    return found


def _put(
    client: Connection, me: Current, boxes: tuple[Mailbox, ...], files: Sequence[File], to: str, *, spam: bool
) -> str:
    address, kind, now = me.account.address, "spam" if spam else "not spam", datetime.now(me.zone)
    writing = Writing(
        Address(me.account.display_name or "", address),
        (Address("", to),),
        subject=f"{kind.capitalize()}: {len(files)} {'message' if len(files) == 1 else 'messages'}",
        text=_TEXT.format(kind=kind),
        files=tuple(files),
        message_id=new_message_id(address.rpartition("@")[2]),
        date=now,
    )
    trash = target_name(boxes, "trash", today=now.date())
    letter = Letter(
        place=Place("", 0, 0), size=0, sha256="", message_id=writing.message_id,
        sender=on_wire(address), recipients=(on_wire(to),), sent=trash,
    )  # fmt: skip
    drafts = target_name(boxes, "drafts", today=now.date())
    return outbox.put_silently(client, me, drafts, pieces(writing, final=True), letter, wait=WAIT)


def _take_back(me: Current, number: Any) -> None:
    """The move was undone: the filter gets nothing, where it is not too late. Never raises."""
    with suppress(MailError, OutboxAway, RedisError):
        mail = outbox.taken_out(me, str(number))
        if mail is None:
            return
        sendable.give_back(me, mail.id, len(mail.letter.recipients))
        if (at := mail.letter.draft) is not None:
            with imap() as client:
                delete_for_good(client, at.mailbox, at.uidvalidity, [at.uid])


undo.BESIDE["copies"] = _take_back
