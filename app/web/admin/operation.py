"""For the provider's administrators: how the logs are read, and the five switches of the mail intake."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import abort, flash, redirect, request, url_for

from app.blocklog import health
from app.policy import intake
from app.policy.errors import BadValue
from app.web.admin.realm import SWITCHES, page, provider
from app.web.blocklog import blocklog
from app.web.policy import policy

LATE = timedelta(minutes=1)  # a follower looks every second or two


def logs() -> str:
    """GET /admin/logs"""
    here = provider()
    with blocklog() as engine:
        sources, odd = health.sources(engine), health.odd_lines(engine)
    paths = {each.source_id: f"{each.node}:{each.path}" for each in sources}
    return page("logs", here, sources=sources, odd=odd, paths=paths, late=datetime.now(UTC) - LATE)


def switches() -> str:
    """GET /admin/intake"""
    here = provider()
    with policy() as rules:
        every = intake.switches(rules)
    return page("intake", here, switches=every, words=SWITCHES)


def turn() -> Any:
    """POST /admin/intake: one switch."""
    here = provider()
    name, on = request.form.get("switch", ""), request.form.get("to") == "on"
    if request.form.get("to") not in ("on", "off"):
        abort(400)
    try:
        with policy() as rules:
            intake.turn(rules, here.by(), name, on, datetime.now(UTC), address=here.me.account.address)
    except BadValue:
        abort(400)
    flash(f"{SWITCHES[name][0]}: turned {'on' if on else 'off'}.")
    return redirect(url_for("admin.intake"), 303)
