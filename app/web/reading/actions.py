"""What is done to chosen messages: one form for one or many, which works without a script.

It acts on the UIDs that the form names and on nothing else; what is said afterwards counts what really happened.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Response, flash, make_response, redirect, request, url_for
from werkzeug.exceptions import BadRequest

from app.mail import flags, keywords, lastshown, move
from app.mail.connection import Connection
from app.mail.errors import MailboxGone, MailError, OverQuota
from app.mail.mailbox import MANY, Mailbox, named_mailbox, target_name
from app.mail.special import Use
from app.web.format import plain
from app.web.mailboxes import pane, teaching, undo
from app.web.mailboxes.branches import called
from app.web.mailboxes.place import list_name
from app.web.sending import copies
from app.web.session import Current, current, imap
from app.web.urls import local_path
from app.web.writing import attaching

MOST = 500  # messages at once; a page shows fewer
LEARNT = 50  # with one command, into junk or out of it: filters that learn from that take each by itself
_FLAGS: dict[str, tuple[list[str], list[str], str]] = {
    "read": (["\\Seen"], [], "marked as read"),
    "unread": ([], ["\\Seen"], "marked as unread"),
    "flag": (["\\Flagged"], [], "flagged"),
    "unflag": ([], ["\\Flagged"], "no longer flagged"),
}
_USES: dict[str, Use] = {"archive": "archive", "trash": "trash", "junk": "junk", "notjunk": "inbox"}


def act(mailbox: str) -> Response:
    """POST /mail/<mailbox>/actions with uidvalidity, uid (many), action, target, next. Raises app/mail/errors.py's."""
    me = current()
    action = request.form.get("action", "")
    uidvalidity, chosen = number(request.form.get("uidvalidity")), uids()
    if action not in (*_FLAGS, *_USES, "move", "delete", "forward"):
        raise BadRequest("no such action")
    if not chosen:
        flash("No message was chosen.", "warning")
    elif action == "forward" and len(chosen) <= attaching.MOST:
        return make_response(redirect(attaching.address_of_whole(mailbox, uidvalidity, chosen), 303))
    elif action == "forward":
        flash(f"At most {attaching.MOST} messages are forwarded at once.", "warning")
    else:
        try:
            with imap() as client:
                done(client, me, action, mailbox, uidvalidity, chosen, request.form.get("target", ""))
        finally:  # also after an error: something may have been done
            pane.wrote(me)
    target = local_path(request.form.get("next")) or url_for("mailbox.show", mailbox=mailbox)
    return make_response(redirect(target, 303))


def done(
    client: Connection, me: Current, action: str, mailbox: str, uidvalidity: int, uids: Sequence[int], target: str
) -> None:
    """Does it, and says what became of it, with the way back. Raises the tree of app/mail/errors.py."""
    if action in _FLAGS:
        _mark(client, me, action, mailbox, uidvalidity, uids)
    elif action == "delete":
        _delete(client, me, mailbox, uidvalidity, uids)
    else:
        _file(client, me, action, mailbox, uidvalidity, uids, target)


def uids() -> list[int]:
    """The chosen UIDs in the order of the form, each once. BadRequest for what is none, or for too many."""
    found = list(dict.fromkeys(number(text) for text in request.form.getlist("uid")))
    if len(found) > MOST:
        raise BadRequest("too many messages")
    return found


def number(text: str | None) -> int:
    """A UID or a UIDVALIDITY of a form. Raises BadRequest."""
    if not text or not text.isascii() or not text.isdigit() or not 0 < len(text) <= 10 or not 0 < int(text) < 2**32:
        raise BadRequest("not a number")
    return int(text)


