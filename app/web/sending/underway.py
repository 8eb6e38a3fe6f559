"""The outbox as its owner sees it: what becomes of mails on their way, and what there is to be decided or read."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest

from app.courier.post import NoCredential
from app.mail.errors import MailError
from app.mail.part import Place
from app.mail.subjects import subjects
from app.outbox.errors import OutboxAway
from app.outbox.mail import Letter, Mail, State
from app.web.mailboxes import pane
from app.web.resources import resources
from app.web.sending import later, sendable
from app.web.sending.outbox import OVER, edit
from app.web.session import Current, current, imap

_CHOICES = {"again": State.QUEUED, "sent": State.ACCEPTED, "draft": State.CANCELLED}
_TAKEN_OUT = {"undo": State.QUEUED, "edit": State.REFUSED}  # from then on it is a draft like any other
_SETTLED = "That is settled already."
_NO_KEY = "Your provider has not set up what is needed to send later. The time is as it was."
_SHOWN = 5  # recipients


def show() -> Any:
    """GET /outbox: mails on their way, and those that could not be sent."""
    return _page(current())


def _page(me: Current, **more: Any) -> Any:
    """`fault`: what is wrong with the time typed for the mail `number`, `typed`."""
    try:
        found, away = resources().post.mails(me.account.id), False
    except OutboxAway:
        found, away = (), True
    told = subjects_of(found)
    lines = [_line(each, me.zone) | {"subject": told.get(each.id)} for each in found]
    return render_template("outbox.html", mails=lines, away=away, zone=me.zone, **more)


def subjects_of(mails: Sequence[Mail]) -> dict[str, str]:
    """By the mail's id: its subject, which lies in the mailbox only. None while the mail server is away."""
    places = {each.id: _places(each.letter) for each in mails}
    found: dict[Place, str] = {}
    if places:
        with suppress(MailError), imap() as client:
            found = subjects(client, {at for many in places.values() for at in many})
    told = {number: [found[at] for at in many if found.get(at)] for number, many in places.items()}
    return {number: texts[0] for number, texts in told.items() if texts}


def _places(letter: Letter) -> list[Place]:
    return [Place(at.mailbox, at.uidvalidity, at.uid) for at in (letter.place, letter.draft) if at]


def decide(number: str) -> Response:
    """POST /outbox/<id> with choice=undo|now|time (and `when`) for a mail that waits; edit|others for one that
    was refused; again|sent|draft for one of unknown outcome; read for one that has ended."""
    me, choice = current(), request.form.get("choice", "")
    if choice == "time":
        return _timed(me, number)
    if choice in _TAKEN_OUT:
        found = take_out(me, number, _TAKEN_OUT[choice])
        if found is None:
            flash(OVER if choice == "undo" else _SETTLED, "warning")
        return edit(found) if found else _listed()
    if not _decided(me, number, choice):
        flash(_SETTLED, "warning")
    pane.wrote(me)
    return _listed()


def take_out(me: Current, number: str, state: State) -> Mail | None:
    """Takes a mail out that waits, or was refused; its draft is as before. None where it is too late. Raises
    OutboxAway, MailError."""
    found = resources().post.undo(me.account.id, number, me.login(), state=state)
    if found is not None and state == State.QUEUED:
        sendable.give_back(me, found.id, len(found.letter.recipients))
    pane.wrote(me)
    return found


def _decided(me: Current, number: str, choice: str) -> bool:
    post = resources().post
    if choice == "now":
        return post.reschedule(me.login(), number)
    if choice == "others":
        return post.to_others(me.login(), number)
    if choice == "read":
        return post.read(me.account.id, number)
    if choice not in _CHOICES:
        raise BadRequest("no such choice")
    return post.decide(me.login(), number, _CHOICES[choice])


def _timed(me: Current, number: str) -> Response:
    """Another time for a mail that waits; one at which nothing can be sent stays in its field."""
    typed = request.form.get("when", "")[:40]
    try:
        at = later.moment(typed, me.zone, datetime.now(me.zone))
    except later.BadTime as error:
        return make_response(_page(me, fault=str(error), number=number, typed=typed), 422)
    try:
        if not resources().post.reschedule(me.login(), number, at=at.timestamp()):
            flash(OVER, "warning")
    except NoCredential:
        flash(_NO_KEY, "error")
    pane.wrote(me)
    return _listed()


def _listed() -> Response:
    return make_response(redirect(url_for("outbox.show"), 303))


def _line(mail: Mail, zone: tzinfo) -> dict[str, Any]:
    """What the page says of one mail."""
    everyone = mail.letter.recipients
    more = f" and {len(everyone) - _SHOWN} more" if everyone[_SHOWN:] else ""
    due = datetime.fromtimestamp(mail.due / 1000, zone)
    return {
        "id": mail.id,
        "state": str(mail.state),
        "kind": _kind(mail),
        "reason": mail.reason,
        "recipients": ", ".join(everyone[:_SHOWN]) + more,
        "refusals": mail.refusals,
        "reply": mail.last_reply,
        "resent": mail.letter.resent,
        "due": due,
        "typed": later.typed(due),
        "next": datetime.fromtimestamp((mail.until or mail.due) / 1000, UTC),
    }


def _kind(mail: Mail) -> str:
    """Which words and choices it has."""
    if mail.state != State.QUEUED:
        return "others" if mail.others else str(mail.state)
    if mail.parked:
        return "parked"
    if mail.tries:
        return "again"
    return "scheduled" if mail.scheduled and mail.due > time.time() * 1000 else "queued"
