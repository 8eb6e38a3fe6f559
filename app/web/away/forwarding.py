"""Where all mail is sent on to: one address. Whoever reads it agrees first, by a code that is sent there.

A new address outside of the site asks for the password again. Nothing of this is ever completed by signing in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from app.directory import forwarding as rules
from app.directory.errors import DirectoryError
from app.directory.resolve import resolve
from app.mail.difference import Side
from app.mail.errors import MailError
from app.profile.errors import ProfileAway
from app.sieve.failures import SieveError
from app.store.throttle import TooMany
from app.web.away import agreed, listed, scripted
from app.web.away.agreed import Asked, NotSent, TooOften
from app.web.away.way import NotPut, Standing
from app.web.fault import Busy
from app.web.filters import passing
from app.web.filters.door import NoSieve
from app.web.filters.elsewhere import said
from app.web.filters.text import AWAY
from app.web.notice import announce
from app.web.resources import resources
from app.web.session import Current, current
from app.web.signing.check import Refused, proved

LOOK_UP = "The address cannot be looked up at the moment. Nothing was changed; try again in a while."
NO_POST = "The code could not be sent there. Look at the address; if it is right, try again in a while."
OFTEN = "Enough codes were sent for today. Try again tomorrow."
WRONG = "This is not the code, or it is no longer valid. After five wrong ones a new one is needed."
NEEDED = "This address is new and not your provider’s, so your password is needed."
PASSWORD = "This is not your password."
BUSY = "Your password cannot be checked at the moment. Nothing was changed; try again in a while."
OVERWHELMED = "There were too many wrong passwords. Try again in a while."


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows. `to`, `copy`: as typed, else as it stands · `asked`: a target that has not agreed yet."""

    standing: Standing
    to: str
    copy: bool
    asked: Asked | None = None
    faults: dict[str, str] = field(default_factory=dict)
    texts: tuple[Side, Side] | None = None


class Wrong(Exception):
    """What was typed does not do; `where` is its field."""

    def __init__(self, where: str, words: str, status: int = 422) -> None:
        super().__init__(words)
        self.where, self.words, self.status = where, words, status


def show() -> Any:
    """GET /forwarding"""
    me = current()
    try:
        now = _way(me).standing(me)
    except NoSieve:
        return make_response(render_template("away/none.html", what="forwarding.show", **said(me)))
    if now.closed is not None:
        html = render_template("away/closed.html", what="forwarding.show", kept=now.closed, parts=now.others)
        return make_response(html)
    return _shown(_page(me, now))


def save() -> Any:
    """POST /forwarding with `to`, `copy`, `made`, and `do`: save, again, cancel, forget; confirm, agree with `code`."""
    me, form = current(), request.form
    to, copy, do = form.get("to", "")[:400].strip(), form.get("copy") == "1", form.get("do", "save")
    try:
        done = _DOES.get(do, _saved)(me, to, copy)
    except NoSieve:
        return redirect(url_for("forwarding.show"), 303)
    except Wrong as error:
        return _refused(me, to, copy, {error.where: error.words}, error.status)
    except NotPut as error:
        return _refused(me, to, copy, {"form": error.words}, error.status, error.texts)
    except (DirectoryError, ProfileAway):
        return _refused(me, to, copy, {"form": LOOK_UP}, 503)
    flash(done)
    return redirect(url_for("forwarding.show"), 303)


def _saved(me: Current, to: str, copy: bool) -> str:
    way, now = _open(me)
    target = _target(to)
    if not target:
        _put(me, way, "", copy)
        return "Your mail is not sent on." if now.targets else "Nothing was changed: your mail is not sent on."
    outside = _checked(me, target)
    if target not in (*now.targets, *agreed.agreed(me)):
        if outside:
            _prove(me, request.form.get("password", ""))
        return _asked(me, target, copy)
    return _begun(me, way, now, target, copy, outside)


def _confirmed(me: Current, to: str, copy: bool) -> str:
    way, now = _open(me)
    target, outside = _agreeing(me, to)
    return _begun(me, way, now, target, copy, outside)


def _for_filters(me: Current, to: str, _copy: bool) -> str:
    return f"{_agreeing(me, to)[0]} agreed. Your filters may send mail there."


def _agreeing(me: Current, to: str) -> tuple[str, bool]:
    """The target, whose code was typed, and whether it is outside of the site. Raises Wrong."""
    target = _target(to)
    outside = _checked(me, target)
    if not target or not agreed.agree(me, target, request.form.get("code", "")[:40]):
        raise Wrong("code", WRONG)
    return target, outside


def _again(me: Current, to: str, copy: bool) -> str:
    found = agreed.asked(me)
    if found is None or found.target != _target(to):
        raise Wrong("form", "Type the address once more.")
    _checked(me, found.target)
    return _asked(me, found.target, copy)


