"""The list of rules, in the order in which they run: on and off, up and down, away; and what stands beside it.

A script that somebody wrote by hand is shown, and left alone until its owner says what may be done with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from app.sieve.block import Block
from app.sieve.effect import running
from app.sieve.errors import BadRule
from app.sieve.failures import BadScript, OverQuota
from app.sieve.refusal import Clash, clashes
from app.sieve.rule import Rule
from app.sieve.script import Script
from app.web.filters import kept, passing
from app.web.filters.door import NoSieve, sieve
from app.web.filters.elsewhere import said
from app.web.filters.kept import Changed, Kept
from app.web.filters.passing import Forbidden
from app.web.filters.words import sentence
from app.web.mailboxes import undo
from app.web.session import Current, current

MOVED_ON = "The rules have changed since the page was shown. This is how they are now; nothing more was changed."
MOST = 600  # rows of the list: our rules are 500 at most, a megabyte of somebody's own may be 170,000 commands
_LINES = 12  # of a text of somebody's own that are shown in the list


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the list. `at`: its block · `lines`: a rule in words, or the beginning of a text · `clash`: of a rule
    that refuses, what would have it fail, in words, what mends it, and that in words · `banned`: where it sends mail on
    though the provider no longer allows it."""

    at: int
    kind: str
    name: str
    enabled: bool | None
    lines: tuple[tuple[str, str], ...]
    line: int
    first: bool = False
    last: bool = False
    clash: tuple[str, str, str] = ("", "", "")
    banned: tuple[str, ...] = ()


def show() -> Any:
    """GET /filters"""
    try:
        with sieve() as client:
            return _page(kept.fetched(client))
    except NoSieve:
        return make_response(render_template("filters/none.html", **said(current())))


def change() -> Any:
    """POST /filters with `do` (on-3, off-3, up-3, down-3, refuse-3, remove-3) and `made`."""
    me = current()
    action, _, told = request.form.get("do", "").partition("-")
    number = int(told) if told.isascii() and told.isdecimal() and len(told) < 6 else -1
    with sieve() as client:
        found = kept.fetched(client)
        try:
            after = _after(found, action, number)
            kept.put(client, me, found, request.form.get("made", ""), bytes(after))
        except Changed:
            flash(MOVED_ON, "warning")
        except Forbidden as error:
            flash(f"{error.words} Nothing was changed.", "error")
        except (BadRule, IndexError):
            stale = not kept.is_made_from(me, found, request.form.get("made", ""))
            flash(MOVED_ON if stale else "That cannot be done with this rule. Nothing was changed.", "warning")
        except OverQuota:
            flash("There is no room for the rules on the mail server. Nothing was changed.", "error")
        except BadScript:
            flash("The mail server does not take the rules like this. Nothing was changed.", "error")
        else:
            flash({"on": "The rule is on.", "off": "The rule is off."}.get(action, "The rules were changed."))
    return redirect(url_for("filters.show"), 303)


def _after(found: Kept, action: str, number: int) -> Script:
    """Raises BadRule, IndexError."""
    script = found.script
    if not found.editable or number not in script.shown:
        raise IndexError(number)
    if action in ("on", "off"):
        return script.switch(number, action == "on")
    if action in ("up", "down"):
        return script.move(number, -1 if action == "up" else 1)
    if action == "refuse" and (clash := clashes(script.blocks).get(number)) is not None:
        return script.refuse_first(number, min(clash.above, default=None))
    if action == "remove":
        return script.remove(number)
    raise IndexError(action)


def consent() -> Any:
    """POST /filters/consent with `way` (adopt, first, last) and `made`: what may be done with a script of one's own."""
    me, way = current(), request.form.get("way", "")
    with sieve() as client:
        found = kept.fetched(client)
        given = request.form.get("made", "")
        try:
            if way == "adopt" and may_adopt(found):
                kept.as_ours(client, me, found, given)
                flash("Your script stays as it is; rules that you add stand beside it.")
            elif way in ("first", "last") and may_include(found):
                kept.beside(client, me, found, given, ours_first=way == "first")
                flash("Your script stays as it is; the rules that you add are kept in another one.")
            else:
                flash("That cannot be done with this script. Nothing was changed.", "warning")
        except Changed:
            flash(MOVED_ON, "warning")
        except Forbidden as error:
            flash(f"{error.words} Nothing was changed.", "error")
        except OverQuota:
            flash("There is no room for a copy of your script on the mail server. Nothing was changed.", "error")
        except (BadScript, BadRule):
            flash("The mail server does not take it so. Your script is as it was.", "error")
    return redirect(url_for("filters.show"), 303)


def may_include(found: Kept) -> bool:
    """Whether the server can run two scripts one after the other."""
    return may_adopt(found) and "include" in found.extensions and found.name not in (kept.OWN, kept.ORDER)


def may_adopt(found: Kept) -> bool:
    """Whether there is a script by hand that rules could be put into."""
    return not found.editable and not found.foreign_owner and found.script.broken is None


def _page(found: Kept) -> Any:
    return make_response(
        render_template(
            "filters/rules.html",
            kept=found,
            made=kept.made(current(), found),
            rows=list(_told(current(), found)),
            more=len(found.script.shown) > MOST,
            may_include=may_include(found),
            undo=undo.offered(),
            text=found.text.decode("utf-8", "replace")[:20_000],
        )
    )


def rows(script: Script) -> Iterator[Shown]:
    """The blocks of a script that people see, in their order."""
    shown = script.shown
    for place, at in enumerate(shown[:MOST]):
        block = script.blocks[at]
        enabled = block.rule.enabled if block.rule is not None else None
        yield Shown(
            at, block.kind, block.name, enabled, tuple(_lines(block)), block.line, place == 0, place == len(shown) - 1
        )


def _told(me: Current, found: Kept) -> Iterator[Shown]:
    """The rows, with what is wrong with them."""
    blocks = found.script.blocks
    at_odds = clashes(blocks)
    sent = {part.block.line: part.targets for part in running([found.script])} if found.scripts.active else {}
    forbidden = passing.banned(me, frozenset[str]().union(*sent.values()))
    for row in rows(found.script):
        clash = at_odds.get(row.at)
        words = _odds(blocks, clash) if clash else ""
        banned = tuple(sorted(sent.get(row.line, frozenset()) & forbidden))
        mends = "Move it up" if clash and clash.above else "Run no further rules after it"
        yield replace(row, clash=(words, f"refuse-{row.at}", mends), banned=banned)


def _odds(blocks: Sequence[Block], clash: Clash) -> str:
    """That a rule does not refuse what others have dealt with."""
    places = (*clash.above, *clash.below)
    called = [f"“{blocks[at].name}”" if blocks[at].name else "your own rule (text)" for at in places[:3]]
    more = [f"{len(places) - 3} more"] if len(places) > 3 else []
    listed = " or ".join([*called, *more])
    return (
        f"If {listed} matches the same message, it is not refused: the mail server cannot do both, so it runs none of"
        " these rules and leaves the message in your inbox."
    )


def _lines(block: Block) -> Iterator[tuple[str, str]]:
    if isinstance(block.rule, Rule):
        yield from sentence(block.rule)
        return
    for line in block.source.decode("utf-8", "replace").strip().splitlines()[:_LINES]:
        yield "text", line[:200]
