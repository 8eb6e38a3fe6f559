"""Writes what was read into the block log, in the transaction that writes how far it was read.

Rows are new, changed or gone; a row that is there already is left alone. Greylisted mail that came again is marked with
the time at which it came. Everything is written in an order by key, as other followers write to the same tables.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from app.blocklog import columns
from app.blocklog.codes import Outcome, Policy, Resolved
from app.blocklog.learnt import forget_old
from app.blocklog.tables import BlockRow, FateRow, HostRow, LearntRow, OddRow, RecentRow
from app.blocklog.tally import COUNTS, Host, OddLines, Tally
from app.blocklog.use import used
from app.table.insert import ignoring, merging

AGAIN = timedelta(days=3)  # in which a delayed mail comes again
CHUNK = 200  # keys of one statement
ENOUGH = 2_000_000_000  # visits of one server that are counted; a column holds 147 million more
MOST_ODD = 500  # kinds of odd lines kept of one source

Key = list[Any]  # account, seconds since 1970, id
_BLOCK, _RECENT, _FATE, _HOST, _ODD = (each.__table__ for each in (BlockRow, RecentRow, FateRow, HostRow, OddRow))
_LEARNT: Final[Any] = LearntRow.__table__
_PLACE = ("account_id", "mark", "rcpt")
_HOST_COLUMNS = {
    "connections": "cnxn_count",
    **{name: f"{name}_count" for name in COUNTS if name != "connections"},
}


@dataclass(frozen=True, slots=True)
class Passed:
    """Mail of a sender arrived for an account: what of theirs was delayed before has come."""

    account_id: str
    sender_local: str
    sender_domain: str
    ip: str
    at: datetime


class Reached(NamedTuple):
    """How far a mail has come for a recipient, by what was told last; of two that are told of one Message-ID the
    greater one counts (message.py `further`)."""

    fate: int
    changed_at: datetime
    server: str
    reply: str
    dsn: str | None

    def beats(self, other: Self) -> bool:
        """Whether it is to stand in the other's place."""
        return (*self[:4], self.dsn or "") >= (*other[:4], other.dsn or "")


Place = tuple[str, str, str]  # account, mark, recipient


@dataclass(slots=True)
class Rows:
    """New, changed and gone rows of one table."""

    new: list[tuple[Key, dict[str, Any]]] = field(default_factory=list)
    changed: list[tuple[Key, dict[str, Any]]] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)

    def put(self, before: Sequence[Key], after: Sequence[Key], values: dict[str, Any]) -> None:
        """The same values under some keys, of which some may lie there already."""
        if not before:
            self.new += [(key, values) for key in after]
            return
        for key in after:
            (self.changed if key in before else self.new).append((key, values))
        self.gone += [key for key in before if key not in after]


@dataclass(slots=True)
class Batch:
    """What one transaction writes. `sites`: of accounts and ids of new rows."""

    tally: Tally = field(default_factory=Tally)
    blocks: Rows = field(default_factory=Rows)
    recents: Rows = field(default_factory=Rows)
    lessons: Rows = field(default_factory=Rows)
    sites: dict[tuple[str, int], str] = field(default_factory=dict)
    fates: dict[Place, Reached] = field(default_factory=dict)
    undone: list[tuple[Place, Reached]] = field(default_factory=list)  # fates that were none
    passed: list[Passed] = field(default_factory=list)
    uses: list[tuple[str, str, str, datetime]] = field(default_factory=list)

    def reach(self, place: Place, fate: Reached) -> None:
        """One more word about a mail that was sent."""
        if place not in self.fates or fate.beats(self.fates[place]):
            self.fates[place] = fate

    @property
    def rules(self) -> list[int]:
        """The rules that stopped what is new, each as often as it did."""
        return [values["rule_id"] for _, values in self.blocks.new if values["rule_id"]]

    @property
    def rows(self) -> int:
        """How many rows are new."""
        return len(self.blocks.new) + len(self.recents.new) + len(self.lessons.new)


