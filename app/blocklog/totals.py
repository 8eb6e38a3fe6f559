"""How much was stopped and accepted: of an account and of sites, by account, by policy and quarter of an hour.

These statements read indexes and no rows; tests read their plans. Counts are of sums of hundreds of thousands of rows,
so each is one statement. Quarters of an hour, because some time zones lie half an hour or three quarters apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Engine, Select, and_, case, cast, extract, func, select, text

from app.blocklog.asking import asking
from app.blocklog.codes import ADMINS_ONLY, Accepted, Outcome, Policy, code
from app.blocklog.tables import BlockRow, RecentRow

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
QUARTER: Final = 900  # seconds
BLOCKS: Final[Any] = BlockRow.__table__.c
RECENT: Final[Any] = RecentRow.__table__.c


class Traffic(NamedTuple):
    """What was stopped and what came in, in the last 24 hours and in the last hour. Delayed mail is neither, nor is
    what the mail system's own faults kept out."""

    blocked_day: int = 0
    blocked_hour: int = 0
    accepted_day: int = 0
    accepted_hour: int = 0


@dataclass(frozen=True, slots=True)
class Total:
    """So many rows of a policy, in the quarter of an hour that begins `at`."""

    at: datetime
    policy: Policy
    number: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A recipient that nobody has, and how often it was tried."""

    rcpt: str
    times: int
    last_at: datetime


def by_account(engine: Engine, site: str, now: datetime) -> Mapping[str, Traffic]:
    """The traffic of each account of a site that had any. Raises LogBusy, LogAway."""
    return _traffic(engine, now, "account_id", site=site)


def by_site(engine: Engine, sites: Collection[str], now: datetime) -> Mapping[str, Traffic]:
    """The traffic of each of these sites that had any. Raises LogBusy, LogAway."""
    return _traffic(engine, now, "site", sites=sites)


def hours(engine: Engine, account_id: str, since: datetime, until: datetime) -> tuple[Total, ...]:
    """When what was stopped of an account's mail, the oldest first, as its owner may know. Raises LogBusy, LogAway."""
    return _quarters(engine, BLOCKS.account_id == account_id, BLOCKS.policy.not_in(sorted(ADMINS_ONLY)), since, until)


def site_hours(engine: Engine, sites: Collection[str], since: datetime, until: datetime) -> tuple[Total, ...]:
    """When what was stopped of the mail of these sites, the oldest first, with what is for admins only."""
    return _quarters(engine, BLOCKS.site.in_(sorted(sites)), None, since, until)


def unknown(engine: Engine, sites: Collection[str], since: datetime, *, limit: int = 200) -> tuple[Unknown, ...]:
    """Recipients that nobody of these sites has, the most tried first. Raises LogBusy, LogAway."""
    times = func.count().label("times")
    columns = (BLOCKS.rcpt, times, func.max(BLOCKS.blocked_at).label("last_at"))
    nobody = (BLOCKS.account_id == "", BLOCKS.policy == Policy.rcpt)
    where = (BLOCKS.site.in_(sorted(sites)), BLOCKS.blocked_at >= since, *nobody)
    asked = select(*columns).where(*where).group_by(BLOCKS.rcpt).order_by(times.desc(), BLOCKS.rcpt).limit(limit)
    with asking(engine) as connection:
        return tuple(Unknown(row.rcpt, int(row.times), row.last_at) for row in connection.execute(asked))


def sites_known(engine: Engine) -> tuple[str, ...]:
    """The ids of all sites that have a row, each with one look into the index. Raises LogBusy, LogAway."""
    found: list[str] = []
    with asking(engine) as connection:
        while True:
            after = select(BLOCKS.site).where(BLOCKS.site > found[-1]) if found else select(BLOCKS.site)
            name = connection.scalar(after.order_by(BLOCKS.site).limit(1))
            if name is None:
                return tuple(found)
            found.append(name)


def blocked_by(column: str, now: datetime, where: ColumnElement[bool]) -> Select[Any]:
    """The statement behind the numbers of stopped mails: of the last 24 hours and the last hour, per value of one
    column."""
    stopped = (BLOCKS.outcome.not_in((Outcome.delayed, Outcome.would_block)), BLOCKS.policy != Policy.internal)
    hour = func.count(case((BLOCKS.blocked_at >= now - HOUR, 1)))
    recent = (where, BLOCKS.blocked_at >= now - DAY, *stopped)
    return select(BLOCKS[column], func.count(), hour).where(*recent).group_by(BLOCKS[column])


def accepted_by(column: str, now: datetime, where: ColumnElement[bool]) -> Select[Any]:
    """The same for mails that came in."""
    hour = func.count(case((RECENT.received_at >= now - HOUR, 1)))
    recent = (where, RECENT.received_at >= now - DAY, RECENT.outcome != Accepted.sent)
    return select(RECENT[column], func.count(), hour).where(*recent).group_by(RECENT[column])


def _traffic(
    engine: Engine, now: datetime, column: str, *, site: str | None = None, sites: Collection[str] = ()
) -> Mapping[str, Traffic]:
    def chosen(columns: Any) -> ColumnElement[bool]:
        found: ColumnElement[bool] = columns.site == site if site is not None else columns.site.in_(sorted(sites))
        return found

    with asking(engine) as connection:
        blocked = {row[0]: (row[1], row[2]) for row in connection.execute(blocked_by(column, now, chosen(BLOCKS)))}
        accepted = {row[0]: (row[1], row[2]) for row in connection.execute(accepted_by(column, now, chosen(RECENT)))}
    nothing = (0, 0)
    return {
        key: Traffic(*blocked.get(key, nothing), *accepted.get(key, nothing))
        for key in blocked.keys() | accepted.keys()
    }


def quarters(kind: str, where: ColumnElement[bool], since: datetime, until: datetime) -> Select[Any]:
    """The statement behind a chart, as `kind` of database wants it."""
    quarter = _quarter(kind, BLOCKS.blocked_at).label("quarter")
    shown = BLOCKS.outcome != Outcome.would_block
    time = (BLOCKS.blocked_at >= since, BLOCKS.blocked_at < until)
    return (
        select(quarter, BLOCKS.policy, func.count()).where(where, shown, *time).group_by(text("quarter"), BLOCKS.policy)
    )


def _quarters(
    engine: Engine, whose: ColumnElement[bool], further: ColumnElement[bool] | None, since: datetime, until: datetime
) -> tuple[Total, ...]:
    where = whose if further is None else and_(whose, further)
    with asking(engine) as connection:
        rows = connection.execute(quarters(engine.dialect.name, where, since, until)).all()
    return tuple(
        Total(datetime.fromtimestamp(int(quarter) * QUARTER, UTC), code(Policy, policy, Policy.other), int(number))
        for quarter, policy, number in sorted(rows)
    )


def _quarter(kind: str, at: Any) -> ColumnElement[Any]:
    """Which quarter of an hour since the epoch a time lies in."""
    if kind == "sqlite":
        return cast(func.strftime("%s", at), BigInteger) // QUARTER
    if kind == "postgresql":
        return cast(func.floor(extract("epoch", at) / QUARTER), BigInteger)
    return func.timestampdiff(text("SECOND"), text("'1970-01-01'"), at, type_=BigInteger) // QUARTER
