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
from app.mail import aside, move
from app.mail import draft as drafts
from app.mail import errors as mail
from app.mail.connection import Connection
from app.mail.mailbox import Mailbox, target_name
from app.mail.outgoing import Address, Writing, pieces
from app.mail.part import Place
from app.outbox.mail import Mail, State
from app.store.allowance import Spent
from app.web import carry, spool
from app.web.faults import fault_of
from app.web.format import when
from app.web.letter import doubts, limit, uploads
from app.web.letter.formatting import FORMS, in_form, lost_by, signature_of, signed
from app.web.letter.letter import Letter, letter_of, read_letter
from app.web.mailboxes import pane, undo
from app.web.profile import my_identities
from app.web.resources import resources
from app.web.sending import later, outbox, sendable
from app.web.session import Current, current, imap
from app.web.settings import texts
from app.web.writing import attaching, beginning, composer, conflict, copies

SENDING = frozenset({"send", "send-anyway", "later", "later-anyway"})
ACTIONS = SENDING | {"save", "close", "discard", "again", "known", "insert"} | conflict.CHOICES
_SENT = (State.ACCEPTED, State.FILED, State.DONE)
_SENT_BEFORE = (
    "Not sent. This form was sent before, with other words. What stands here now is a draft of its own:"
    " send it, if it is to go out as well."
)
_DROPPED = {
    "room": (507, "There is no room for files at the moment; your text is here. Save it, and attach them later."),
    "size": (413, "The files are too large for one message; your text is here. Choose fewer or smaller ones."),
}
BRIEF = "saved"  # a script's save wants the draft's place and its files, not the page


def new() -> Any:
    """GET /compose: ?answer=reply|all|forward|new with mailbox, uidvalidity and uid, or the fields of a mailto: address
    (RFC 6068 §2), or ?group=, whose people it goes to."""
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
            if sending and (before := outbox.sent_before(me, letter)):
                return _sent_before(client, me, boxes, letter, before)
            try:
                letter = _saved_with_files(client, me, boxes, letter)
            except (mail.MessageGone, mail.Renumbered):
                return _saved_without_files(client, me, boxes or pane.folders(client, me), letter, action)
            if letter.conflict and (boxes or conflict.fresh()):
                letter, answer = _in_conflict(client, me, boxes, letter, action)
                if answer is not None:
                    return answer
            if sending:
                step = "sent"
                return _sent(client, me, boxes, letter, action)
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
        letter = _saved(client, me, boxes, replace(letter, message_id=beginning.new_id(me)))
    elif other is not None and letter.draft is not None:
        mine = action == "keep-mine"
        thrown, letter = (other.place, letter) if mine else (letter.draft, replace(letter, draft=other.place))
        _to_trash(client, me, boxes, thrown, f"{'The other' if mine else 'Your'} text is in the trash.")
    return letter, _draft_again(letter.draft) if letter.draft else None


def _sent(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter, action: str) -> Any:
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
        return _sent_before(client, me, boxes, letter, before)
    return redirect(composer.after(letter), 303)


def _sent_before(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter, mail: Mail) -> Any:
    """A second press of Send, another tab, the way back: what is the same is not sent again, what is not is kept."""
    draft, was = letter.draft, mail.letter.draft
    other = draft if was is None or draft != Place(was.mailbox, was.uidvalidity, was.uid) else None
    if mail.letter.words != outbox.words(writing_of(me, letter)):
        letter = _saved(client, me, boxes, replace(letter, message_id=beginning.new_id(me), draft=other))
        return make_response(composer.page(me, boxes, letter, fault=_SENT_BEFORE), 409)
    if mail.state == State.UNKNOWN:
        return redirect(url_for("outbox.show"), 303)
    if other is not None:
        move.delete_for_good(client, other.mailbox, other.uidvalidity, [other.uid])
        pane.wrote(me)
    flash("This message is sent already." if mail.state in _SENT else "This message is on its way already.", "message")
    return redirect(composer.after(letter), 303)


def _saved(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter) -> Letter:
    """The letter as it is stored now, in place of the draft that it was."""
    mailbox = letter.draft.mailbox if letter.draft else pane.drafts(me, boxes)
    apart = uploads.stay_aside(client)
    letter = uploads.all_aside(client, mailbox, letter) if apart else letter
    writing = writing_of(me, letter)
    before = (letter.draft.uidvalidity, letter.draft.uid) if letter.draft else None
    parts = pieces(aside.apart(writing) if apart else writing, final=False)
    saved = drafts.save(client, mailbox, parts, replaces=before, lease=imap)
    if saved.uid is not None and not apart:
        uploads.taken_in(client, letter)
    if before is None or saved.former == "gone":
        pane.wrote(me)  # one more message in Drafts; later saves change no count
    if saved.uid is None or saved.uidvalidity is None:
        return replace(letter, draft=None)  # stored, but nobody can say where: the next save stores it once more
    place = Place(saved.mailbox, saved.uidvalidity, saved.uid)
    letter = replace(letter, draft=place) if apart else letter.stored(place, writing)
    return conflict.noticed(client, letter, writing) if saved.former == "gone" else letter


def _saved_with_files(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter) -> Letter:
    """The same; where the draft that held its files was changed elsewhere, with those files as they lie now."""
    try:
        return _saved(client, me, boxes, letter)
    except (mail.MessageGone, mail.Renumbered):
        found = conflict.with_files(client, letter)
        if found.files == letter.files:
            raise
        return _saved(client, me, boxes, found)


def _saved_without_files(
    client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter, action: str
) -> Any:
    """Where messages that its files lay in are gone: the text is stored, with the other files, and nothing is sent."""
    places = [*(each.place for each in letter.files), *([letter.draft] if letter.draft else [])]
    there = uploads.still_there(client, places)
    kept = tuple(each for each in letter.files if each.place in there)
    names = ", ".join(each.name for each in letter.files if each not in kept)
    draft = letter.draft if letter.draft in there else None
    letter = _saved(client, me, boxes, replace(letter, draft=draft, files=kept))
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
    return redirect(url_for("compose.stored", uidvalidity=at.uidvalidity, uid=at.uid), 303)


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
            letter = _saved(client, me, boxes, letter)
    uploads.taken_in(client, letter)
    if letter.draft is not None:
        _to_trash(client, me, boxes, letter.draft, "The draft is discarded.")
    return redirect(composer.after(letter), 303)


def _holds_something(me: Current, letter: Letter) -> bool:
    """Whether there is more in the form than a signature."""
    empty = {"", *(signature_of(each).lines.strip() for each in my_identities(me))}
    lines = (letter.to, letter.cc, letter.bcc, letter.subject)
    return bool(letter.draft or letter.files or letter.uploads or any(lines) or letter.text.strip() not in empty)


def _to_trash(client: Connection, me: Current, boxes: tuple[Mailbox, ...], at: Place, told: str) -> None:
    target = target_name(boxes, "trash", today=datetime.now(me.zone).date())
    moved = move.move(client, at.mailbox, at.uidvalidity, [at.uid], target, create=True)
    pane.wrote(me)
    reversible = moved.moved and (moved.uids or moved.message_ids)
    if not (reversible and undo.offer(me, told, undo.move_record(at.mailbox, at.uidvalidity, moved))):
        flash(told, "message")


def writing_of(me: Current, letter: Letter) -> Writing:
    """The letter as its writer's: nobody writes as who they are not, whatever the form says."""
    one = beginning.identity(my_identities(me), letter.identity)
    reply_to = [Address("", one.reply_to)] if one.reply_to else []
    return letter.writing(Address(one.name, one.address), datetime.now(me.zone), reply_to)
