"""The form of one rule. Every button of it, also those that add a row, comes back with all that was typed.

A rule is found again by the digest of its text: where the script was changed elsewhere, both texts are shown, and the
rule goes into the script as it is now only when its owner says so.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, g, make_response, redirect, render_template, request, url_for

from app.mail.difference import Side, sides
from app.mail.errors import MailError
from app.sieve.asked import ACTION_WANTS, WANTS
from app.sieve.block import AnyRule
from app.sieve.errors import BadRule
from app.sieve.failures import BadScript, SieveError
from app.sieve.managesieve import ManageSieve
from app.sieve.needs import needs
from app.sieve.refusal import at_odds, delivers, ended, refuses
from app.sieve.rule import Rule
from app.sieve.script import Script
from app.web.filters import form as rows
from app.web.filters import kept, trying
from app.web.filters.beginning import begun
from app.web.filters.door import NoSieve, sieve
from app.web.filters.form import Typed
from app.web.filters.kept import Changed, Kept
from app.web.filters.passing import Forbidden
from app.web.filters.text import AWAY, ELSEWHERE, shown, unkept
from app.web.filters.words import ABOUT, DOES, JOINS, OPS, op_words
from app.web.mailboxes import pane
from app.web.session import Current, current, imap

_WANTS_OF = {"redirect-copy": frozenset({"copy"}), "read": ACTION_WANTS["addflag"], "flag": ACTION_WANTS["addflag"],
             "label": ACTION_WANTS["addflag"]}  # fmt: skip
_MOST_AT_ODDS = 5  # rules that are tried, too
GONE = "This rule is no longer there: it was changed or removed elsewhere. Save it to have it as a new one."
SEEN = "You have signed in again. This rule sends mail on, so look at it once more and save it."
CHANGED = "The rule is no longer the one that was tried. This is what it would match now; nothing was done yet."
LOCKED = "Rules cannot be put into the script that runs now. What you typed is still here."


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows. `number`: the rule's block, None for a new one · `was`: the digest of its text · `can`: what
    the server understands, as the form carries it · `texts`: the script with this rule, and as it is now elsewhere."""

    typed: Typed
    made: str
    can: str
    number: int | None = None
    was: str = ""
    texts: tuple[Side, Side] | None = None
    trial: trying.Trial | None = None


def new() -> Any:
    """GET /filters/rules/new?mailbox=&uidvalidity=&uid=: the latter for a rule from a message."""
    me = current()
    try:
        with sieve() as client:
            found = kept.fetched(client)
    except NoSieve:
        return redirect(url_for("filters.show"), 303)
    if not found.editable:
        flash("First say what may be done with the script that you have.", "warning")
        return redirect(url_for("filters.show"), 303)
    return _shown(Page(begun(request.args), kept.made(me, found), _can(found)))


def edit(number: int) -> Any:
    """GET /filters/rules/<number>"""
    me = current()
    try:
        with sieve() as client:
            found = kept.fetched(client)
    except NoSieve:
        return redirect(url_for("filters.show"), 303)
    blocks = found.script.blocks
    if not found.editable or number not in found.script.shown:
        flash("That rule is not there any more.", "warning")
        return redirect(url_for("filters.show"), 303)
    rule = blocks[number].rule
    if not isinstance(rule, Rule) or not rows.is_shown_whole(rule, me.zone):
        return redirect(url_for("filters.text", _anchor="text", line=blocks[number].line), 303)
    page = Page(rows.typed_of(rule), kept.made(me, found), _can(found), number, _digest(blocks[number].source))
    return _shown(page)


def add() -> Any:
    """POST /filters/rules/new"""
    return _taken(None)


def save(number: int) -> Any:
    """POST /filters/rules/<number> with `do`: save, try, apply, or a button of the form's rows."""
    return _taken(number)


def _taken(number: int | None) -> Any:
    me, form = current(), request.form
    do, typed = form.get("do", "save"), rows.typed(form)
    do = "try" if do == "apply" and "resumed" in g else do  # by signing in no message is moved
    page = Page(typed, form.get("made", ""), form.get("can", "")[:4000], number, form.get("was", "")[:64])
    if (other := rows.changed(typed, do)) is not None:
        return _shown(replace(page, typed=other))
    rule, judged = rows.rule_of(typed, me.zone)
    if rule is None:
        return _shown(replace(page, typed=judged), 422)
    if do == "try" or (do == "apply" and not trying.is_of(rule)):
        return _tried(page, rule, again=do == "apply")
    if "resumed" in g and any(action.kind == "redirect" for action in rule.actions):
        return _refused(page, SEEN, 409)
    try:
        with sieve() as client:
            return _saved(client, me, page, rule, apply=do == "apply")
    except NoSieve:
        return _refused(page, LOCKED, 409)
    except (SieveError, MailError) as error:
        return _refused(page, *unkept(error))


