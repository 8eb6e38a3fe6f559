"""What pages ask of the block log about one account: a page of rows, one row, counts.

Each reads one range of the account's own rows, by keyset and never by offset; counts read no row but the index. What
is only for admins is left out unless `everything` is asked for; warnings that stopped nothing are always left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Row, Select, and_, case, func, or_, select

from app.blocklog.asking import asking
from app.blocklog.codes import ADMINS_ONLY, RECEIVED, Accepted, Known, Outcome, Policy, Resolved, Stage, code
from app.blocklog.tables import BlockRow, RecentRow

DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
_BLOCKS: Final[Any] = BlockRow.__table__
_RECENT: Final[Any] = RecentRow.__table__
Place = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Block:
    """A message that was stopped, for one recipient."""

    account_id: str
    blocked_at: datetime
    id: int
    site: str
    policy: Policy
    outcome: Outcome
    stage: Stage
    rcpts_known: Known
    smtp_code: int | None
    dsn: str | None
    score: float | None
    detail: str | None
    rule_id: int | None
    client_ip: str
    client_name: str
    helo: str
    sender_local: str
    sender_domain: str
    rcpt: str
    subject: str | None
    message_id: str | None
    reason: str
    queue_id: str | None
    source_id: int
    stored_ref: str | None
    resolved_at: datetime | None
    resolved_how: Resolved | None

    @property
    def sender(self) -> str:
        """The address of the envelope; "" for none (a report of a mail server)."""
        return _address(self.sender_local, self.sender_domain)

    @property
    def place(self) -> Place:
        """Where the next page goes on."""
        return self.blocked_at, self.id


@dataclass(frozen=True, slots=True)
class Recent:
    """A message that was accepted, for one recipient; or sent by the account (`outcome` says so)."""

    account_id: str
    received_at: datetime
    id: int
    site: str
    outcome: Accepted
    score: float | None
    size: int | None
    client_ip: str
    client_name: str
    sender_local: str
    sender_domain: str
    rcpt: str
    final_rcpt: str
    message_id: str | None
    reply: str | None
    queue_id: str | None
    source_id: int

    @property
    def sender(self) -> str:
        """The address of the envelope; "" for none (a report of a mail server)."""
        return _address(self.sender_local, self.sender_domain)

    @property
    def place(self) -> Place:
        """Where the next page goes on."""
        return self.received_at, self.id


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was stopped in the last 24 hours and 7 days, by policy; none where nothing was."""

    day: Mapping[Policy, int]
    week: Mapping[Policy, int]


def day_page(
    engine: Engine, account_id: str, *, before: Place | None = None, after: Place | None = None,
    since: datetime | None = None, until: datetime | None = None, policies: Collection[Policy] = (),
    outcomes: Collection[Outcome] = (), sender: str = "", limit: int = 51, everything: bool = False,
    site: str | None = None, without: Collection[str] = (), rule: int | None = None,
) -> tuple[Block, ...]:  # fmt: skip
    """Stopped messages, newest first: those next to the place `before`, older than it, or `after`, newer than it; else
    the newest. `until` is exclusive. Without `policies` or `outcomes` any. `sender`: a part of its address; `site`:
    only rows of this one; `without`: none of these addresses; `rule`: only what this one stopped. Raises LogBusy,
    LogAway."""
    columns = _BLOCKS.c
    where = _range(columns, columns.blocked_at, account_id, before, after, since, until)
    where += _shown(columns, everything=everything)
    where += [columns.policy.in_(sorted(policies))] if policies else []
    where += [columns.outcome.in_(sorted(outcomes))] if outcomes else []
    where += [*_from(columns, sender), *([columns.site == site] if site is not None else [])]
    where += [*(_not_from(columns, each) for each in without), *([columns.rule_id == rule] if rule is not None else [])]
    asked = _next_to(select(_BLOCKS).where(*where), columns.blocked_at, columns.id, after).limit(limit)
    with asking(engine) as connection:
        rows = [block(row) for row in connection.execute(asked)]
    return tuple(rows if after is None else rows[::-1])


def recent_page(
    engine: Engine, account_id: str, *, before: Place | None = None, after: Place | None = None,
    since: datetime | None = None, until: datetime | None = None, outcomes: Collection[Accepted] = RECEIVED,
    sender: str = "", limit: int = 51, site: str | None = None,
) -> tuple[Recent, ...]:  # fmt: skip
    """Accepted messages, newest first, as `day_page`; without sent ones, unless `outcomes` names them."""
    columns = _RECENT.c
    where = _range(columns, columns.received_at, account_id, before, after, since, until)
    where += [columns.outcome.in_(sorted(outcomes)), *_from(columns, sender)]
    where += [columns.site == site] if site is not None else []
    asked = _next_to(select(_RECENT).where(*where), columns.received_at, columns.id, after).limit(limit)
    with asking(engine) as connection:
        rows = [_recent(row) for row in connection.execute(asked)]
    return tuple(rows if after is None else rows[::-1])


