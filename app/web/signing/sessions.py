"""The signed-in person's own sessions: which browsers are signed in, and how to end them."""

import hashlib
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response, make_response, redirect, render_template, request, url_for

from app.outbox.errors import OutboxAway
from app.store import session as records
from app.store.session import Listed
from app.web import session
from app.web.fault import NotYours
from app.web.resources import resources
from app.web.signing import used
from app.web.writing import copies

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A session as the page shows it. `id` names it in the form and opens nothing."""

    id: str
    device: str
    agent: str
    network: str
    created: datetime
    last_used: datetime
    kept: bool
    current: bool


def sessions() -> str:
    """GET /settings/sessions"""
    me = session.current()
    listed = records.of_account(me.redis, me.account.id, now=int(time.time()))
    shown = [_shown(each, me.digest) for each in listed]
    ordered = sorted(shown, key=lambda each: not each.current)
    return render_template("sessions.html", sessions=ordered, use=used.mine(me))


def revoke() -> Response:
    """POST /settings/sessions/revoke: ends one session, which the form names by its id."""
    me, wanted = session.current(), request.form.get("session", "")
    listed = records.of_account(me.redis, me.account.id, now=int(time.time()))
    found = [each.digest for each in listed if public_id(each.digest) == wanted]
    if not found:
        raise NotYours
    records.end(me.redis, found[0], me.account.id)
    return make_response(redirect(url_for("settings.sessions"), 303))


def sign_out_everywhere() -> Response:
    """POST /settings/sessions/everywhere: ends all sessions of the account, this one too."""
    me = session.current()
    with suppress(OutboxAway):  # mails that wait have lost their password then, by the epoch
        resources().post.forget_credentials(me.account.id)
    records.end_everywhere(me.redis, me.account.id)
    session.cookie().end()
    response = make_response(redirect(url_for("login.sign_in", why="everywhere"), 303))
    response.headers["Clear-Site-Data"] = copies.cleared(request.form)
    return response


def public_id(digest: str) -> str:
    """The name of a session on a page: from its digest, which stays inside."""
    return hashlib.sha256(f"shown {digest}".encode()).hexdigest()[:24]


def device(agent: str) -> str:
    """ "Firefox on Windows" from a User-Agent header; empty where nothing is recognised."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser, system) if part)


def _shown(listed: Listed, own: str) -> Shown:
    record = listed.record
    return Shown(
        public_id(listed.digest),
        device(record.agent),
        re.sub(r"\s+", " ", record.agent)[:120],
        record.network,
        datetime.fromtimestamp(record.created, UTC),
        datetime.fromtimestamp(listed.last_used, UTC),
        record.kept,
        listed.digest == own,
    )
