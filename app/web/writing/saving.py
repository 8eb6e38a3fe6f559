"""A message being written as a draft on the mail server: stored in place of the former one, or thrown away.

Both raise the tree of app/mail/errors.py.
"""

from dataclasses import replace
from datetime import datetime

from flask import flash

from app.mail import aside, move
from app.mail import draft as drafts
from app.mail import errors as mail
from app.mail.connection import Connection
from app.mail.mailbox import Mailbox, target_name
from app.mail.outgoing import Address, Writing, pieces
from app.mail.part import Place
from app.web.letter import uploads
from app.web.letter.letter import Letter
from app.web.mailboxes import pane, undo
from app.web.profile import my_identities
from app.web.session import Current, imap
from app.web.writing import beginning, conflict


def saved(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter) -> Letter:
    """The letter as it is stored now, in place of the draft that it was."""
    mailbox = letter.draft.mailbox if letter.draft else pane.drafts(me, boxes)
    apart = uploads.stay_aside(client)
    letter = uploads.all_aside(client, mailbox, letter) if apart else letter
    writing = writing_of(me, letter)
    before = (letter.draft.uidvalidity, letter.draft.uid) if letter.draft else None
    parts = pieces(aside.apart(writing) if apart else writing, final=False)
    stored = drafts.save(client, mailbox, parts, replaces=before, lease=imap)
    if stored.uid is not None and not apart:
        uploads.taken_in(client, letter)
    if before is None or stored.former == "gone":
        pane.wrote(me)  # one more message in Drafts; later saves change no count
    if stored.uid is None or stored.uidvalidity is None:
        return replace(letter, draft=None)  # stored, but nobody can say where: the next save stores it once more
    place = Place(stored.mailbox, stored.uidvalidity, stored.uid)
    letter = replace(letter, draft=place) if apart else letter.stored(place, writing)
    return conflict.noticed(client, letter, writing) if stored.former == "gone" else letter


def saved_with_files(client: Connection, me: Current, boxes: tuple[Mailbox, ...], letter: Letter) -> Letter:
    """The same; where the draft that held its files was changed elsewhere, with those files as they lie now."""
    try:
        return saved(client, me, boxes, letter)
    except (mail.MessageGone, mail.Renumbered):
        found = conflict.with_files(client, letter)
        if found.files == letter.files:
            raise
        return saved(client, me, boxes, found)


def to_trash(client: Connection, me: Current, boxes: tuple[Mailbox, ...], at: Place, told: str) -> None:
    """From where it can be had back, as `told` says to who wrote it."""
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
