"""The outbox as its owner sees it: a mail put in, taken out again, and what became of those on their way.

What sends is app/courier; here the final bytes are stored beside the draft, and a row names them. While SQL is away the
mail is sent in the request.
"""

import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from redis import RedisError
from werkzeug.exceptions import BadRequest

from app.courier.deliver import Outcome
from app.mail import draft as drafts
from app.mail import errors as mail_errors
from app.mail.address import on_wire
from app.mail.connection import Connection
from app.mail.flags import OUTGOING
from app.mail.move import delete_for_good
from app.mail.outgoing import Writing, envelope, hidden_field, pieces, size, wants_utf8
from app.outbox.errors import OutboxAway
from app.outbox.mail import Letter as Outgoing
from app.outbox.mail import Mail, Place, State
from app.web import pane, undo
from app.web.letter import Letter
from app.web.profile import wrote_to
from app.web.resources import resources
from app.web.session import Current, current, imap

_MARKS = {"reply": "\\Answered", "forward": "$Forwarded"}
_CHOICES = {"again": State.QUEUED, "sent": State.ACCEPTED, "draft": State.CANCELLED}
_TAKEN_OUT = {"undo": State.QUEUED, "edit": State.REFUSED}  # from then on it is a draft like any other
_SETTLED = "That is settled already."
_OVER = "It was too late: the message is sent."


def put_in(client: Connection, me: Current, letter: Letter, writing: Writing) -> bool:
    """Sends the stored draft `letter`, which is `writing`, after the time for undo; the next page tells what was done.

    False where the form was sent already, by another request. Raises NoSubmission, RedisError, the tree of
    app/mail/errors.py: then nothing was sent, and the draft is there.
    """
    if letter.draft is None:
        raise mail_errors.CannotDo("the server does not tell where it keeps the draft")
    utf8 = wants_utf8(writing)
    parts = pieces(writing, final=True, utf8=utf8)
    flags = ("\\Seen", OUTGOING)
    saved = drafts.save(client, letter.draft.mailbox, parts, flags=flags, lease=imap)
    place = Place(saved.mailbox, saved.uidvalidity or 0, saved.uid or 0)
    put = False
    try:
        put = _send(me, letter.message_id, _outgoing(client, letter, writing, place, utf8))
    finally:
        if not put:  # nobody would ever look for these bytes, which no list shows
            with suppress(mail_errors.MailError):
                delete_for_good(client, place.mailbox, place.uidvalidity, [place.uid])
        pane.wrote(me)
    wrote_to(me, (*writing.to, *writing.cc, *writing.bcc))
    return put


def sent_before(me: Current, letter: Letter) -> Mail | None:
    """What this form became when it was sent before, unless it is certain that nothing went out; None too where SQL is
    away."""
    with suppress(OutboxAway):
        mail = resources().post.made_of(me.account.id, letter.message_id)
        return None if mail is None or mail.state in (State.CANCELLED, State.REFUSED) else mail
    return None


def words(writing: Writing) -> str:
    """A digest of all that was written, without the time and what the draft is called."""
    people = [[each.address for each in line] for line in ((writing.sender,), writing.to, writing.cc, writing.bcc)]
    files = [[each.name, size((each.content,))] for each in writing.files if not isinstance(each.content, bytes | Path)]
    told = json.dumps([people, files, writing.subject, writing.text, writing.in_reply_to])
    return hashlib.sha256(told.encode()).hexdigest()


def _outgoing(client: Connection, letter: Letter, writing: Writing, place: Place, utf8: bool) -> Outgoing:
    octets, digest = drafts.digest(client, place.mailbox, place.uidvalidity, place.uid)
    draft, origin = letter.draft, letter.origin
    return Outgoing(
        place=place,
        size=octets,
        sha256=digest,
        message_id=writing.message_id,
        sender=on_wire(writing.sender.address),
        recipients=envelope(writing),
        bcc=hidden_field(writing).decode(),
        draft=Place(draft.mailbox, draft.uidvalidity, draft.uid) if draft else None,
        original=Place(origin.place.mailbox, origin.place.uidvalidity, origin.place.uid) if origin else None,
        flag=_MARKS[origin.kind] if origin else None,
        utf8=utf8,
        words=words(writing),
    )


def revive(me: Current) -> None:
    """At a sign-in: what was sent while nobody could file it for want of a password is filed now. Never raises."""
    if me.account.server is not None:
        with suppress(OutboxAway, RedisError):
            resources().post.revive(me.login())


def _send(me: Current, compose_id: str, outgoing: Outgoing) -> bool:
    """Into the queue; while SQL is away, at once. False where another request did it."""
    held = resources()
    wait = held.settings.undo_seconds
    try:
        number, put = held.post.enqueue(compose_id, me.account, me.login(), outgoing, wait=wait)
    except OutboxAway:
        outcome = held.post.send_now(compose_id, me.login(), outgoing)
        _told(outcome)
        return outcome is not None
    told, record = "The message is on its way.", {"kind": "send", "id": number}
    if put and (not wait or not undo.offer(me, told, record, seconds=wait)):
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
        flash("That cannot be undone for the moment. Try again at once.", "error")
        return None
    pane.wrote(me)
    if mail is None:
        flash(_OVER, "warning")
        return None
    return _edit(mail)


undo.OTHERS["send"] = take_back


def show() -> Any:
    """GET /outbox: mails on their way, and those that could not be sent."""
    me = current()
    try:
        found, away = resources().post.mails(me.account.id), False
    except OutboxAway:
        found, away = (), True
    mails = [_line(each) for each in found if each.state not in (State.DONE, State.CANCELLED)]
    return render_template("outbox.html", mails=mails, away=away, zone=me.zone)


def decide(number: str) -> Response:
    """POST /outbox/<id> with choice=again|sent|draft, for a mail of which nobody knows whether it was sent; with
    choice=undo for one that waits, and choice=edit for one that was refused."""
    me, choice = current(), request.form.get("choice", "")
    post = resources().post
    if choice in _TAKEN_OUT:
        found = post.undo(me.account.id, number, me.login(), state=_TAKEN_OUT[choice])
        if found is None:
            flash(_OVER if choice == "undo" else _SETTLED, "warning")
        pane.wrote(me)
        return _edit(found) if found else _listed()
    if choice not in _CHOICES:
        raise BadRequest("no such choice")
    if not post.decide(me.login(), number, _CHOICES[choice]):
        flash(_SETTLED, "warning")
    pane.wrote(me)
    return _listed()


def _listed() -> Response:
    return make_response(redirect(url_for("outbox.show"), 303))


def _edit(mail: Mail) -> Response:
    """Back to the draft that the mail was made of."""
    at = mail.letter.draft
    if at is None:
        flash("The draft is no longer there.", "warning")
        return _listed()
    return make_response(redirect(url_for("compose.stored", uidvalidity=at.uidvalidity, uid=at.uid), 303))


def _line(mail: Mail) -> dict[str, Any]:
    """What the page says of one mail."""
    return {
        "id": mail.id,
        "state": str(mail.state),
        "recipients": ", ".join(mail.letter.recipients[:5]) + ("…" if len(mail.letter.recipients) > 5 else ""),
        "refusals": mail.refusals,
        "reply": mail.last_reply,
        "due": datetime.fromtimestamp(mail.due / 1000, UTC),
        "tries": mail.tries,
    }
