"""What somebody does about a stopped message: a rule, a release, a letter. Each on their own row only, by POST only.

What is not offered on the page is not done either, whatever the form says: the same decision stands before both.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for

from app.blocklog import query
from app.blocklog.codes import Resolved
from app.blocklog.query import Block
from app.policy import actions
from app.policy.errors import Full, Gone, PolicyAway
from app.policy.release import NotReleased, QuarantineAway
from app.policy.rule import Rule, Scope, account_scope
from app.policy.value import Kind
from app.profile.errors import ProfileAway
from app.web.blocked import hidden, kept, letters, pages
from app.web.blocked.asked import place_of
from app.web.blocked.remedies import Remedies, may_write, remedies
from app.web.blocked.rescuing import MOVED, brought_back
from app.web.blocklog import blocklog
from app.web.policy import by, policy
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.session import Current, current

DAYS = {"30": "for 30 days", "365": "for a year", "0": "until you take it back"}
_KINDS = {"address": Kind.sender, "domain": Kind.domain}
_SETTLED = "That is settled already, or cannot be done with this message. Nothing was changed."
AWAY = "Your list cannot be reached at the moment. Nothing was changed; try again in a while."


def act(row: str) -> Any:
    """POST /blocked/<row>/remedy"""
    me, found = current(), own_row(row)
    offered, wish = remedies(me, found), request.form.get("action", "")
    if wish not in offered.now.offers or wish not in _ACTIONS:
        flash(AWAY if offered.away else _SETTLED, "warning")
        return _back(row)
    return _ACTIONS[wish](me, found, offered, row)


def tell(row: str) -> Any:
    """GET /blocked/<row>/tell: the ready text for the sender, to be read before anything is sent."""
    me, found = current(), own_row(row)
    offered = remedies(me, found)
    if "tell" not in offered.now.offers:
        abort(404)
    fields = letters.to_sender(found, me.zone, me.zone.key)
    return render_template("tell.html", row=found, fields=fields, can=offered, zone=me.zone)


def own_row(row: str) -> Block:
    """The row of that place, if it is the signed-in person's and for them to see; 404 otherwise."""
    place = place_of(row)
    if place is None:
        abort(404)
    with blocklog() as engine:
        found = query.one(engine, current().account.id, *place)
    if found is None:
        abort(404)
    return found


def _rule(me: Current, found: Block, offered: Remedies, row: str) -> Any:
    """Allows, or no longer delays, what the form names."""
    form, its = request.form, offered.now
    about, days, faults = form.get("about", ""), form.get("days", ""), {}
    if about not in its.values():
        faults["about"] = "Choose whom it is about."
    if days not in DAYS:
        faults["days"] = "Choose for how long."
    if its.doubt is not None and form["action"] == "allow" and form.get("sure") != "yes":
        faults["sure"] = "Tick this if you know this sender."
    if faults:
        return _again(me, found, offered, faults, 422)
    now = datetime.now(UTC).replace(microsecond=0)
    rule = Rule(
        account_scope(me.account.id), form["action"], _KINDS[about], its.values()[about], now,
        created_by=me.account.id, expires_at=now + timedelta(days=int(days)) if int(days) else None,
    )  # fmt: skip
    try:
        with policy() as engine:
            actions.add_rule(engine, by(me), rule, {"row": row})
    except PolicyAway:
        return _again(me, found, offered, {"form": AWAY}, 503)
    except Full:
        return _again(me, found, offered, {"form": "You have as many rules as are allowed. Remove some first."}, 507)
    except Gone:
        return _again(me, found, offered, {"form": "A rule of your provider’s stands in its place."}, 409)
    done = "is allowed" if rule.action == "allow" else "is no longer delayed"
    flash(f"{rule.value} {done} {DAYS[days]}, from the next message on.")
    return _back(row)


def _unrule(me: Current, _found: Block, offered: Remedies, row: str) -> Any:
    """Removes the account's own rule that decides about this sender."""
    rule = offered.now.rule
    assert rule is not None
    try:
        with policy() as engine:
            now = datetime.now(UTC).replace(microsecond=0)
            actions.remove_rule(engine, by(me), Scope(2, me.account.id), rule.rule_id, now, {"row": row})
    except (PolicyAway, Gone) as error:
        flash(AWAY if isinstance(error, PolicyAway) else _SETTLED, "warning")
        return _back(row)
    flash(f"The entry about {rule.value} was removed.")
    return _back(row)


