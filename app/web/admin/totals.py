"""Of a site, or of all: totals by policy and hour, unknown recipients, and what was stopped of a sender's domain."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import request

from app.blocklog import query
from app.blocklog import totals as numbers
from app.blocklog.reason import POLICIES
from app.blocklog.totals import Total
from app.policy.actions import all_recorded
from app.web.admin.realm import Realm, page, realm
from app.web.blocked.asked import sender_text
from app.web.blocklog import blocklog
from app.web.format import in_zone
from app.web.policy import policy
from app.web.settings.looks import LOOK

DAY = timedelta(days=1)
PERIODS = {"1": DAY, "7": 7 * DAY}


@dataclass(frozen=True, slots=True)
class Hour:
    """What was stopped in one hour, with the number as a part of the largest, in hundredths."""

    at: datetime
    number: int
    width: int


@dataclass(frozen=True, slots=True)
class Line:
    """What was stopped by one policy."""

    label: str
    number: int
    width: int


def show() -> str:
    """GET /admin/totals?site=&days="""
    here, now = realm(), datetime.now(UTC)
    days = request.args.get("days", "")
    days = days if days in PERIODS else "1"
    with blocklog() as engine:
        found = numbers.site_hours(engine, here.sites, now - PERIODS[days], now + DAY)
    return page(
        "totals",
        here,
        days=days,
        lines=lines(found),
        hours=hours(found, here.me.zone),
        total=sum(each.number for each in found),
    )


def lines(found: tuple[Total, ...]) -> list[Line]:
    """By policy, the most first."""
    counted: Counter[str] = Counter()
    for each in found:
        counted[POLICIES[each.policy]] += each.number
    most = max(counted.values(), default=1)
    return [Line(label, number, round(100 * number / most)) for label, number in counted.most_common()]


def hours(found: tuple[Total, ...], zone: object) -> list[Hour]:
    """By hour of the administrator's clock, the newest first."""
    counted: Counter[datetime] = Counter()
    for each in found:
        counted[in_zone(each.at, zone).replace(minute=0)] += each.number  # type: ignore[arg-type]
    most = max(counted.values(), default=1)
    return [Hour(at, number, round(100 * number / most)) for at, number in sorted(counted.items(), reverse=True)]


def unknown() -> str:
    """GET /admin/unknown?site=&days="""
    here, now = realm(), datetime.now(UTC)
    days = request.args.get("days", "")
    days = days if days in PERIODS else "1"
    with blocklog() as engine:
        rows = numbers.unknown(engine, here.sites, now - PERIODS[days])
    return page("unknown", here, days=days, rows=rows)


def senders() -> str:
    """GET /admin/senders?site=&q=: the newest rows of a sender's domain."""
    here = realm()
    domain = sender_text(request.args.get("q", "")).rpartition("@")[2]
    rows: tuple[query.Block, ...] = ()
    if domain:
        with blocklog() as engine:
            sites = None if here.site is None else [here.site]
            rows = query.from_domain(engine, domain, sites=sites)
        _looked(here, rows, domain)
    return page("senders", here, domain=domain, rows=rows)


def _looked(here: Realm, rows: tuple[query.Block, ...], domain: str) -> None:
    """A look at each account that a row is of: written down before it is shown, for its owner to read."""
    seen = {row.account_id: row for row in rows if row.account_id and row.account_id != here.me.account.id}
    detail = {"address": here.me.account.address, "senders": domain[:253]}
    looks = [(here.by(account_id=each, site=row.site), row.rcpt, detail) for each, row in seen.items()]
    if looks:
        with policy() as engine:
            all_recorded(engine, looks, LOOK, datetime.now(UTC))