def one(engine: Engine, account_id: str, blocked_at: datetime, id: int, *, everything: bool = False) -> Block | None:
    """One row of the account's; None where it has no such row, or may not see it. Raises LogBusy, LogAway."""
    columns = _BLOCKS.c
    key = (columns.account_id == account_id, columns.blocked_at == blocked_at, columns.id == id)
    with asking(engine) as connection:
        row = connection.execute(select(_BLOCKS).where(*key, *_shown(columns, everything=everything))).first()
    return None if row is None else block(row)


def from_domain(
    engine: Engine, domain: str, *,
    sites: Collection[str] | None = None, since: datetime | None = None, limit: int = 200,
) -> tuple[Block, ...]:  # fmt: skip
    """For admins: the newest that was stopped of a sender's domain, for all sites or some. Raises LogBusy, LogAway."""
    columns = _BLOCKS.c
    where = [columns.sender_domain == _punycode(domain.strip().lower()), *_shown(columns, everything=True)]
    where += [columns.site.in_(sorted(sites))] if sites is not None else []
    where += [columns.blocked_at >= since] if since is not None else []
    newest = (columns.blocked_at.desc(), columns.account_id.desc(), columns.id.desc())
    with asking(engine) as connection:
        rows = connection.execute(select(_BLOCKS).where(*where).order_by(*newest).limit(limit)).all()
    return tuple(block(row) for row in rows)


def counts(
    engine: Engine, account_id: str, now: datetime, *, everything: bool = False, site: str | None = None
) -> Counts:
    """How much of the account's mail was stopped lately; `site` as for `day_page`. Raises LogBusy, LogAway."""
    columns = _BLOCKS.c
    day = func.sum(case((columns.blocked_at >= now - DAY, 1), else_=0))
    where = (
        columns.account_id == account_id,
        columns.blocked_at >= now - WEEK,
        *_shown(columns, everything=everything),
        *([columns.site == site] if site is not None else []),
    )
    with asking(engine) as connection:
        rows = connection.execute(select(columns.policy, func.count(), day).where(*where).group_by(columns.policy))
        found = [(code(Policy, policy, Policy.other), int(week), int(recent)) for policy, week, recent in rows]
    return Counts(
        day={policy: recent for policy, _, recent in found if recent}, week={policy: week for policy, week, _ in found}
    )


def _next_to(asked: Select[Any], at: Any, id: Any, after: Place | None) -> Select[Any]:
    """In the order in which the rows next to a place come first."""
    return asked.order_by(at.desc(), id.desc()) if after is None else asked.order_by(at, id)


def _range(
    columns: Any,
    at: Any,
    account_id: str,
    before: Place | None,
    after: Place | None,
    since: datetime | None,
    until: datetime | None,
) -> list[ColumnElement[bool]]:
    """The account's rows of that time, as one range of the primary key. (MariaDB seeks by no `(a, b) < (x, y)`.)"""
    where = [columns.account_id == account_id]
    where += [at >= since] if since is not None else []
    where += [at < until] if until is not None else []
    if before is not None:
        where += [at <= before[0], or_(at < before[0], columns.id < before[1])]
    if after is not None:
        where += [at >= after[0], or_(at > after[0], columns.id > after[1])]
    return where


def _shown(columns: Any, *, everything: bool) -> list[ColumnElement[bool]]:
    hidden = [] if everything else [columns.policy.not_in(sorted(ADMINS_ONLY))]
    return [columns.outcome != Outcome.would_block, *hidden]


def _from(columns: Any, sender: str) -> list[ColumnElement[bool]]:
    """Part of a sender's address; an `@` says which part of it. A domain typed in its own script is stored as ASCII."""
    typed = sender.strip().lower()
    local, at, domain = typed.rpartition("@")
    if not at:
        return [or_(_has(columns.sender_local, typed), _has(columns.sender_domain, _punycode(typed)))] if typed else []
    ends = [columns.sender_local.endswith(local, autoescape=True)] if local else []
    return [and_(*ends, columns.sender_domain.startswith(_punycode(domain), autoescape=True))]


def _not_from(columns: Any, address: str) -> ColumnElement[bool]:
    local, _, domain = address.rpartition("@")
    return or_(columns.sender_domain != domain, func.lower(columns.sender_local) != local)


def _has(column: Any, part: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.contains(part, autoescape=True)
    return found


def _punycode(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


def block(row: Row[Any]) -> Block:
    """A row of block_log as a value."""
    fields = dict(row._mapping)
    fields["policy"] = code(Policy, row.policy, Policy.other)
    fields["outcome"] = code(Outcome, row.outcome, Outcome.refused)
    fields["stage"] = code(Stage, row.stage, Stage.unknown)
    fields["rcpts_known"] = code(Known, row.rcpts_known, Known.certain)
    fields["score"] = None if row.score is None else float(row.score)
    fields["resolved_how"] = None if row.resolved_how is None else code(Resolved, row.resolved_how, Resolved.expired)
    return Block(**fields)


def _recent(row: Row[Any]) -> Recent:
    score = None if row.score is None else float(row.score)
    return Recent(**{**row._mapping, "outcome": code(Accepted, row.outcome, Accepted.inbox), "score": score})


def _address(local: str, domain: str) -> str:
    return f"{local}@{domain}" if domain else local
