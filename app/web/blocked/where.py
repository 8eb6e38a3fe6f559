"""Where is my mail? One search over the mailbox and the log: what reached somebody of a sender, and what did not.

Each of the two answers without the other: while one is away the page says so and tells what the other knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import render_template, request

from app.blocklog import query
from app.blocklog.codes import Outcome, Policy
from app.blocklog.errors import LogError
from app.blocklog.query import Block
from app.mail.errors import MailError, SignInRefused
from app.web.blocked import found
from app.web.blocked.asked import ACCEPTED, SHOWN, STOPPED, is_from, sender_of
from app.web.blocked.found import Folder
from app.web.blocklog import blocklog
from app.web.format import in_zone
from app.web.serving.log import described, logger
from app.web.session import Current, current

MOST = 200  # rows of the log that are looked at; beyond, the counts say "at least"


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that met the same fate for the same reason; `newest` tells both."""

    outcome: Outcome
    policy: Policy
    count: int
    newest: Block


@dataclass(frozen=True, slots=True)
class Logged:
    """What the log knows of a sender. `more`: there was more than was looked at."""

    groups: Sequence[Group]
    accepted: int
    more: bool


def where() -> str:
    """GET /where?q="""
    me, now = current(), datetime.now(UTC)
    sought = sender_of(request.args.get("q", ""))
    folders = _mailbox(me, sought) if sought else ()
    logged = _log(me, sought) if sought else None
    today = in_zone(now, me.zone).date()
    return render_template(
        "where.html",
        sought=sought,
        folders=folders,
        logged=logged,
        zone=me.zone,
        today=today,
        yesterday=today - timedelta(days=1),
    )


def _mailbox(me: Current, sought: str) -> Sequence[Folder] | None:
    """None while the mail server is away; nothing for who only forwards."""
    if me.account.server is None:
        return ()
    try:
        return found.folders(me, sought)
    except SignInRefused:
        raise
    except MailError as error:
        logger.warning("the mailbox was not searched", extra=described(error))
        return None


def _log(me: Current, sought: str) -> Logged | None:
    """None while the log is away or busy."""
    try:
        with blocklog() as engine:
            rows = query.day_page(engine, me.account.id, sender=sought, policies=SHOWN, outcomes=STOPPED, limit=MOST)
            accepted = query.recent_page(engine, me.account.id, sender=sought, outcomes=ACCEPTED, limit=MOST)
    except LogError as error:
        logger.warning("the log was not searched", extra=described(error))
        return None
    came = sum(is_from(row.sender, sought) for row in accepted)
    more = MOST in (len(rows), len(accepted))
    return Logged(grouped([row for row in rows if is_from(row.sender, sought)]), came, more)


def grouped(rows: Sequence[Block]) -> list[Group]:
    """Rows, newest first, by what became of them and why; what arrived in the end is none that was stopped."""
    groups: dict[tuple[Outcome, Policy], list[Block]] = {}
    for row in rows:
        if not (row.outcome is Outcome.delayed and row.resolved_at):
            groups.setdefault((row.outcome, row.policy), []).append(row)
    return [Group(*key, len(each), each[0]) for key, each in groups.items()]
