"""How somebody likes to write: how long sending can be undone, with formatting or without, above or below a quote.

What was not chosen is as the site has it. A value that a former version or another hand wrote is the site's, too.
"""

from dataclasses import asdict, dataclass
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from app.profile.errors import ProfileAway
from app.web.profile import keep_setting, setting
from app.web.resources import resources
from app.web.session import Current, current

SETTING = "writing"
LONGEST_UNDO = 300  # a credential waits in Redis for ten minutes at most, and the courier needs some of them
UNDO_CHOICES = (0, 5, 10, 20, 30, 60, 120, LONGEST_UNDO)
AWAY = "Your settings cannot be reached at the moment. Nothing was changed; try again in a while."


@dataclass(frozen=True, slots=True)
class Preferences:
    """`undo_seconds`: in which sending can be taken back, 0 for none · `rich`: new messages begin with formatting ·
    `above`: answers are written above what they quote."""

    undo_seconds: int
    rich: bool = False
    above: bool = True


def preferences(me: Current) -> Preferences:
    """What the account chose. Never raises: while SQL is away, what is remembered, else the site's."""
    kept = setting(me, SETTING)
    kept = kept if isinstance(kept, dict) else {}
    usual = asdict(_usual())
    return Preferences(**{name: _sound(kept.get(name), value) for name, value in usual.items()})


def _usual() -> Preferences:
    return Preferences(resources().settings.undo_seconds)


def _sound(value: Any, usual: Any) -> Any:
    """A value that was kept, where it is one of its kind."""
    if type(value) is not type(usual) or (type(value) is int and not 0 <= value <= LONGEST_UNDO):
        return usual
    return value


def edit() -> Any:
    """GET /settings/writing"""
    return _page(preferences(current()))


def save() -> Any:
    """POST /settings/writing"""
    me, form = current(), request.form
    usual = _usual()
    typed = form.get("undo_seconds", "")
    seconds = int(typed) if typed in map(str, _choices(usual.undo_seconds)) else usual.undo_seconds
    chosen = Preferences(seconds, form.get("rich") == "1", form.get("above") != "0")
    try:
        keep_setting(me, SETTING, asdict(chosen))
    except ProfileAway:
        return _page(chosen, fault=AWAY, status=503)
    flash("How you write was saved.")
    return redirect(url_for("preferences.edit"), 303)


def _choices(*more: int) -> list[int]:
    return sorted({*UNDO_CHOICES, *more})


def _page(chosen: Preferences, *, fault: str = "", status: int = 200) -> Any:
    choices = _choices(_usual().undo_seconds, chosen.undo_seconds)
    page = render_template("writing.html", chosen=chosen, choices=choices, fault=fault)
    return make_response(page, status)