def _cancelled(me: Current, _to: str, _copy: bool) -> str:
    agreed.cancel(me)
    return "Nothing was changed."


def _forgotten(me: Current, to: str, _copy: bool) -> str:
    if to in _open(me)[1].targets:
        raise Wrong("form", "Your mail is sent on there. End that first.")
    agreed.forget(me, to)
    return f"{to} has to agree again before your mail is sent on there."


_DOES: dict[str, Callable[[Current, str, bool], str]] = {
    "confirm": _confirmed, "agree": _for_filters, "again": _again, "cancel": _cancelled, "forget": _forgotten,
}  # fmt: skip


def _way(me: Current) -> ModuleType:
    """Who forwards an account's mail: one of the two, never both. Raises DirectoryError."""
    return listed if listed.owns(me) else scripted


def _open(me: Current) -> tuple[ModuleType, Standing]:
    """The way, and how it stands where it may be changed. Raises NotPut, NoSieve, DirectoryError."""
    way = _way(me)
    try:
        now = way.standing(me)
    except (SieveError, MailError):
        raise NotPut(AWAY, 503) from None
    if now.closed is not None or now.fixed:
        raise NotPut(now.fixed or scripted.LOCKED, 409)
    return way, now


def _target(text: str) -> str:
    """Raises Wrong."""
    try:
        found = rules.targets_of(text)
    except ValueError as error:
        raise Wrong("to", str(error)) from None
    if len(found) > 1:
        raise Wrong("to", "One address only.")
    return found[0] if found else ""


def _checked(me: Current, target: str) -> bool:
    """Whether it is outside of the site. Raises Wrong where mail may not or should not go there; DirectoryError."""
    directory, site = resources().directory, me.account.site
    if directory.query is not None or not site.isdecimal() or not me.account.id.isdecimal():
        found = resolve(directory, target)
        if target == me.account.address or (found is not None and found.id == me.account.id):
            raise Wrong("to", f"{target} leads back here.")
        return found is None or found.site != site
    if wrong := rules.problems(directory, site, [target], account_id=me.account.id):
        raise Wrong("to", " ".join(wrong))
    return bool(rules.outside(directory, site, [target]))


def _prove(me: Current, password: str) -> None:
    """Raises Wrong."""
    if not password:
        raise Wrong("password", NEEDED)
    try:
        proved(me, password)
    except Refused:
        raise Wrong("password", PASSWORD) from None
    except TooMany:
        raise Wrong("password", OVERWHELMED, 429) from None
    except (Busy, MailError, DirectoryError):
        raise Wrong("password", BUSY, 503) from None


def _asked(me: Current, target: str, copy: bool) -> str:
    try:
        agreed.ask(me, target, copy=copy)
    except NotSent:
        raise Wrong("to", NO_POST, 502) from None
    except TooOften:
        raise Wrong("to", OFTEN, 429) from None
    return "The code is on its way."


def _begun(me: Current, way: ModuleType, now: Standing, target: str, copy: bool, outside: bool) -> str:
    """Mail is sent on from now on. Its owner is told by mail where that is new and leaves the site: of what a script
    does by whoever puts it there (kept.py)."""
    _put(me, way, target, copy)
    if way is listed and outside and target not in now.targets:
        announce.forwarding(me.account, [target], datetime.now(UTC), former=now.targets)
    return f"Saved. {_state(replace(now, targets=(target,), copy=copy if now.chooses else now.copy))}"


def _put(me: Current, way: ModuleType, target: str, copy: bool) -> None:
    made = request.form.get("made", "")
    if way is listed:
        listed.put(me, target, made=made)
    else:
        scripted.put(me, target, copy=copy, made=made)


def _state(now: Standing) -> str:
    """Where mail goes, in words."""
    if not now.targets:
        return "Your mail is not sent on."
    stays = "a copy stays here" if now.copy else "nothing stays here"
    return f"Your mail is sent on to {', '.join(now.targets)}; {stays}."


def _page(me: Current, now: Standing) -> Page:
    return Page(now, now.target, now.copy, agreed.asked(me))


def _refused(
    me: Current, to: str, copy: bool, faults: dict[str, str], status: int, texts: tuple[Side, Side] | None = None
) -> Any:
    try:
        now = _way(me).standing(me)
    except (NoSieve, DirectoryError, MailError, SieveError):
        now = Standing((), copy, request.form.get("made", ""))
    return _shown(Page(now, to, copy, agreed.asked(me), faults, texts), status)


def _shown(page: Page, status: int = 200) -> Any:
    me = current()
    now = page.standing
    values = {"banned": sorted(passing.banned(me, now.targets)), "agreed": agreed.agreed(me)}
    html = render_template("away/forwarding.html", page=page, now=now, state=_state(now), **values)
    return make_response(html, status)
