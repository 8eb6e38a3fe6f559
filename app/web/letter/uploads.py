"""One file of a message being written: put on the mail server as it comes in, or taken away again.

The body is streamed from the browser's socket into APPEND, a buffer at a time: no node keeps an upload, in memory or
on disk. A browser that hangs up breaks the APPEND off, and nothing is stored.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Response, flash, make_response, render_template, request
from werkzeug.exceptions import BadRequest, LengthRequired, RequestEntityTooLarge

from app.mail import aside
from app.mail import errors as mail
from app.mail.connection import Connection
from app.mail.create import make
from app.mail.draft import set_aside
from app.mail.field import is_id
from app.mail.filename import harmless
from app.mail.mailbox import named_mailbox
from app.mail.move import existing
from app.mail.outgoing import File, Upload
from app.mail.part import Place
from app.outbox.errors import OutboxAway
from app.web.letter import limit
from app.web.letter.kept import Kept, kept_files, read_kept, read_place
from app.web.letter.letter import Letter
from app.web.mailboxes import pane
from app.web.resources import resources
from app.web.session import Current, current, imap

HIDDEN = timedelta(days=30)  # longer than the outbox keeps the row of a mail that has ended
KEPT = timedelta(days=7)
RAW = "application/octet-stream"  # of the request: what else Flask would read as a form, whole


class _Body:
    """The request's body as a file that is read once; `going_on` is called at each read."""

    def __init__(self, source: Any, going_on: Any) -> None:
        self._source, self._going_on = source, going_on

    def seekable(self) -> bool:
        return False

    def read(self, size: int) -> bytes:
        self._going_on()
        found: bytes = self._source.read(size)
        return found


def put() -> Response:
    """PUT /compose/files?name=&type=&message_id=&draft=&content_id=&beside=: the file as the body; the answer is its
    line of the form. `beside`: octets of the message's other files, as the browser counts them.

    Raises LengthRequired, RequestEntityTooLarge, TooManyUploads, and the tree of app/mail/errors.py.
    """
    me = current()
    length = _length(me)
    name = harmless(request.args.get("name", "").replace("\\", "/").rpartition("/")[2])
    kind = request.args.get("type", "").partition(";")[0].strip()
    message_id, content_id = _message_id(), request.args.get("content_id") or None
    with resources().uploads.place(me.account.id) as going_on:
        body = Upload(_Body(request.stream, going_on), length)  # type: ignore[arg-type]
        file = File(name or "file", kind or RAW, body, content_id)
        try:
            with imap(patient=True) as client:
                mailbox = _mailbox(client, me)
                lying = set_aside(client, mailbox, file, message_id)
                clear_old(client, me, mailbox)
        except EOFError as error:  # fewer octets than were promised: nobody waits for this answer
            raise BadRequest("the file broke off") from error
    (kept,) = kept_files([lying])
    return make_response(render_template("attached.html", file=kept), 201)


def remove() -> Response:
    """DELETE /compose/files?file=&message_id=: takes a file away that no save has taken in."""
    try:
        kept = read_kept(request.args.get("file", ""))
    except ValueError as error:
        raise BadRequest("no file") from error
    if kept.aside:
        at = kept.place
        with imap() as client:
            aside.remove(client, at.mailbox, at.uidvalidity, [at.uid], _message_id())
    return make_response("", 204)


def taken_in(client: Connection, letter: Letter) -> None:
    """The draft that was just saved holds these files now, or is discarded with them: their own messages go. Raises
    nothing: the save is done, and what is left over is cleared later."""
    places = [each.place for each in letter.files if each.aside]
    for mailbox, uidvalidity in {(at.mailbox, at.uidvalidity) for at in places}:
        uids = [at.uid for at in places if (at.mailbox, at.uidvalidity) == (mailbox, uidvalidity)]
        with suppress(mail.MailError):
            aside.remove(client, mailbox, uidvalidity, uids, letter.message_id)


