"""How often somebody gets a digest; and what its links open: a page that asks, and does one thing once when told to.

A link needs no session: who has the mail may do what it says. Looking (GET) does nothing: programs look at links, too.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for

from app.blocklog import query
from app.blocklog.query import Block
from app.courier.letter import set_up
from app.directory import resolve
from app.directory.account import Account
from app.policy import actions
from app.policy.actions import By
from app.policy.errors import Full, Gone, PolicyAway
from app.policy.release import NotReleased, QuarantineAway
from app.policy.rule import Rule, account_scope
from app.policy.value import Kind
from app.profile import once
from app.profile import settings as kept
from app.profile.errors import ProfileAway
from app.web.blocked.asked import place_text
from app.web.blocked.kept import NOT_ASKED, NOT_GIVEN, DoneAlready, let_out
from app.web.blocked.remedies import decided, offered, own_domains
from app.web.blocked.situation import Situation
from app.web.blocklog import blocklog
from app.web.digest import link as links
from app.web.digest.due import SENT, SETTING, Wish, sent, wish
from app.web.digest.link import LASTS, Expired, Link
from app.web.policy import policy
from app.web.profile import keep_setting, profile, setting
from app.web.resources import resources
from app.web.session import client_address, current

AWAY = "Your settings cannot be reached at the moment. Nothing was changed; try again in a while."
DAYS = 365  # that a rule from a link holds


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that holds: whose, about which row, and what may be done now."""

    link: Link
    account: Account
    row: Block
    now: Situation
    used: bool

    @property
    def offered(self) -> bool:
        """Whether it would still do something."""
        return not self.used and self.link.action in self.now.offers and self.now.doubt is None

    @property
    def about(self) -> tuple[Kind, str]:
        """What its rule is about."""
        whole = self.now.first == "domain"
        return (Kind.domain, self.now.domain) if whole else (Kind.sender, self.now.address)


def edit() -> Any:
    """GET /settings/digest"""
    return _choice(wish(setting(current(), SETTING)))


def save() -> Any:
    """POST /settings/digest. The first one begins now, not with what is long known."""
    me, every = current(), request.form.get("every", "")
    chosen = wish({"every": every, "address": me.account.address})
    if chosen is None and every != "off":
        abort(400)
    try:
        before = wish(setting(me, SETTING))
        if chosen is not None and (before is None or before.every != chosen.every):
            with profile() as engine:
                kept.write(engine, me.account.id, SENT, sent(chosen.every, datetime.now(UTC), me.zone))
        keep_setting(me, SETTING, None if chosen is None else chosen.kept())
    except ProfileAway:
        return _choice(chosen, AWAY, 503)
    flash("You get no digest any more." if chosen is None else f"You get a digest {chosen.every} from now on.")
    return redirect(url_for("blocked.digest"), 303)


def ask(token: str) -> Any:
    """GET /digest/<token>: says what the link would do. Nothing is done."""
    return _asked(token)


def act(token: str) -> Any:
    """POST /digest/<token>: does it, unless it was done before."""
    found = _opened(token)
    if isinstance(found, Expired):
        return _over()
    if not found.offered:
        return _page(token, found)
    try:
        fault = _release(found) if found.link.action == "release" else _rule(found)
    except DoneAlready:
        return _page(token, replace(found, used=True))
    return _page(token, found, fault=fault, done=not fault)


def _rule(found: Opened) -> str:
    kind, value = found.about
    now = datetime.now(UTC).replace(microsecond=0)
    rule = Rule(
        account_scope(found.account.id), found.link.action, kind, value, now,
        created_by=found.account.id, expires_at=now + timedelta(days=DAYS),
    )  # fmt: skip
    with profile() as engine:
        if not once.claim(engine, found.account.id, f"link {found.link.mark}", now):
            raise DoneAlready(found.link.mark)
    try:
        with policy() as engine:
            actions.add_rule(engine, _by(found), rule, _detail(found))
    except (Full, Gone, PolicyAway) as error:
        with suppress(ProfileAway), profile() as engine:
            once.give_back(engine, found.account.id, f"link {found.link.mark}", now)
        if isinstance(error, PolicyAway):
            raise
        return "There is no room for this rule, or one of your provider’s stands in its place. Nothing was changed."
    with suppress(ProfileAway), profile() as engine:
        once.done(engine, found.account.id, f"link {found.link.mark}", now, LASTS)
    return ""


def _release(found: Opened) -> str:
    try:
        let_out(found.account, found.row, _by(found), _detail(found))
    except DoneAlready:
        raise
    except NotReleased as error:
        return NOT_ASKED if isinstance(error, QuarantineAway) else NOT_GIVEN
    return ""


def _by(found: Opened) -> By:
    return By(found.account.id, found.account.id, found.account.site, client_address())


def _detail(found: Opened) -> dict[str, Any]:
    return {"row": place_text(*found.row.place), "link": found.link.mark}


def _opened(token: str) -> Opened | Expired:
    """404 for what is no link of ours, whose account is gone, or whose row is."""
    held, now = resources(), datetime.now(UTC)
    try:
        link = links.opened(held.ring, token, now)
    except Expired as error:
        return error
    except ValueError:
        abort(404)
    account = resolve.refresh(held.directory, Account(link.account_id, link.address, ""))
    if account is None:
        abort(404)
    with blocklog() as log:
        row = query.one(log, account.id, link.blocked_at, link.id)
    if row is None:
        abort(404)
    with policy() as engine:
        decision = decided(engine, account, row, now)
        latest = actions.of_account(engine, account.id, since=now - LASTS, limit=1000)
    used = any(each.detail.get("link") == link.mark for each in latest)
    return Opened(link, account, row, offered(account, row, decision, own_domains(account)), used)


def _asked(token: str) -> Any:
    found = _opened(token)
    return _over() if isinstance(found, Expired) else _page(token, found)


def _page(token: str, found: Opened, *, fault: str = "", done: bool = False) -> Response:
    status = 409 if fault else 200
    page = render_template("link.html", token=token, found=found, fault=fault, done=done)
    return make_response(page, status)


def _over() -> Response:
    return make_response(render_template("link.html", token="", found=None, fault="", done=False), 410)


def _choice(chosen: Wish | None, fault: str = "", status: int = 200) -> Response:
    settings = resources().settings
    page = render_template("digest.html", chosen=chosen, may=set_up(settings), sender=settings.notice_from, fault=fault)
    return make_response(page, status)