def _release(me: Current, found: Block, offered: Remedies, row: str) -> Any:
    """Has the message put back for this account alone, or deleted: for good, so it is asked for twice."""
    delete = request.form["action"] == "delete"
    if delete and request.form.get("sure") != "yes":
        return _again(me, found, offered, {"form": "Nothing was deleted."}, 422)
    try:
        (kept.delete if delete else kept.let_out)(me.account, found, by(me), {"row": row})
    except kept.DoneAlready:
        flash(_SETTLED, "warning")
        return _back(row)
    except NotReleased as error:
        logger.warning("a kept message was not given out", extra=described(error))
        away = isinstance(error, QuarantineAway)
        return _again(me, found, offered, {"form": kept.NOT_ASKED if away else kept.NOT_GIVEN}, 503 if away else 409)
    flash("The message was deleted." if delete else "The message was released. It arrives in a moment.")
    return _back(row)


def _notjunk(me: Current, found: Block, offered: Remedies, row: str) -> Any:
    """Moves the message to the inbox, and allows its sender too where that is wished and nothing speaks against it."""
    its, told = offered.now, brought_back(me, found.message_id or "")
    if not told.startswith(MOVED):
        return _again(me, found, offered, {"form": told}, 409)
    kept.note(by(me), "notjunk", found.sender, {"row": row})
    kept.settle(me.account, found, Resolved.released)
    value = its.values().get(its.first)
    if request.form.get("allow") != "yes" or "allow" not in its.offers or its.doubt is not None or value is None:
        flash(told)
        return _back(row)
    now = datetime.now(UTC).replace(microsecond=0)
    rule = Rule(account_scope(me.account.id), "allow", _KINDS[its.first], value, now, created_by=me.account.id)
    try:
        with policy() as engine:
            actions.add_rule(engine, by(me), rule, {"row": row})
    except (PolicyAway, Full, Gone):
        flash(f"{told} {value} could not be allowed; try that again in a while.", "warning")
        return _back(row)
    flash(f"{told} {value} is allowed from now on.")
    return _back(row)


def _hide(me: Current, _found: Block, offered: Remedies, row: str) -> Any:
    """Takes the sender out of the list, or into it again."""
    address, verb = offered.now.address, request.form["action"]
    try:
        (hidden.hide if verb == "hide" else hidden.show)(me, address)
    except ProfileAway:
        flash(AWAY, "warning")
        return _back(row)
    kept.note(by(me), verb, address, {"row": row})
    flash(f"Blocked mail from {address} is {'hidden' if verb == 'hide' else 'shown again'}.")
    return _back(row)


def _report(me: Current, found: Block, _offered: Remedies, row: str) -> Any:
    """The report is written down, and opens as a message of theirs; who cannot write here copies it."""
    kept.note(by(me), "report", found.sender, {"row": row})
    fields = letters.to_admin(found, resources().settings.report_to or "")
    if may_write(me):
        return redirect(f"{url_for('compose.new')}?{urlencode(fields)}", 303)
    return render_template("tell.html", row=found, fields=fields, can=None, zone=me.zone)


def _again(me: Current, found: Block, offered: Remedies, faults: dict[str, str], status: int) -> Response:
    typed = {name: request.form.get(name, "") for name in ("action", "about", "days", "sure")}
    page = pages.shown(me, found, replace(offered, faults=faults, typed=typed))
    return make_response(page, status)


def _back(row: str) -> Any:
    return redirect(url_for("blocked.one", row=row), 303)


_ACTIONS: dict[str, Callable[[Current, Block, Remedies, str], Any]] = {
    "allow": _rule,
    "nogrey": _rule,
    "unrule": _unrule,
    "release": _release,
    "delete": _release,
    "notjunk": _notjunk,
    "report": _report,
    "hide": _hide,
    "unhide": _hide,
}
