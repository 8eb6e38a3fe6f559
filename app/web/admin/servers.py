"""For the provider's administrators: sending servers as the logs know them, and those that are shut out."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import flash, redirect, request, url_for
from sqlalchemy import Engine

from app.blocklog import columns
from app.blocklog.hosts import ORDERS, hosts
from app.blocklog.reason import cleaned
from app.policy import hosts as blocks
from app.policy.errors import BadValue, Gone
from app.web.admin.realm import page, provider
from app.web.blocklog import blocklog
from app.web.policy import policy

DAY = timedelta(days=1)
_NO_IP = re.compile(r"[^0-9a-f:.]")
TIMES = {"1": "a day", "7": "a week", "30": "a month", "365": "a year"}


def show() -> str:
    """GET /admin/servers?ip=&sort="""
    return _page({})


def _page(faults: dict[str, str]) -> str:
    here, now = provider(), datetime.now(UTC)
    order = request.args.get("sort", "")
    order = order if order in ORDERS else "last"
    ip = _NO_IP.sub("", request.args.get("ip", "").lower())[:45]
    with policy() as rules:
        shut = blocks.blocks(rules, now)
    with blocklog() as engine:
        rows = hosts(engine, now - 7 * DAY, ip=ip, order=order)
    typed = {name: request.form.get(name, "") for name in ("ip", "reason", "days")}
    return page("servers", here, rows=rows, order=order, ip=ip, shut=shut, times=TIMES, faults=faults, typed=typed,
                shut_out={columns.server(each.ip) for each in shut})  # fmt: skip


def shut_out() -> Any:
    """POST /admin/servers: nobody takes mail from a server for a time."""
    here, now = provider(), datetime.now(UTC)
    reason = cleaned(request.form.get("reason", ""))
    if not reason:
        return _page({"reason": "Say why: whoever wonders later reads it."}), 422
    try:
        with policy() as rules:
            ip = blocks.block(rules, here.by(), request.form.get("ip", ""), reason, now, now + _time())
    except BadValue as error:
        return _page({"ip": f"This cannot be shut out: {error}."}), 422
    flash(f"{ip} is shut out.")
    return redirect(url_for("admin.servers"), 303)


def lengthen() -> Any:
    """POST /admin/servers/lengthen"""
    here, now = provider(), datetime.now(UTC)
    return _done(lambda rules, ip: blocks.extend(rules, here.by(), ip, now, now + _time()), "is shut out for longer")


def let_in() -> Any:
    """POST /admin/servers/let-in"""
    here = provider()
    return _done(lambda rules, ip: blocks.remove(rules, here.by(), ip, datetime.now(UTC)), "may send again")


def _done(change: Callable[[Engine, str], None], words: str) -> Any:
    ip = _NO_IP.sub("", request.form.get("ip", "").lower())[:45]
    try:
        with policy() as rules:
            change(rules, ip)
        flash(f"{ip} {words}.")
    except Gone:
        flash("That server is not shut out any more.", "warning")
    return redirect(url_for("admin.servers"), 303)


def _time() -> timedelta:
    days = request.form.get("days", "")
    return int(days if days in TIMES else "30") * DAY