def write(connection: Connection, batch: Batch) -> None:
    """Writes a batch; the caller commits it, with the positions."""
    _put(connection, _BLOCK, "blocked_at", batch.blocks, batch.sites)
    _put(connection, _RECENT, "received_at", batch.recents, batch.sites)
    _resolve(connection, batch.passed)
    _write_fates(connection, batch.fates, batch.undone)
    _write_hosts(connection, batch.tally.hosts)
    for account, site, service, at in sorted(batch.uses):
        used(connection, account, site, service, at)
    _put(connection, _LEARNT, "learnt_at", batch.lessons, batch.sites)
    forget_old(connection, {key[0] for key, _ in batch.lessons.new})
    _write_odd(connection, batch.tally.odd)


def _put(connection: Connection, table: Table, moment: str, rows: Rows, sites: dict[tuple[str, int], str]) -> None:
    if rows.new:
        new = [
            {"account_id": key[0], moment: _moment(key[1]), "id": key[2], "site": sites[key[0], key[2]], **values}
            for key, values in rows.new
        ]
        connection.execute(ignoring(connection, table), new)
    where = _at(table, moment)
    if rows.changed:
        names = list(rows.changed[0][1])
        changed = update(table).where(where).values({name: bindparam(f"new_{name}") for name in names})
        lines = [{**_place(key), **{f"new_{name}": values[name] for name in names}} for key, values in rows.changed]
        connection.execute(changed, lines)
    if rows.gone:
        connection.execute(delete(table).where(where), [_place(key) for key in rows.gone])


def _at(table: Table, moment: str) -> Any:
    at = table.c[moment] == bindparam("key_at", type_=table.c[moment].type)
    return and_(table.c.account_id == bindparam("key_account"), at, table.c.id == bindparam("key_id"))


def _place(key: Key) -> dict[str, Any]:
    return {"key_account": key[0], "key_at": _moment(key[1]), "key_id": key[2]}


def _resolve(connection: Connection, passed: Iterable[Passed]) -> None:
    """Marks delayed mail that came: of the same account, sender and network, in the days before."""
    arrived: dict[tuple[str, str, str], list[Passed]] = defaultdict(list)
    for each in sorted(passed, key=lambda each: each.at):
        arrived[each.account_id, each.sender_local, each.sender_domain].append(each)
    accounts = sorted({each[0] for each in arrived if each[0]})
    if not accounts:
        return
    since = min(each.at for some in arrived.values() for each in some) - AGAIN
    wanted = _BLOCK.c
    delayed = (wanted.outcome == Outcome.delayed) & (wanted.policy != Policy.internal) & wanted.resolved_at.is_(None)
    names = ("account_id", "blocked_at", "id", "sender_local", "sender_domain", "client_ip")
    found: list[Any] = []
    for start in range(0, len(accounts), CHUNK):
        some = wanted.account_id.in_(accounts[start : start + CHUNK])
        statement = select(*(wanted[name] for name in names)).where(some, wanted.blocked_at >= since, delayed)
        found += connection.execute(statement).all()
    lines = [(row, came) for row in found if (came := _came(row, arrived)) is not None]
    if lines:
        how = {"resolved_at": bindparam("came"), "resolved_how": Resolved.greylist_passed}
        places = [_place([row.account_id, row.blocked_at.timestamp(), row.id]) | {"came": came} for row, came in lines]
        connection.execute(update(_BLOCK).where(_at(_BLOCK, "blocked_at")).values(how), places)


def _came(row: Any, arrived: dict[tuple[str, str, str], list[Passed]]) -> datetime | None:
    """When the mail of a row came."""
    for each in arrived.get((row.account_id, row.sender_local, row.sender_domain), ()):
        near = columns.network(each.ip) == columns.network(row.client_ip)
        if near and row.blocked_at <= each.at <= row.blocked_at + AGAIN:
            return each.at
    return None