def _mark(client: Connection, me: Current, action: str, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> None:
    add, remove, words = _FLAGS[action]
    done = flags.store(client, mailbox, uidvalidity, uids, add=add, remove=remove)
    label = _told(len(done.changed) + len(done.same), len(done.gone), words)
    record = undo.flags_record(mailbox, uidvalidity, done, add, remove)
    if not done.changed:
        flash(label, "warning" if done.gone else "message")
    elif not undo.offer(me, label, record):
        flash(label, "message")


def _delete(client: Connection, me: Current, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> None:
    done = move.delete_for_good(client, mailbox, uidvalidity, uids)
    _forget(me, mailbox, uidvalidity, [*done.removed, *done.gone])
    flash(_told(len(done.removed), len(done.gone), "deleted for good", len(done.left)), "message")


def _forget(me: Current, mailbox: str, uidvalidity: int, gone: Sequence[int]) -> None:
    shown = list_name(local_path(request.form.get("next")) or "")
    lastshown.forget(me.cache, mailbox, uidvalidity, gone, name=shown)


def _file(
    client: Connection, me: Current, action: str, mailbox: str, uidvalidity: int, uids: Sequence[int], target: str
) -> None:
    boxes = pane.folders(client, me)
    if action == "move":
        if not target:
            return flash("No folder was chosen to move to.", "warning")
        if len(boxes) > MANY and len(meant := called(boxes, target)) != 1:
            return flash(_which(target, meant), "warning")
        target = meant[0].name if len(boxes) > MANY else target
        if not (box := named_mailbox(boxes, target)) or not box.selectable:
            raise MailboxGone("no such target")
    else:
        today = datetime.now(me.zone).date()
        target = target_name(boxes, _USES[action], junk_pattern=pane.junk_pattern(me), today=today)
    if target == mailbox:
        return flash(f"That is already in {_label(boxes, target)}.", "warning")
    judged = action in ("junk", "notjunk")
    marked = keywords.mark(client, mailbox, uidvalidity, uids, junk=action == "junk") if judged else None
    try:
        batch = LEARNT if judged else None
        moved = move.move(client, mailbox, uidvalidity, uids, target, create=action in _USES, batch=batch)
    except MailError as error:
        keywords.take_back(client, mailbox, uidvalidity, uids, marked)
        if not isinstance(error, OverQuota):
            raise
        if action != "trash":
            raise
        return flash("Your mailbox is full, so nothing could be moved to the trash. Delete for good instead.", "error")
    keywords.take_back(client, mailbox, uidvalidity, moved.left, marked)
    _forget(me, mailbox, uidvalidity, [*moved.moved, *moved.gone])
    if not moved.moved and undo.offer_again(me, mailbox, uidvalidity, moved.gone):
        return None
    record = undo.move_record(mailbox, uidvalidity, moved, marked)
    more = teaching.said(me, boxes, mailbox, target, judged=judged) if moved.moved else ""
    if judged and not more:
        more, beside = copies.sent(client, me, boxes, moved, spam=action == "junk")
        record |= beside
    _tell_moved(me, boxes, moved, record, more)
    return None


def _which(typed: str, meant: Sequence[Mailbox]) -> str:
    """Why nothing was moved to a folder whose name was typed."""
    if not meant:
        return f"No folder is called “{plain(typed)}”. Nothing was moved."
    names = " or ".join(f"“{plain(box.name)}”" for box in meant[:2])
    return f"{len(meant)} folders are called “{plain(typed)}”. Type the full name, such as {names}. Nothing was moved."


def _tell_moved(me: Current, boxes: tuple[Mailbox, ...], moved: move.Moved, record: dict[str, Any], more: str) -> None:
    words = f"moved to {_label(boxes, moved.target)}"
    label = _told(len(moved.moved), len(moved.gone), words, len(moved.left)) + more
    reversible = moved.moved and (moved.uids or moved.message_ids)
    if not (reversible and undo.offer(me, label, record)):
        flash(label, "message" if moved.moved else "warning")


def _told(done: int, gone: int, words: str, left: int = 0) -> str:
    """One sentence: "3 of 5 messages moved to Archive; 2 were already gone"."""
    total = done + gone + left
    if not done and gone == total:
        return "This message was already gone." if total == 1 else "These messages were already gone."
    if done == total:
        return f"1 message {words}." if total == 1 else f"{total} messages {words}."
    rest = []
    if gone:
        rest.append("1 was already gone" if gone == 1 else f"{gone} were already gone")
    if left:
        rest.append("1 could not be" if left == 1 else f"{left} could not be")
    return f"{done} of {total} messages {words}; {', '.join(rest)}."


def _label(boxes: tuple[Mailbox, ...], name: str) -> str:
    box = named_mailbox(boxes, name)
    return "Inbox" if name == "INBOX" else plain(box.label if box else name)
