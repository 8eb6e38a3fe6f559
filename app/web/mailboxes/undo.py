"""Undo of the last action on messages: a record in Redis under a random token, offered on the next pages.

It survives any node, works by a plain form, and serves once. The offer rides in the notes cookie for some seconds; the
record lives longer, so that who clicked in time is in time.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Response, flash, make_response, redirect, request, url_for
from flask import session as notes

from app.mail import flags
from app.mail.errors import CannotDo, MailboxGone, MailError, Refused, Renumbered
from app.mail.keywords import Marked
from app.mail.mailbox import named_mailbox
from app.mail.move import Moved
from app.mail.moveback import bring_back
from app.web.format import plain
from app.web.mailboxes import pane
from app.web.resources import resources
from app.web.session import Current, current, imap
from app.web.urls import local_path

OFFERED_SECONDS = 15
KEPT_SECONDS = 120
_NOTE = "undo"
# Kinds of records beside those of messages: what takes them back; None where it was too late, and that is told.
OTHERS: dict[str, Callable[[Current, dict[str, Any]], Response | None]] = {}
# What else a record of a move may name, and what takes that back once the messages are.
BESIDE: dict[str, Callable[[Current, Any], None]] = {}


@dataclass(frozen=True, slots=True)
class Offer:
    """What stands in the toast, and the token that its form sends. A script takes the toast away after `seconds`."""

    label: str
    token: str
    seconds: int = OFFERED_SECONDS  # that are left


def offer(me: Current, label: str, record: dict[str, Any], *, seconds: int = OFFERED_SECONDS) -> bool:
    """Keeps a record and offers it on the next pages, for so long; False where it could not be kept."""
    token = secrets.token_urlsafe(15)
    if not me.cache.remember(_entry(token), record, seconds=seconds + KEPT_SECONDS):
        return False
    notes[_NOTE] = {"label": label, "token": token, "until": int(resources().post.clock()) + seconds}
    if record["kind"] == "move":
        me.cache.remember(_made(record), notes[_NOTE], seconds=seconds)
    return True


def offer_again(me: Current, mailbox: str, uidvalidity: int, gone: Iterable[int]) -> bool:
    """Offers what was offered for moving those very messages just now: a button pressed twice did it at the first, and
    of that answer the browser keeps nothing. False where there is none."""
    note = me.cache.recall(_moved(mailbox, uidvalidity, gone))
    if note:
        notes[_NOTE] = note
    return bool(note)


def offered() -> Offer | None:
    """What can be undone now, for every page's template."""
    note = notes.get(_NOTE)
    if not isinstance(note, dict):
        return None
    left = note.get("until", 0) - int(resources().post.clock())
    if left < 0:
        notes.pop(_NOTE, None)
        return None
    return Offer(str(note.get("label")), str(note.get("token")), left)


def flags_record(mailbox: str, uidvalidity: int, done: flags.Done, add: list[str], remove: list[str]) -> dict[str, Any]:
    """How to give back the flags of what was changed, and only of that."""
    return {"kind": "flags", "mailbox": mailbox, "uidvalidity": uidvalidity, "uids": done.changed,
            "add": remove, "remove": add}  # fmt: skip


def move_record(mailbox: str, uidvalidity: int, moved: Moved, marked: Marked | None = None) -> dict[str, Any]:
    """How to bring messages back to `mailbox`, and take back the keywords that were set before."""
    return {"kind": "move", "mailbox": mailbox, "uidvalidity": uidvalidity, "target": moved.target,
            "validity": moved.target_uidvalidity, "hidden": moved.hidden,
            "uids": None if moved.uids is None else list(moved.uids.items()),
            "ids": list(moved.message_ids.items()),
            "marked": marked and [marked.keyword, marked.opposite, marked.had]}  # fmt: skip


def undo(mailbox: str) -> Response:
    """POST /mail/<mailbox>/undo with `token` and `next`."""
    me = current()
    token = request.form.get("token", "")
    notes.pop(_NOTE, None)
    record = me.cache.take(_entry(token)) if 0 < len(token) <= 64 else None
    if record is None:
        flash("That can no longer be undone: it was already, or it is too long ago.", "warning")
    elif record["kind"] in OTHERS:
        if answer := OTHERS[record["kind"]](me, record):
            return answer
    else:
        _undone(me, token, record)
    target = local_path(request.form.get("next")) or url_for("mailbox.show", mailbox=mailbox)
    return make_response(redirect(target, 303))


def _undone(me: Current, token: str, record: dict[str, Any]) -> None:
    try:
        with imap() as client:
            count = _give_back(client, record) if record["kind"] == "flags" else _bring_back(client, record)
            boxes = pane.folders(client, me)
    except (Renumbered, MailboxGone, CannotDo, Refused):
        flash("That could not be undone: the folder has changed meanwhile.", "warning")
        return
    except MailError:  # what was done so far is not done twice: it goes by UIDs
        me.cache.remember(_entry(token), record, seconds=KEPT_SECONDS)
        raise
    pane.wrote(me)
    if record["kind"] == "move":
        me.cache.forget(_made(record))
    for name in BESIDE.keys() & record.keys():
        BESIDE[name](me, record[name])
    home = named_mailbox(boxes, record["mailbox"])
    name = "Inbox" if record["mailbox"] == "INBOX" else plain(home.label if home else record["mailbox"])
    total = len(record["uids"] or ()) + len(record.get("ids", ()))
    of, rest = (f" of {total}", "; the rest was not found") if count < total else ("", "")
    messages = f"{count}{of} {'message' if total == 1 else 'messages'} {'is' if count == 1 else 'are'}"
    if not count:
        flash("Nothing could be undone: the messages are gone.", "warning")
    elif record["kind"] == "flags":
        flash(f"{messages} as before{rest}.", "message")
    else:
        flash(f"{messages} back in {name}{rest}.", "message")


def _give_back(client: Any, record: dict[str, Any]) -> int:
    done = flags.store(client, record["mailbox"], record["uidvalidity"], record["uids"],
                       add=record["add"], remove=record["remove"])  # fmt: skip
    return len(done.changed) + len(done.same)  # another program may have given them back already


def _bring_back(client: Any, record: dict[str, Any]) -> int:
    uids = None if record["uids"] is None else dict(record["uids"])
    moved = Moved(record["target"], record["validity"], (), uids, (), (), dict(record["ids"]), tuple(record["hidden"]))
    marked = Marked(*record["marked"]) if record["marked"] else None
    return bring_back(client, moved, record["mailbox"], record["uidvalidity"], marked)


def _entry(token: str) -> str:
    return f"undo {token}"


def _made(record: dict[str, Any]) -> str:
    told, untold = record["uids"] or (), record["ids"]
    return _moved(record["mailbox"], record["uidvalidity"], (uid for uid, _ in (*told, *untold)))


def _moved(mailbox: str, uidvalidity: int, uids: Iterable[int]) -> str:
    return f"undo of {mailbox} {uidvalidity} {sorted(uids)}"
