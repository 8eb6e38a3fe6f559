"""Writing a message: an empty one, an answer, a stored draft; saved, sent or discarded by one POST form.

The draft lies in the account's Drafts on the mail server after each save, and the form names its place, so that any
node can go on. What was typed is always in the answer, whatever went wrong.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest

from app.courier.accounts import NoSubmission
from app.courier.post import NoCredential
from app.mail import draft as drafts
from app.mail import errors as mail
from app.mail.connection import Connection
from app.mail.mailbox import Mailbox
from app.mail.part import Place
from app.outbox.mail import State
from app.web import carry, spool
from app.web.faults import fault_of
from app.web.format import when
from app.web.letter import doubts, uploads
from app.web.letter.formatting import FORMS, in_form, lost_by, signature_of, signed
from app.web.letter.letter import Letter, letter_of, read_letter
from app.web.mailboxes import pane
from app.web.profile import my_identities
from app.web.sending import outbox
from app.web.session import Current, current, imap
from app.web.settings import texts
from app.web.writing import attaching, beginning, composer, conflict, copies
from app.web.writing.saving import saved, saved_with_files, to_trash, writing_of
from app.web.writing.submission import sent, sent_before

SENDING = frozenset({"send", "send-anyway", "later", "later-anyway"})
ACTIONS = SENDING | {"save", "close", "discard", "again", "known", "insert"} | conflict.CHOICES
_DROPPED = {
    "room": (507, "There is no room for files at the moment; your text is here. Save it, and attach them later."),
    "size": (413, "The files are too large for one message; your text is here. Choose fewer or smaller ones."),
}
BRIEF = "saved"  # a script's save wants the draft's place and its files, not the page


def new() -> Any:
    """GET /compose: ?answer=reply|all|forward|new with mailbox, uidvalidity and uid, or the fields of a mailto: address
    (RFC 6068 §2), or ?group=, whose people it goes to, or ?attach= (attaching.py)."""
    me = current()
    with imap() as client:
        boxes = pane.folders(client, me)
        letter = attaching.begun(client, me)
    return composer.page(me, boxes, letter)


def stored(uidvalidity: int, uid: int) -> Any:
    """GET /drafts/<uidvalidity>/<uid>"""
    me = current()
    with imap() as client:
        boxes = pane.folders(client, me)
        place = Place(pane.drafts(me, boxes), uidvalidity, uid)
        writing = drafts.read(client, place.mailbox, uidvalidity, uid)
    one = beginning.identity(my_identities(me), writing.sender.address)
    letter = replace(letter_of(writing, place), identity=one.id, signed=one.id)
    if not letter.message_id:
        letter = replace(letter, message_id=beginning.new_id(me))  # other programs give one only to what they send
    if lost := lost_by(letter, writing.html):  # another program's
        flash(lost, "warning")
    if gone := writing.state.get("gone"):
        flash(f"Not there any more: {gone}. Attach again.", "warning")
    mail = outbox.made_of(me, letter.message_id)
    if mail and mail.state not in (State.CANCELLED, State.REFUSED):
        flash("This message is in the outbox already. Take it back there before you change it.", "warning")
        mail = None
    return composer.page(me, boxes, letter, faults=doubts.refused(letter, mail.refusals if mail else ()))


def post() -> Any:
    """POST /compose: what the button says, with everything that the form holds."""
    try:
        dropped = spool.dropped("upload")
        letter = read_letter(request.form, [] if dropped else request.files.getlist("upload"))
    except ValueError as error:
        raise BadRequest("a field of the form makes no sense") from error
    if dropped:
        status, told = _DROPPED[dropped]
        return make_response(composer.page(current(), (), letter, fault=f"Not saved. {told}", unsaved=True), status)
    action, lost = request.form.get("action", "save"), request.form.getlist(carry.LOST)
    unsent = bool(lost) and action.partition(" ")[0] in SENDING  # never without what belongs to it
    uploads.name_lost(lost, unsent=unsent)
    return _done(current(), "save" if unsent else action, letter)


def _done(me: Current, action: str, letter: Letter) -> Any:
    action, _, chosen = action.partition(" ")  # "later 2026-12-01T08:00": one of the times offered
    letter = replace(letter, when=chosen[:40]) if chosen and action == "later" else letter
    if action not in ACTIONS | FORMS:
        raise BadRequest("no such action")
    if letter.overlong and action not in ("discard", "again", "known"):
        return make_response(composer.page(me, (), letter, fault=f"Not saved. {letter.overlong}", unsaved=True), 413)
    if action in FORMS:
        return composer.page(me, (), in_form(letter, action, my_identities(me)))
    if action in ("save", "close") and request.headers.get("X-Postern-Fragment") != BRIEF:
        letter = signed(letter, my_identities(me))
    if action == "close" and not _holds_something(me, letter):
        return redirect(composer.after(letter), 303)
    boxes: tuple[Mailbox, ...] = ()
    step = "saved"
    try:
        with imap() as client:
            if letter.draft is None or action != "save" or request.headers.get("X-Postern-Fragment") != BRIEF:
                boxes = pane.folders(client, me)
            if action == "known":
                return {"known": copies.known(client, me, pane.drafts(me, boxes), letter, writing_of(me, letter))}
            if action == "again":  # what a browser had kept of it, to be written on
                return composer.page(me, boxes, letter, unsaved=True)
            if action == "insert":
                return composer.page(me, boxes, texts.inserted(letter, chosen), unsaved=True)
            if action == "discard":
                return _discarded(client, me, boxes, letter)
            sending = action in SENDING
            if sending and (before := outbox.sent_before(me, letter)) and not outbox.lost(client, before):
                return sent_before(client, me, boxes, letter, before)
            try:
                letter = saved_with_files(client, me, boxes, letter)
            except (mail.MessageGone, mail.Renumbered):
                return _saved_without_files(client, me, boxes or pane.folders(client, me), letter, action)
            if letter.conflict and (boxes or conflict.fresh()):
                letter, answer = _in_conflict(client, me, boxes, letter, action)
                if answer is not None:
                    return answer
            if sending:
                step = "sent"
                return sent(client, me, boxes, letter, action)
    except mail.SignInRefused:
        raise
    except mail.MailError as error:
        return _kept(me, boxes, letter, error, step)
    if action == "close" and letter.draft is not None and letter.conflict is None:
        flash("The draft is saved.", "message")
        return redirect(composer.after(letter), 303)
    return _after_save(me, boxes, letter)


def _in_conflict(
    client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter, action: str
) -> tuple[Letter, Any]:
    """Another version of the draft is there: the letter as it goes on, and the page where it does not go on so."""
    if conflict.fresh() and action in ("save", "close"):
        return letter, None
    if conflict.fresh():  # nobody has seen it yet
        return letter, make_response(composer.page(me, boxes, letter, fault=conflict.NEW), 409)
    settled = conflict.settled(client, letter) if action in conflict.CHOICES else None
    if settled is None:
        letter = conflict.again(client, letter, writing_of(me, letter))
        changed = action in conflict.CHOICES and conflict.fresh()
        return letter, make_response(composer.page(me, boxes, letter, fault=conflict.AGAIN), 409) if changed else None
    letter, other = settled
    if other is not None and action == "keep-both":
        letter = saved(client, me, boxes, replace(letter, message_id=beginning.new_id(me)))
    elif other is not None and letter.draft is not None:
        mine = action == "keep-mine"
        thrown, letter = (other.place, letter) if mine else (letter.draft, replace(letter, draft=other.place))
        to_trash(client, me, boxes, thrown, f"{'The other' if mine else 'Your'} text is in the trash.")
    return letter, _draft_again(letter.draft) if letter.draft else None


def _saved_without_files(
    client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter, action: str
) -> Any:
    """Where messages that its files lay in are gone: the text is stored, with the other files, and nothing is sent."""
    places = [*(each.place for each in letter.files), *([letter.draft] if letter.draft else [])]
    there = uploads.still_there(client, places)
    kept = tuple(each for each in letter.files if each.place in there)
    names = ", ".join(each.name for each in letter.files if each not in kept)
    draft = letter.draft if letter.draft in there else None
    letter = saved(client, me, boxes, replace(letter, draft=draft, files=kept))
    told = f"This was changed elsewhere. Your text is saved, but not its files that are gone. Attach again: {names}"
    if action in ("save", "close"):
        flash(told, "warning")
        return _after_save(me, boxes, letter)
    return make_response(composer.page(me, boxes, letter, fault=f"Not sent. {told}"), 409)


def _after_save(me: Current, boxes: tuple[Mailbox, ...], letter: Letter) -> Any:
    clock = when(datetime.now(me.zone), me.zone)
    if request.headers.get("X-Postern-Fragment") == BRIEF:
        more = {"conflict": conflict.fresh(), "zone": me.zone}
        return render_template("saved.html", kept=letter.hidden(), files=letter.files, saved=clock, **more)
    if letter.draft is None or letter.conflict is not None:
        return composer.page(me, boxes, letter, saved=clock)
    flash(f"The draft is saved ({clock}).", "message")
    return _draft_again(letter.draft)


def _draft_again(at: Place) -> Any:
    return redirect(url_for("compose.stored", uidvalidity=at.uidvalidity, uid=at.uid, **composer.listed()), 303)


def _kept(me: Current, boxes: tuple[Mailbox, ...], letter: Letter, error: mail.MailError, step: str) -> Any:
    """The form again with all that was typed, and what went wrong beside it; `step`: what the message is not yet."""
    fault = fault_of(error)
    told = f"{fault.title}. {fault.text} {fault.todo}".strip()
    if isinstance(error, mail.OverQuota):
        told = "Your mailbox is full. Delete something, then try again."
    elif isinstance(error, NoSubmission):
        told = "Your provider has not said how mail is sent from this address. Ask them; the draft is kept."
    elif isinstance(error, NoCredential):
        told = "Your provider has not set up what is needed to send later. Send it now, or keep it as a draft."
    elif isinstance(error, outbox.CannotWait):
        told = "It cannot be kept for later at the moment. The draft is kept; try again in a while, or send it now."
    elif isinstance(error, mail.MessageGone | mail.Renumbered):
        told = "It was changed elsewhere. Your text is here; save it to keep it as a draft of its own."
        letter = replace(letter, draft=None, files=())
    unsaved = step == "saved" or letter.draft is None
    return make_response(composer.page(me, boxes, letter, fault=f"Not {step}. {told}", unsaved=unsaved), fault.status)


def _discarded(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter) -> Any:
    """The draft goes to the trash as it stands in the form, from where it can come back. A script has saved it."""
    if not request.headers.get("X-Postern-Fragment") and _holds_something(me, letter):
        with suppress(mail.Refused, mail.OverQuota, mail.CannotDo, mail.MessageGone, mail.Renumbered):
            letter = saved(client, me, boxes, letter)
    uploads.taken_in(client, letter)
    if letter.draft is not None:
        to_trash(client, me, boxes, letter.draft, "The draft is discarded.")
    return redirect(composer.after(letter), 303)


def _holds_something(me: Current, letter: Letter) -> bool:
    """Whether there is more in the form than a signature."""
    empty = {"", *(signature_of(each).lines.strip() for each in my_identities(me))}
    lines = (letter.to, letter.cc, letter.bcc, letter.subject)
    return bool(letter.draft or letter.files or letter.uploads or any(lines) or letter.text.strip() not in empty)
