"""A person's own rules about senders, and what was done to their account lately, with the way back for a day."""

from datetime import UTC, datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for

from app.policy import actions, senders
from app.policy.errors import Gone
from app.policy.rule import account_scope
from app.web.blocked import hidden
from app.web.blocked.hidden import TAKEN_BACK
from app.web.blocked.kept import note
from app.web.policy import by, policy
from app.web.session import current
from app.web.urls import local_path

PER_PAGE = 50
WORDS = {
    "allow": "Allowed a sender",
    "deny": "Shut out a sender",
    "nogrey": "No longer delayed a sender",
    "rule-remove": "Removed an entry",
    "release": "Released a message",
    "notjunk": "Brought back from spam a message of",
    "delete": "Deleted a kept message",
    "hide": "Hid a sender",
    "unhide": "No longer hid a sender",
    "report": "Reported a blocked message",
    "look": "Looked at the blocked mail",
    "account": "Changed the account",
    "account-add": "Added the account",
    "alias-add": "Added an alias",
    "alias-remove": "Removed an alias",
    "address-add": "Added an address",
    "address-remove": "Removed an address",
    "password": "Set a new password for",
    "site": "Changed the site",
    "import": "Imported accounts of",
    "setting": "Changed a spam setting:",
    "rules-import": "Imported",
    "undo": "Took something back",
}
_TOO_LATE = "That was taken back already, or is longer ago than a day. Nothing was changed."


def show() -> str:
    """GET /settings/actions?before="""
    me, now = current(), datetime.now(UTC)
    before = request.args.get("before", type=_number)
    with policy() as engine:
        rules = () if before is not None else senders.rules_of(engine, account_scope(me.account.id), now)
        found = actions.of_account(engine, me.account.id, before=before, limit=PER_PAGE + 1)
    return render_template(
        "actions.html",
        rules=rules,
        hidden=() if before is not None else hidden.hidden(me),
        actions=[(each, actions.undoable(each, now, TAKEN_BACK)) for each in found[:PER_PAGE]],
        older=found[PER_PAGE - 1].id if len(found) > PER_PAGE else None,
        words=WORDS,
        zone=me.zone,
    )


def _number(text: str) -> int:
    """One that an id may be: a larger one is an error of SQL."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError("no id")
    return int(text)


def undo(number: int) -> Any:
    """POST /settings/actions/<number>/undo"""
    me = current()
    try:
        with policy() as engine:
            done = actions.undo(engine, by(me), number, datetime.now(UTC).replace(microsecond=0), TAKEN_BACK)
        if done.verb == "hide":
            hidden.show(me, done.target)
        what = {"setting": "the setting", "rules-import": "the list"}.get(done.verb, done.target)
        flash(f"Taken back: {what} is as it was before.")
    except Gone:
        flash(_TOO_LATE, "warning")
    return redirect(local_path(request.form.get("next")) or url_for("blocked.actions"), 303)


def unhide() -> Any:
    """POST /settings/actions/unhide: lists a sender again."""
    me, address = current(), request.form.get("address", "")
    if address in hidden.hidden(me):
        hidden.show(me, address)
        note(by(me), "unhide", address, {})
        flash(f"Blocked mail from {address} is shown again.")
    return redirect(url_for("blocked.actions"), 303)


def remove(number: int) -> Any:
    """POST /settings/actions/rules/<number>/remove"""
    me = current()
    try:
        with policy() as engine:
            scope, now = account_scope(me.account.id), datetime.now(UTC).replace(microsecond=0)
            _, gone = actions.remove_rule(engine, by(me), scope, number, now)
        flash(f"The entry about {gone.value} was removed.")
    except Gone:
        flash("That entry is gone already, or is not yours to remove.", "warning")
    return redirect(url_for("blocked.actions"), 303)
