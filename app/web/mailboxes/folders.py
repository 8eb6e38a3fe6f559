"""The page of all folders, for who has very many, and the account's own choice of special ones: where drafts, sent
mail, spam, deleted and archived mail go.

The choice counts for what the mail server itself does not mark (RFC 6154): two programs that disagree would file mail
in two places.
"""

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from app.mail.mailbox import MANY, Mailbox, find
from app.mail.special import Use
from app.profile.errors import ProfileAway
from app.web.format import plain
from app.web.mailboxes import pane
from app.web.mailboxes.branches import called, found
from app.web.profile import keep_setting
from app.web.session import Current, current, imap

CHOSEN: tuple[tuple[Use, str], ...] = (
    ("drafts", "Drafts"),
    ("sent", "Sent mail"),
    ("archive", "Archive"),
    ("junk", "Spam"),
    ("trash", "Trash"),
)
PER_PAGE = 200
AWAY = "Your settings cannot be reached at the moment. Nothing was changed; try again in a while."


def everything() -> str:
    """GET /folders?q=&page="""
    boxes, sought = _boxes(current()), request.args.get("q", "").strip()[:200]
    fitting = found(boxes, sought)
    pages = max(1, -(-len(fitting) // PER_PAGE))
    typed = request.args.get("page", "")
    number = min(pages, max(1, int(typed[:9]))) if typed.isascii() and typed.isdigit() else 1
    first = (number - 1) * PER_PAGE
    rows = fitting[first : first + PER_PAGE]
    return render_template(
        "folders.html", rows=rows, sought=sought, first=first, total=len(fitting), number=number, pages=pages
    )


def edit() -> Any:
    """GET /settings/folders"""
    me = current()
    return _page(_boxes(me), pane.special(me))


def save() -> Any:
    """POST /settings/folders"""
    me = current()
    boxes = _boxes(me)
    choice, unknown = _typed(boxes)
    if unknown:
        fault = f"There is not one folder called “{plain(unknown)}”. Its full name tells which one is meant."
        return _page(boxes, choice, fault=fault, status=422)
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


def _typed(boxes: tuple[Mailbox, ...]) -> tuple[dict[Use, str], str]:
    """What was chosen among the folders that there are; and a name that was typed, as of very many, and is of none."""
    free = [box for box in boxes if box.selectable and box.name != "INBOX"]
    chosen = {use: name for use, _ in CHOSEN if (name := request.form.get(use, ""))}
    if len(boxes) <= MANY:
        names = {box.name for box in free}
        return {use: name for use, name in chosen.items() if name in names}, ""
    meant = {use: called(free, name) for use, name in chosen.items()}
    unknown = (chosen[use] for use, each in meant.items() if len(each) != 1)
    return {use: each[0].name for use, each in meant.items() if len(each) == 1}, next(unknown, "")


def _page(boxes: tuple[Mailbox, ...], choice: dict[Use, str], *, fault: str = "", status: int = 200) -> Any:
    rows = [(use, label, find(boxes, use), choice.get(use, "")) for use, label in CHOSEN]
    free = any(box is None or not box.marked for _, _, box, _ in rows)
    page = render_template("special.html", rows=rows, boxes=boxes, fault=fault, free=free)
    return make_response(page, status)
