"""The account's own choice of special folders: where drafts, sent mail, spam, deleted and archived mail go.

It counts for what the mail server itself does not mark (RFC 6154): two programs that disagree would file mail in two
places.
"""

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from app.mail.mailbox import Mailbox, find
from app.mail.special import Use
from app.profile.errors import ProfileAway
from app.web import pane
from app.web.profile import keep_setting
from app.web.session import Current, current, imap

CHOSEN: tuple[tuple[Use, str], ...] = (
    ("drafts", "Drafts"),
    ("sent", "Sent mail"),
    ("archive", "Archive"),
    ("junk", "Spam"),
    ("trash", "Trash"),
)
AWAY = "Your settings cannot be reached at the moment. Nothing was changed; try again in a while."


def edit() -> Any:
    """GET /settings/folders"""
    me = current()
    return _page(_boxes(me), pane.special(me))


def save() -> Any:
    """POST /settings/folders"""
    me = current()
    boxes = _boxes(me)
    choice = _typed(boxes)
    if len(set(choice.values())) < len(choice):
        return _page(boxes, choice, fault="One folder cannot be two of these. Choose different ones.", status=422)
    try:
        keep_setting(me, pane.SPECIAL, choice or None)
    except ProfileAway:
        return _page(boxes, choice, fault=AWAY, status=503)
    pane.wrote(me)
    flash("Your choice of folders was saved.")
    return redirect(url_for("folders.edit"), 303)


def _boxes(me: Current) -> tuple[Mailbox, ...]:
    with imap() as client:
        return pane.folders(client, me)


def _typed(boxes: tuple[Mailbox, ...]) -> dict[Use, str]:
    """What was chosen among the folders that there are."""
    names = {box.name for box in boxes if box.selectable and box.name != "INBOX"}
    chosen = ((use, request.form.get(use, "")) for use, _ in CHOSEN)
    return {use: name for use, name in chosen if name in names}


def _page(boxes: tuple[Mailbox, ...], choice: dict[Use, str], *, fault: str = "", status: int = 200) -> Any:
    rows = [(use, label, find(boxes, use), choice.get(use, "")) for use, label in CHOSEN]
    free = any(box is None or not box.marked for _, _, box, _ in rows)
    page = render_template("special.html", rows=rows, boxes=boxes, fault=fault, free=free)
    return make_response(page, status)
