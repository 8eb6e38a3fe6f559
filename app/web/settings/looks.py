"""Who of the administrators looked at the account's log, and when: shown to its owner."""

from datetime import UTC, datetime, timedelta

from flask import render_template

from app.policy.actions import of_account
from app.web.policy import policy
from app.web.session import current

LOOK = "look"
KEPT = timedelta(days=90)


def show() -> str:
    """GET /settings/looks"""
    me = current()
    with policy() as engine:
        done = of_account(engine, me.account.id, since=datetime.now(UTC) - KEPT, verb=LOOK, limit=500)
    looks = [each for each in done if each.by.actor_id != me.account.id]
    return render_template("looks.html", looks=looks, zone=me.zone)
