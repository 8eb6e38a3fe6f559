"""Sending a message being written: into the outbox where nothing speaks against it, and never twice."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import flash, make_response, redirect, url_for

from app.mail import move
from app.mail.connection import Connection
from app.mail.mailbox import Mailbox
from app.mail.part import Place
from app.outbox.mail import Mail, State
from app.store.allowance import Spent
from app.web.letter import doubts, limit
from app.web.letter.letter import Letter
from app.web.mailboxes import pane
from app.web.resources import resources
from app.web.sending import later, outbox, sendable
from app.web.session import Current
from app.web.writing import beginning, composer
from app.web.writing.saving import saved, writing_of

_SENT = (State.ACCEPTED, State.FILED, State.DONE)
_SENT_BEFORE = (
    "Not sent. This form was sent before, with other words. What stands here now is a draft of its own:"
    " send it, if it is to go out as well."
)


def sent(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter, action: str) -> Any:
    """Into the outbox, where nothing speaks against it; the draft is saved already."""
    wrong, at = doubts.faults(letter), None
    if action.startswith("later"):
        try:
            at = later.moment(letter.when, me.zone, datetime.now(me.zone))
        except later.BadTime as error:
            wrong["when"] = str(error)
    if wrong:
        return make_response(composer.page(me, boxes, letter, faults=wrong), 422)
    if told := limit.too_large(me, letter):
        return make_response(composer.page(me, boxes, letter, fault=f"Not sent. {told} The draft is kept."), 413)
    if not action.endswith("-anyway") and (asked := doubts.doubts(letter, resources().settings.visible_recipients)):
        return make_response(composer.page(me, boxes, letter, warnings=asked, anyway=f"{action}-anyway"), 422)
    try:
        put = outbox.put_in(client, me, letter, writing_of(me, letter), at=at)
    except Spent as error:
        told = f"Not sent. {sendable.told(me, error)} The draft is kept."
        return make_response(composer.page(me, boxes, letter, fault=told), 429)
    if not put and (before := outbox.sent_before(me, letter)):
        return sent_before(client, me, boxes, letter, before)
    return redirect(composer.after(letter), 303)


def sent_before(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter, mail: Mail) -> Any:
    """A second press of Send, another tab, the way back: what is the same is not sent again, what is not is kept."""
    draft, was = letter.draft, mail.letter.draft
    other = draft if was is None or draft != Place(was.mailbox, was.uidvalidity, was.uid) else None
    if mail.letter.words != outbox.words(writing_of(me, letter)):
        letter = saved(client, me, boxes, replace(letter, message_id=beginning.new_id(me), draft=other))
        return make_response(composer.page(me, boxes, letter, fault=_SENT_BEFORE), 409)
    if mail.state == State.UNKNOWN:
        return redirect(url_for("outbox.show"), 303)
    if other is not None:
        move.delete_for_good(client, other.mailbox, other.uidvalidity, [other.uid])
        pane.wrote(me)
    flash("This message is sent already." if mail.state in _SENT else "This message is on its way already.", "message")
    return redirect(composer.after(letter), 303)
