"""The lists of the log: mail that was stopped, and mail that was accepted, newest first, by day; and one row's page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any

from flask import abort, redirect, render_template, request, url_for

from app.blocklog import query
from app.blocklog.codes import Accepted, Stage
from app.blocklog.reason import OUTCOMES, POLICIES
from app.web.blocked.asked import ACCEPTED, SHOWN, STOPPED, Asked, asked_of, place_of
from app.web.blocked.chart import chart
from app.web.blocked.hidden import hidden
from app.web.blocked.remedies import Remedies, remedies
from app.web.blocklog import blocklog
from app.web.format import in_zone
from app.web.mailboxes import pane, stopped
from app.web.session import Current, current

PER_PAGE = 50
ARRIVALS: dict[Accepted, str] = {
    Accepted.inbox: "Delivered",
    Accepted.junk: "Put into spam",
    Accepted.forwarded: "Forwarded",
}

STAGES: dict[Stage, str] = {
    Stage.connect: "As their server connected",
    Stage.helo: "As their server gave its name",
    Stage.mail: "As the sender was named",
    Stage.rcpt: "As you were named as the recipient",
    Stage.data: "Before the message itself was sent",
    Stage.end_of_message: "After the whole message was sent",
    Stage.after_acceptance: "After it was accepted",
}
# Where people ask a block list why a server is on it: by the ends of the names that mail servers ask.
LOOKUPS = {
    "spamhaus.org": "https://check.spamhaus.org/",
    "spamcop.net": "https://www.spamcop.net/bl.shtml",
    "barracudacentral.org": "https://www.barracudacentral.org/lookups",
    "mailspike.net": "https://mailspike.io/ip_verify",
}


@dataclass(frozen=True, slots=True)
class Day:
    """The rows of one day in the user's zone."""

    date: date
    rows: Sequence[Any]


def show() -> Any:
    """GET /blocked?q=&policy=&outcome=&since=&until=&before="""
    me, now = current(), datetime.now(UTC)
    asked = asked_of(request.args, STOPPED)
    left_out = () if asked.sender else hidden(me)
    wish = stopped_wish(asked, me.zone)
    with blocklog() as engine:
        rows = query.day_page(engine, me.account.id, limit=PER_PAGE + 1, without=left_out, **wish)
        drawn = chart(engine, me.account.id, now, me.zone) if asked.newest else None
    if asked.after and len(rows) <= PER_PAGE:
        return redirect(url_for("blocked.show", **asked.link(after=None)), 303)
    shown = _page(asked, rows)
    return render_template(
        "blocked.html",
        days=_by_day(shown, _blocked_at, me.zone),
        chart=drawn,
        marked=_visited(me, now, rows[0].blocked_at if rows and asked.newest else None),
        policies=[(each, POLICIES[each]) for each in SHOWN],
        outcomes=[(each, OUTCOMES[each]) for each in STOPPED],
        hidden=len(left_out),
        **_around(me, asked, now, shown, more=len(rows) > PER_PAGE),
    )


def received() -> Any:
    """GET /received?q=&outcome=&since=&until=&before="""
    me, now = current(), datetime.now(UTC)
    asked = asked_of(request.args, ACCEPTED)
    with blocklog() as engine:
        rows = query.recent_page(engine, me.account.id, limit=PER_PAGE + 1, **accepted_wish(asked, me.zone))
    if asked.after and len(rows) <= PER_PAGE:
        return redirect(url_for("received.show", **asked.link(after=None)), 303)
    shown = _page(asked, rows)
    return render_template(
        "received.html",
        days=_by_day(shown, _received_at, me.zone),
        outcomes=list(ARRIVALS.items()),
        **_around(me, asked, now, shown, more=len(rows) > PER_PAGE),
    )


def one(row: str) -> str:
    """GET /blocked/<time>-<id>: all that is known of one row of the account's, and never of another's."""
    me, place = current(), place_of(row)
    if place is None:
        abort(404)
    with blocklog() as engine:
        found = query.one(engine, me.account.id, *place)
    if found is None:
        abort(404)
    return shown(me, found, remedies(me, found))


def shown(me: Current, row: query.Block, can: Remedies) -> str:
    """The page of one row, with what can be done about it."""
    return render_template(
        "block.html", row=row, zone=me.zone, stage=STAGES.get(row.stage), lookup=_lookup(row.detail), can=can
    )


def stopped_wish(asked: Asked, zone: tzinfo) -> dict[str, Any]:
    """What query.day_page is asked: never for what is not a user's to see."""
    return {
        "sender": asked.sender,
        "policies": asked.policies or SHOWN,
        "outcomes": asked.outcomes or STOPPED,
        "before": asked.before,
        "after": asked.after,
        "rule": asked.rule,
        **asked.bounds(zone),
    }


def accepted_wish(asked: Asked, zone: tzinfo) -> dict[str, Any]:
    """The same for query.recent_page: not what the account sent."""
    return {
        "sender": asked.sender,
        "outcomes": asked.outcomes or ACCEPTED,
        "before": asked.before,
        "after": asked.after,
        **asked.bounds(zone),
    }


def _blocked_at(row: Any) -> datetime:
    found: datetime = row.blocked_at
    return found


def _received_at(row: Any) -> datetime:
    found: datetime = row.received_at
    return found


def _by_day(rows: Sequence[Any], at: Callable[[Any], datetime], zone: tzinfo) -> list[Day]:
    return [Day(day, list(each)) for day, each in groupby(rows, key=lambda row: in_zone(at(row), zone).date())]


def _page(asked: Asked, rows: Sequence[Any]) -> Sequence[Any]:
    """The rows without the one more that tells whether there are further pages: at the far end from where one came."""
    return rows[-PER_PAGE:] if asked.after else rows[:PER_PAGE]


def _lookup(detail: str | None) -> str | None:
    name = (detail or "").lower()
    return next((url for end, url in LOOKUPS.items() if name == end or name.endswith(f".{end}")), None)


def _visited(me: Current, now: datetime, newest: datetime | None) -> datetime:
    """Since when rows are new. Who was led here by another site has not looked, as with messages."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return now
    marked, gone = stopped.visited(me, now, newest=newest)
    if gone:
        pane.drop(me)
    return marked


def _around(me: Current, asked: Asked, now: datetime, shown: Sequence[Any], *, more: bool) -> dict[str, Any]:
    """What both lists have around their rows; links to older and newer pages where there are any. Where one came from
    there is one."""
    older, newer = more or asked.after, asked.before or (more and asked.after)
    today = in_zone(now, me.zone).date()
    return {
        "asked": asked,
        "older": asked.link(before=shown[-1].place, after=None) if shown and older else None,
        "newer": asked.link(before=None, after=shown[0].place) if shown and newer else None,
        "zone": me.zone,
        "today": today,
        "yesterday": today - timedelta(days=1),
    }