def _tried(page: Page, rule: Rule, *, again: bool) -> Any:
    typed = replace(page.typed, faults={"form": CHANGED}) if again else page.typed
    try:
        trial = trying.tried(rule, _at_odds(page, rule))
        return _shown(replace(page, typed=typed, trial=trial), 409 if again else 200)
    except MailError:
        return _refused(page, AWAY, 503)


def _at_odds(page: Page, rule: Rule) -> tuple[AnyRule, ...]:
    """The first rules of the script that it would clash with; none where that cannot be looked up."""
    if not (refuses(rule) or delivers(rule)):
        return ()
    with suppress(NoSieve, SieveError, MailError, BadRule), sieve() as client:
        script = kept.fetched(client).script
        at = _place(script, page)
        after = script.put(at, replace(ended(rule), enabled=True))
        own = next(one for one in reversed(after.shown) if after.blocks[one].name == rule.name)
        return at_odds(after.blocks, own)[:_MOST_AT_ODDS]
    return ()


def _saved(client: ManageSieve, me: Current, page: Page, rule: Rule, *, apply: bool) -> Any:
    found = kept.fetched(client)
    page = replace(page, can=_can(found))
    if not found.editable:
        return _refused(page, LOCKED, 409)
    if lacking := sorted(needs(rule) - found.extensions):
        return _refused(page, f"Your mail server does not know how to do that ({', '.join(lacking)}).", 422)
    at = _place(found.script, page)
    try:
        rule = ended(rule)
        after = found.script.put(at, rule)
        kept.put(client, me, found, page.made, bytes(after))
    except (BadRule, Forbidden) as error:
        return _refused(page, error.words, 422)
    except Changed:
        if at is None and rule in found.script.rules:  # sent twice, or its answer was lost
            return _done(me, rule, apply=apply)
        return _conflict(me, page, found, at, after)
    except BadScript as error:
        return _shown(_complained(page, after, at, error), 422)
    return _done(me, rule, apply=apply)


def _done(me: Current, rule: Rule, *, apply: bool) -> Any:
    trouble = trying.applied(me, rule) if apply else ""
    if trouble:
        flash(trouble, "warning")
    else:
        flash("The rule was saved." if apply else "The rule was saved. It applies to mail that comes from now on.")
    return redirect(url_for("filters.show"), 303)


def _place(script: Script, page: Page) -> int | None:
    """Where the rule that was edited stands now; None where it is new, or was changed or removed elsewhere."""
    if page.number is None:
        return None
    if page.number < len(script.blocks) and _digest(script.blocks[page.number].source) == page.was:
        return page.number
    return next((at for at in script.shown if _digest(script.blocks[at].source) == page.was), None)


def _conflict(me: Current, page: Page, found: Kept, at: int | None, after: Script) -> Any:
    texts = sides(shown(bytes(after)), shown(found.text))
    words = ELSEWHERE if at is not None or page.number is None else GONE
    faults = {**page.typed.faults, "form": words}
    typed = replace(page.typed, faults=faults)
    return _shown(replace(page, typed=typed, number=at, made=kept.made(me, found), texts=texts), 409)


def _complained(page: Page, after: Script, at: int | None, error: BadScript) -> Page:
    """What the mail server says of the rule, above it; of other parts of the script, that it is those."""
    own = at if at is not None else _added(after, page)
    said = [each.text for each in error.faults if each.line and after.at_line(each.line) == own]
    words = "The mail server does not take this rule: " if said else "The mail server does not take the script: "
    told = said or [each.text for each in error.faults[:3]] or [error.text]
    return replace(page, typed=replace(page.typed, faults={"form": words + " ".join(told)}))


def _added(after: Script, page: Page) -> int | None:
    return next((at for at in reversed(after.shown) if after.blocks[at].name == page.typed.name), None)


def _refused(page: Page, words: str, status: int) -> Any:
    return _shown(replace(page, typed=replace(page.typed, faults={"form": words})), status)


def _can(found: Kept) -> str:
    return " ".join(sorted(found.extensions))[:4000]


def _digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()


def _shown(page: Page, status: int = 200) -> Any:
    boxes: tuple[Any, ...] = ()
    with suppress(MailError), imap() as client:  # without the folders their names can be typed
        boxes = pane.folders(client, current())
    can = frozenset(page.can.split())
    used = {each.about for each in page.typed.ifs}
    doing = {each.does for each in page.typed.dos}
    abouts = [key for key in ABOUT if key in used or (key != "other" and WANTS[key] <= can)]
    does = [key for key in DOES if key in doing or (key != "other" and _wants(key) <= can)]
    return make_response(
        render_template(
            "filters/rule.html",
            page=page,
            typed=page.typed,
            abouts=[(key, ABOUT[key]) for key in abouts],
            does=[(key, DOES[key]) for key in does],
            ops=OPS,
            op_words=op_words,
            joins=JOINS,
            boxes=[box for box in boxes if box.selectable],
            zone=current().zone,
        ),
        status,
    )


def _wants(key: str) -> frozenset[str]:
    return _WANTS_OF[key] if key in _WANTS_OF else ACTION_WANTS[key]