def still_there(client: Connection, places: Sequence[Place]) -> set[Place]:
    """Those of the messages that exist. Two commands for each mailbox at most; raises only what ends the connection."""
    found: set[Place] = set()
    for mailbox, uidvalidity in {(at.mailbox, at.uidvalidity) for at in places}:
        with suppress(mail.MailboxGone, mail.Renumbered):
            client.select(mailbox, uidvalidity=uidvalidity)
            uids = [at.uid for at in places if (at.mailbox, at.uidvalidity) == (mailbox, uidvalidity)]
            found |= {Place(mailbox, uidvalidity, uid) for uid in existing(client, uids)}
    return found


def clear_old(client: Connection, me: Current, mailbox: str) -> None:
    """Once a day, when drafts are listed or a file comes: files of a week ago whose drafts are gone are removed, and
    final bytes of a month ago that no mail of the outbox names are shown. Never raises."""
    if me.cache.recall("cleared") is None and me.cache.remember("cleared", True, seconds=86_400):
        today = datetime.now(me.zone).date()
        with suppress(mail.MailError):
            aside.clear(client, mailbox, before=today - KEPT)
        with suppress(mail.MailError, OutboxAway):
            resources().post.uncover(client, me.account.id, mailbox, before=today - HIDDEN)


def stay_aside(client: Connection) -> bool:
    """Whether this save moves the text alone and lets the files lie in messages of their own: one that the script makes
    while somebody writes, where the server cannot put messages together. Who closes the form asks for the `whole`."""
    brief = request.headers.get("X-Postern-Fragment") == "saved" and not request.form.get("whole")
    return brief and not client.has("CATENATE")


def all_aside(client: Connection, mailbox: str, letter: Letter) -> Letter:
    """The letter with each of its files set aside in this mailbox, once; no node streams them again until it is whole.

    Raises what draft.set_aside raises; then what was set aside here is removed again."""
    made: list[Kept] = []
    try:
        moved = (each.file for each in letter.files if not each.aside or each.place.mailbox != mailbox)
        for file in (*moved, *letter.uploads):
            made += kept_files([set_aside(client, mailbox, file, letter.message_id, lease=imap)])
    except Exception:
        taken_in(client, replace(letter, files=tuple(made)))
        raise
    fresh = iter(made)
    files = [each if each.aside and each.place.mailbox == mailbox else next(fresh) for each in letter.files]
    return replace(letter, files=(*files, *fresh), uploads=())


def name_lost(names: Sequence[str], *, unsent: bool = False) -> None:
    """Files of which only the names are left, as the session ended meanwhile or something was away."""
    if names:
        told = ", ".join(f"“{harmless(name)}”" for name in names[:20])
        flash(f"{'Not sent. ' if unsent else ''}Not attached: {told}. Attach again.", "warning")


def _length(me: Current) -> int:
    """What the browser says that it sends; checked before a byte of it is read."""
    if request.content_length is None:
        raise LengthRequired
    beside = request.args.get("beside", "0")
    others = int(beside) if beside.isascii() and beside.isdigit() and len(beside) < 13 else 0
    if request.content_length > limit.one_file(me) or request.content_length + others > limit.all_files(me):
        raise RequestEntityTooLarge
    return request.content_length


def _message_id() -> str:
    found = request.args.get("message_id", "")
    if not is_id(found):
        raise BadRequest("no Message-ID")
    return found


def _mailbox(client: Connection, me: Current) -> str:
    """Where the draft lies, or will lie: made now, as a server may say only after the file that it is not there."""
    try:
        draft = read_place(request.args.get("draft", ""))
    except ValueError as error:
        raise BadRequest("no place of a draft") from error
    if draft:
        return draft.mailbox
    boxes = pane.folders(client, me)
    name = pane.drafts(me, boxes)
    if named_mailbox(boxes, name) is None:
        with suppress(mail.Refused):
            name = make(client, name)
        pane.drop(me)
    return name