def _write_fates(connection: Connection, fates: dict[Place, Reached], undone: Sequence[tuple[Place, Reached]]) -> None:
    keys = sorted({*fates, *(place for place, _ in undone)})
    known: dict[Place, Reached] = {}
    for start in range(0, len(keys), CHUNK):
        marks = sorted({key[1] for key in keys[start : start + CHUNK]})
        accounts = sorted({key[0] for key in keys[start : start + CHUNK]})
        some = select(*(_FATE.c[name] for name in (*_PLACE, *Reached._fields)))
        for row in connection.execute(some.where(_FATE.c.account_id.in_(accounts), _FATE.c.mark.in_(marks))):
            known[row[0], row[1], row[2]] = Reached(*row[3:])
    place = and_(*(_FATE.c[name] == bindparam(f"key_{name}") for name in _PLACE))
    gone = sorted(key for key, fate in undone if known.get(key) == fate)
    if gone:
        connection.execute(delete(_FATE).where(place), [_keyed(key) for key in gone])
        known = {key: fate for key, fate in known.items() if key not in gone}
    new = [dict(zip(_PLACE, key, strict=True)) | fates[key]._asdict() for key in sorted(fates) if key not in known]
    if new:
        connection.execute(ignoring(connection, _FATE), new)
    later = [key for key in sorted(fates) if key in known and fates[key].beats(known[key])]
    if later:
        changed = update(_FATE).where(place).values({name: bindparam(f"new_{name}") for name in Reached._fields})
        lines = [_keyed(key) | {f"new_{name}": it for name, it in fates[key]._asdict().items()} for key in later]
        connection.execute(changed, lines)


def _keyed(place: Place) -> dict[str, str]:
    return {f"key_{name}": value for name, value in zip(_PLACE, place, strict=True)}


def _write_hosts(connection: Connection, hosts: dict[str, Host]) -> None:
    """Adds to what is known of sending servers, in one statement: another follower may know them, too."""
    rows = [_host(ip, hosts[ip]) for ip in sorted(hosts) if ip]
    if not rows:
        return
    connection.execute(merging(connection, _HOST, [_HOST.c.ip], _more), rows)


def _more(new: Any) -> dict[str, Any]:
    sums = {name: _sum(_HOST.c[name], new[name]) for name in (*_HOST_COLUMNS.values(), _LISTED)}
    listed = {name: func.coalesce(new[name], _HOST.c[name]) for name in ("last_dnsbl", "last_dnsbl_time")}
    return {**sums, **listed, "cnxn_last": new["cnxn_last"]}


def _sum(old: Any, more: Any) -> ColumnElement[int]:
    """Counted as far as the columns go: one number too large would keep everything from being written, for ever."""
    # Written out: PyMySQL takes no parameter behind ON DUPLICATE KEY where there are several rows.
    return case((old < literal_column(str(ENOUGH)), old + more), else_=old)


_LISTED = "dnsbl_block_count"


def _host(ip: str, host: Host) -> dict[str, Any]:
    counts = {column: host.counts.get(name, 0) for name, column in _HOST_COLUMNS.items()}
    listed: dict[str, Any] = {"last_dnsbl": columns.optional(host.list_name, 80), _LISTED: host.listed}
    listed["last_dnsbl_time"] = _moment(host.list_at) if host.listed else None
    return {"ip": ip, "cnxn_first": _moment(host.first), "cnxn_last": _moment(host.last), **listed, **counts}


def _write_odd(connection: Connection, odd: dict[tuple[int, str], OddLines]) -> None:
    """The newest kinds of odd lines, each with how often it was met."""
    for (source, mark), lines in sorted(odd.items()):
        place = (_ODD.c.source_id == source) & (_ODD.c.mark == mark)
        values = {"last_at": _moment(lines.last), "times": _ODD.c.times + lines.times}
        if connection.execute(update(_ODD).where(place).values(values)).rowcount:
            continue
        example, why = columns.text(lines.example, 1000), columns.text(lines.why, 80)
        row = {"source_id": source, "mark": mark, "why": why, "example": example}
        connection.execute(insert(_ODD).values(**row, times=lines.times, last_at=_moment(lines.last)))
    for source in sorted({source for source, _ in odd}):
        mine = _ODD.c.source_id == source
        many = (connection.scalar(select(func.count()).select_from(_ODD).where(mine)) or 0) - MOST_ODD
        if many > 0:
            old = connection.scalars(select(_ODD.c.mark).where(mine).order_by(_ODD.c.last_at).limit(many)).all()
            connection.execute(delete(_ODD).where(mine, _ODD.c.mark.in_(old)))


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at or 0.0, UTC)
