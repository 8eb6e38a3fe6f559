"""Allow and deny lists: what is in them, how often each entry acted, and one more or one less."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import flash, redirect, request, url_for

from app.blocklog import acted
from app.blocklog.acted import Acted
from app.blocklog.errors import LogError
from app.policy import actions, lists
from app.policy.actions import ON_RULES, UNDO, Action
from app.policy.errors import Full, Gone, PolicyAway
from app.policy.lists import Page
from app.policy.rule import Rule
from app.policy.value import Kind
from app.web.blocklog import blocklog
from app.web.lists.concerned import announced
from app.web.lists.entry import ACTIONS, DAYS, Entry, entry
from app.web.lists.whose import Whose, whose
from app.web.policy import policy
from app.web.resources import resources
from app.web.serving.log import described, logger

PER_PAGE, INHERITED = 100, 50
LATELY = 5  # actions with their way back
LONG, SHORT = timedelta(days=90), timedelta(days=7)
AWAY = "The lists cannot be reached at the moment. Nothing was changed; try again in a while."
FULL = "The list is full. Remove some entries first."
LOCKED = "A locked entry stands in its place. Nothing was changed."
DONE = {"allow": "is allowed", "deny": "is shut out", "nogrey": "is no longer delayed"}
VERBS = ON_RULES | {"rules-import"}
_GONE = "That entry is gone already, or is not yours to remove."


def show(level: str = "account") -> Any:
    """GET /filters/senders?q=&action=&page="""
    return page(whose(level), Entry({name: _printable(request.args.get(name, "")) for name in ("what", "sender")}))


def add(level: str = "account") -> Any:
    """POST /filters/senders"""
    its = whose(level)
    if its.realm is None and not resources().settings.rules_asked:
        return page(its, Entry(), 409)
    wish = entry(its, request.form, _now())
    if wish.rule is None:
        return page(its, wish, 422)
    try:
        with policy() as engine:
            _, made = actions.add_rule(engine, its.by, wish.rule)
    except PolicyAway:
        return page(its, Entry(wish.typed, {"form": AWAY}), 503)
    except Full:
        return page(its, Entry(wish.typed, {"form": FULL}), 507)
    except Gone:
        return page(its, Entry(wish.typed, {"form": LOCKED}), 409)
    told = announced(its, made)
    flash(f"{made.value} {DONE[made.action]}, from the next message on.{told}")
    return redirect(its.url("lists"), 303)


def remove(number: int, level: str = "account") -> Any:
    """POST /filters/senders/<number>/remove"""
    its = whose(level)
    try:
        with policy() as engine:
            _, gone = actions.remove_rule(engine, its.by, its.scope, number, _now())
        flash(f"The entry about {gone.value} was removed.")
    except Gone:
        flash(_GONE, "warning")
    return redirect(its.url("lists"), 303)


def undo(number: int, level: str) -> Any:
    """POST /admin/<level>/senders/undo/<number>: takes back what an administrator did to a list or a setting."""
    its = whose(level)
    try:
        with policy() as engine:
            done = actions.undo(engine, its.by, number, _now())
        flash("Taken back: it is as it was before.")
    except Gone:
        flash("That was taken back or changed already, or is longer ago than a day. Nothing was changed.", "warning")
        return redirect(its.url("lists"), 303)
    return redirect(its.url("spam" if done.verb == "setting" else "lists"), 303)


def lately(its: Whose, engine: Any, verbs: Iterable[str], now: datetime) -> list[Action]:
    """What was done in the last day and can be taken back, the newest first."""
    if its.realm is None:
        found = actions.of_account(engine, its.me.account.id, since=now - UNDO, limit=4 * PER_PAGE)
        found = tuple(each for each in found if each.by.actor_id == its.me.account.id)
    else:
        found = actions.of_site(engine, its.site, limit=4 * PER_PAGE)
    return [each for each in found if each.verb in verbs and actions.undoable(each, now)][:LATELY]


def undo_url(its: Whose, action: Action) -> str:
    """Where that is taken back."""
    if its.realm is None:
        return url_for("blocked.undo", number=action.id)
    return its.url("lists_undo", number=action.id)


def page(its: Whose, wish: Entry, status: int = 200) -> Any:
    """The page of the lists; `wish` is what a form on it holds, and what is wrong with it."""
    now, args = _now(), request.args
    action = args.get("action", "")
    action, sought = action if action in ACTIONS else "", _printable(args.get("q", ""))
    number = max(1, args.get("page", 1, type=int) or 1)
    try:
        with policy() as engine:
            wanted: dict[str, Any] = {"sought": sought, "action": action}
            offset = min(number - 1, 10_000) * PER_PAGE
            mine = lists.page(engine, [its.scope], now, offset=offset, limit=PER_PAGE, **wanted)
            theirs = lists.page(engine, its.wider, now, limit=INHERITED, **wanted) if its.wider else Page((), 0)
            done = lately(its, engine, VERBS, now)
    except PolicyAway:
        if "form" not in wish.faults:
            raise
        mine, theirs, done = Page((), 0), Page((), 0), []
    values = {
        "mine": mine, "theirs": theirs, "sought": sought, "action": action, "number": number,
        "pages": -(-mine.total // PER_PAGE), "acted": _acted(its, [*mine.rules, *theirs.rules], now), "wish": wish,
        "done": [(each, undo_url(its, each)) for each in done], "actions": ACTIONS, "days": DAYS,
        "asked": resources().settings.rules_asked, "kinds": Kind, "forgets": resources().reputation is not None,
    }  # fmt: skip
    return its.page("lists", values, status)


def _acted(its: Whose, rules: Iterable[Rule], now: datetime) -> Mapping[int, Acted] | None:
    """How often each of them stopped something; None where the log cannot tell."""
    ids = [each.rule_id for each in rules if each.action == "deny"]
    try:
        with blocklog() as engine:
            if its.realm is None:
                return acted.of_account(engine, its.me.account.id, ids, now - LONG)
            sites = [its.site] if its.site else its.realm.sites
            return acted.of_sites(engine, sites, ids, now - SHORT)
    except LogError as error:
        logger.warning("the log does not tell how often rules acted", extra=described(error))
        return None


def _printable(text: str) -> str:
    """What somebody looks for, without what no entry holds."""
    return "".join(each for each in text if each.isprintable()).strip()[:320]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
