"""A message put into the outbox, and taken out again by undo. The outbox's page is underway.py.

What sends is app/courier; here the final bytes are stored beside the draft, and a row names them. While SQL is away the
mail is sent in the request.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Response, flash, make_response, redirect, url_for
from redis import RedisError

from app.courier.deliver import Outcome
from app.mail import draft as drafts
from app.mail import errors as mail_errors
from app.mail.address import on_wire
from app.mail.connection import Connection
from app.mail.flags import OUTGOING
from app.mail.move import delete_for_good
from app.mail.outgoing import Piece, Writing, envelope, hidden_field, pieces, size, wants_utf8
from app.outbox.errors import OutboxAway
from app.outbox.mail import Letter as Outgoing
from app.outbox.mail import Mail, Place, State, mail_id
from app.web.format import full_date
from app.web.letter.letter import Letter
from app.web.mailboxes import pane, undo
from app.web.profile import wrote_to
from app.web.resources import resources
from app.web.sending import sendable
from app.web.session import Current, imap
from app.web.settings.preferences import preferences

_MARKS = {"reply": "\\Answered", "forward": "$Forwarded"}
Send = Callable[[Outgoing], bool]
OVER = "It was too late: the message is sent."


class CannotWait(mail_errors.CannotDo):
    """The outbox is away: what is to be sent later cannot be kept now."""


def put_in(client: Connection, me: Current, letter: Letter, writing: Writing, *, at: datetime | None = None) -> bool:
    """Sends the stored draft `letter`, which is `writing`, after the time for undo, or `at` a time; the next page tells
    what was done.

    False where the form was sent already, by another request. Raises Spent, NoSubmission, NoCredential, CannotWait,
    RedisError, the tree of app/mail/errors.py: then nothing was sent, and the draft is there.
    """
    if letter.draft is None:
        raise mail_errors.CannotDo("the server does not tell where it keeps the draft")
    outgoing = _outgoing(letter, writing)
    put = put_final(client, me, letter.draft.mailbox, pieces(writing, final=True, utf8=outgoing.utf8), outgoing, at=at)
    wrote_to(me, (*writing.to, *writing.cc, *writing.bcc))
    return put


def put_final(
    client: Connection, me: Current, mailbox: str, parts: Sequence[Piece], outgoing: Outgoing,
    *, at: datetime | None = None,
) -> bool:  # fmt: skip
    """Stores the final bytes and has them sent; where they lie, `outgoing` learns here. As `put_in`."""
    return _counted(client, me, mailbox, parts, outgoing, lambda final: _send(me, final, at))


def put_silently(
    client: Connection, me: Current, mailbox: str, parts: Sequence[Piece], outgoing: Outgoing, *, wait: float
) -> str:
    """The same after `wait` seconds, without a word, and not while SQL is away: then it raises OutboxAway. The mail's
    id."""

    def send(final: Outgoing) -> bool:
        return resources().post.enqueue(final.message_id, me.account, me.login(), final, wait=wait)[1]

    _counted(client, me, mailbox, parts, outgoing, send)
    return mail_id(me.account.id, outgoing.message_id)


def _counted(
    client: Connection, me: Current, mailbox: str, parts: Sequence[Piece], outgoing: Outgoing, send: Send
) -> bool:
    count = len(outgoing.recipients)
    sendable.take(me, outgoing.message_id, count)
    try:
        return _put(client, me, mailbox, parts, outgoing, send)
    except BaseException:
        sendable.give_back(me, mail_id(me.account.id, outgoing.message_id), count)
        raise


def _put(client: Connection, me: Current, mailbox: str, parts: Sequence[Piece], outgoing: Outgoing, send: Send) -> bool:
    saved = drafts.save(client, mailbox, parts, flags=("\\Seen", OUTGOING), lease=imap)
    place = Place(saved.mailbox, saved.uidvalidity or 0, saved.uid or 0)
    put, former = False, made_of(me, outgoing.message_id)
    try:
        octets, digest = drafts.digest(client, place.mailbox, place.uidvalidity, place.uid)
        put = send(replace(outgoing, place=place, size=octets, sha256=digest))
    finally:
        unseen = place if not put else former.letter.place if former and former.left else None
        if unseen:  # nobody would ever look for these bytes, which no list shows
            with suppress(mail_errors.MailError):
                delete_for_good(client, unseen.mailbox, unseen.uidvalidity, [unseen.uid])
        pane.wrote(me)
    return put


def sent_before(me: Current, letter: Letter) -> Mail | None:
    """What this form became when it was sent before, unless it is certain that nothing went out; None too where SQL is
    away."""
    mail = made_of(me, letter.message_id)
    return None if mail is None or mail.state in (State.CANCELLED, State.REFUSED) else mail


def lost(client: Connection, mail: Mail) -> bool:
    """Whether a mail could never be sent, as its bytes are gone: then it is taken out of the outbox."""
    with suppress(OutboxAway):
        return resources().post.lost(client, mail)
    return False


def made_of(me: Current, message_id: str) -> Mail | None:
    """What the form of this Message-ID became the last time it was sent; None for nothing, or while SQL is away."""
    with suppress(OutboxAway):
        return resources().post.made_of(me.account.id, message_id)
    return None


def words(writing: Writing) -> str:
    """A digest of all that was written, without the time and what the draft is called."""
    people = [[each.address for each in line] for line in ((writing.sender,), writing.to, writing.cc, writing.bcc)]
    files = [[each.name, size((each.content,))] for each in writing.files if not isinstance(each.content, bytes | Path)]
    told = json.dumps([people, files, writing.subject, writing.text, writing.html, writing.in_reply_to])
    return hashlib.sha256(told.encode()).hexdigest()


def _outgoing(letter: Letter, writing: Writing) -> Outgoing:
    """What is to be sent, but for where its final bytes will lie."""
    draft, origin = letter.draft, letter.origin
    return Outgoing(
        place=Place("", 0, 0),
        size=0,
        sha256="",
        message_id=writing.message_id,
        sender=on_wire(writing.sender.address),
        recipients=envelope(writing),
        bcc=hidden_field(writing).decode(),
        draft=Place(draft.mailbox, draft.uidvalidity, draft.uid) if draft else None,
        original=Place(origin.place.mailbox, origin.place.uidvalidity, origin.place.uid) if origin else None,
        flag=_MARKS[origin.kind] if origin else None,
        utf8=wants_utf8(writing),
        notify=letter.notify,
        words=words(writing),
    )


def revive(me: Current) -> None:
    """At a sign-in: what was sent while nobody could file it for want of a password is filed now. Never raises."""
    if me.account.server is not None:
        with suppress(OutboxAway, RedisError):
            resources().post.revive(me.login())


def _send(me: Current, outgoing: Outgoing, at: datetime | None) -> bool:
    """Into the queue; while SQL is away, at once. False where another request did it."""
    held = resources()
    wait = 0 if at else preferences(me).undo_seconds
    due = at.timestamp() if at else None
    try:
        number, put = held.post.enqueue(outgoing.message_id, me.account, me.login(), outgoing, wait=wait, at=due)
    except OutboxAway as error:
        if at:
            raise CannotWait(str(error)) from error
        outcome = held.post.send_now(outgoing.message_id, me.login(), outgoing)
        _told(outcome)
        return outcome is not None
    told = f"It will be sent on {full_date(at, me.zone)}." if at else "The message is on its way."
    seconds, record = undo.OFFERED_SECONDS if at else wait, {"kind": "send", "id": number}
    if put and not (seconds and undo.offer(me, told, record, seconds=seconds)):
        flash(told, "message")
    return put


def _told(outcome: Outcome | None) -> None:
    if outcome is None:
        flash("This message is on its way already.", "message")
    elif outcome.state in (State.ACCEPTED, State.FILED, State.DONE):
        flash("The message is sent.", "message")
    elif outcome.state == State.UNKNOWN:
        flash("It could not be learnt whether the message was sent. Look into Sent before you send it again.", "error")
    else:
        flash(f"The message is in Drafts, not sent: {outcome.reply or 'the mail server did not take it'}.", "error")


def take_back(me: Current, record: dict[str, Any]) -> Response | None:
    """Undo of sending: the draft opens again. None where it is too late."""
    try:
        mail = resources().post.undo(me.account.id, str(record.get("id")), me.login())
    except OutboxAway:
        told = "That cannot be undone for the moment. Try again at once."
        if not undo.offer(me, told, record):
            flash(told, "error")
        return None
    pane.wrote(me)
    if mail is None:
        flash(OVER, "warning")
        return None
    sendable.give_back(me, mail.id, len(mail.letter.recipients))
    return edit(mail)


def taken_out(me: Current, number: str) -> Mail | None:
    """A mail that still waited, out of the outbox, its draft as before; None where it is too late. Raises OutboxAway,
    MailError."""
    mail = resources().post.undo(me.account.id, number, me.login())
    pane.wrote(me)
    return mail


def edit(mail: Mail) -> Response:
    """Back to the draft that the mail was made of."""
    at = mail.letter.draft
    if at is None:
        flash("It is not sent on." if mail.letter.resent else "The draft is no longer there.", "message")
        return make_response(redirect(url_for("mailbox.show", mailbox="INBOX"), 303))
    return make_response(redirect(url_for("compose.stored", uidvalidity=at.uidvalidity, uid=at.uid), 303))


undo.OTHERS["send"] = take_back
