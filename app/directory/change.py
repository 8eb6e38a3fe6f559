"""Writes records into the directory: all of them or none, by name, as often as one likes.

Records that are there already are changed where they differ. A kind's records are checked before the first of them is
written, and all that is wrong is told at once; where anything is, the caller's transaction has to be rolled back.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, insert, select, update

from app.directory.complete import complete
from app.directory.names import REFERENCES, Names, Record, columns_of
from app.directory.record import FORMS, default
from app.directory.tables import AddressRow, Base, DomainRow, SiteRow

Key = tuple[Any, ...]
Mode = Literal["any", "new", "old"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not understood, and the line of the file it stands in (0 where there is no file)."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """One record that was added (`old` None) or changed: its line, and the whole row before and after."""

    line: int
    record: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any]


@dataclass(slots=True)
class Report:
    """How many records were added, changed and found the same; or what is wrong, and then nothing was written."""

    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    rows: list[Written] = field(default_factory=list)


def write_records(connection: Connection, records: Iterable[Record], *, mode: Mode = "any") -> Report:
    """Write records, in the caller's transaction, which has to be rolled back when the report holds problems.

    With `mode` "new" a record that is there already is a problem, with "old" one that is not.
    """
    report = Report()
    before = _sites_without_primary(connection)
    by_kind: dict[str, list[Record]] = {name: [] for name in FORMS}
    for each in records:
        by_kind[each.record].append(each)
    names = Names(connection)
    for name in FORMS:
        if by_kind[name]:
            _write_kind(connection, names, name, _once(by_kind[name], report), report, mode)
            if report.problems:
                return report
            names.forget(name)
    # a fault that another site had before is not this change's
    report.problems += [Problem(0, text) for text in _sites_without_primary(connection) if text not in before]
    report.problems += _left_behind(connection, report.rows)
    return report


def _once(records: list[Record], report: Report) -> Iterator[Record]:
    """The records without those whose key an earlier one has; each of these is a problem."""
    seen: dict[Key, int] = {}
    for each in records:
        key = tuple(each.values.get(name) for name in FORMS[each.record].key)
        if key in seen:
            report.problems.append(Problem(each.line, f"{each.record} {_shown(key)} stands in line {seen[key]} too"))
        else:
            seen[key] = each.line
            yield each


def _shown(key: Key) -> str:
    return " ".join(str(part) for part in key)


def _write_kind(
    connection: Connection, names: Names, record: str, records: Iterable[Record], report: Report, mode: Mode
) -> None:
    table = FORMS[record].table
    number = _primary_key(table)
    key_columns = [REFERENCES.get(name, name) for name in FORMS[record].key]
    present = _present(connection, table, key_columns)
    primary_domains = dict(connection.execute(select(SiteRow.site_id, SiteRow.primary_domain)).all())
    new: list[dict[str, Any]] = []
    differing: list[dict[str, Any]] = []
    for each in records:
        try:
            columns = columns_of(names, each)
            old = present.get(tuple(columns[name] for name in key_columns))
            if mode == ("old" if old is None else "new"):
                raise ValueError("is not there" if old is None else "is there already")
            whole = {**_defaults(record, table), **(old or {}), **columns}
            complete(record, whole, primary_domains)
        except ValueError as error:
            report.problems.append(Problem(each.line, f"{record} {_shown(_key(each))}: {error}"))
            continue
        if old is None:
            new.append({name: value for name, value in whole.items() if name != number})
            report.rows.append(Written(each.line, record, None, new[-1]))
            report.added[record] += 1
        elif whole != old:
            differing.append(whole)
            report.rows.append(Written(each.line, record, old, whole))
            report.changed[record] += 1
        else:
            report.same[record] += 1
    if not report.problems:
        _store(connection, table, number, new, differing)


def _key(each: Record) -> Key:
    return tuple(each.values.get(name, "?") for name in FORMS[each.record].key)


def _primary_key(table: type[Base]) -> str:
    return str(table.__table__.primary_key.columns[0].name)


def _present(connection: Connection, table: type[Base], key_columns: list[str]) -> dict[Key, dict[str, Any]]:
    rows = connection.execute(select(*table.__table__.columns)).mappings()
    return {tuple(row[name] for name in key_columns): dict(row) for row in rows}


def _defaults(record: str, table: type[Base]) -> dict[str, Any]:
    return {name: default(record, name) for name in table.__table__.columns.keys()}  # noqa: SIM118 (columns are no dict)


def _store(
    connection: Connection, table: type[Base], number: str, new: list[dict[str, Any]], differing: list[dict[str, Any]]
) -> None:
    if new:
        connection.execute(insert(table), new)
    if differing:
        columns = table.__table__.columns
        change = update(table).where(columns[number] == bindparam("at"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns.keys() if name != number}  # noqa: SIM118
        connection.execute(
            change.values(values),
            [{"at": each[number], **{f"new_{name}": each[name] for name in values}} for each in differing],
        )


def _left_behind(connection: Connection, rows: Iterable[Written]) -> Iterator[Problem]:
    """Domains that would go to another site without their addresses: no foreign key knows of these."""
    for each in rows:
        if each.record == "domain" and each.old is not None and each.old["site_id"] != each.new["site_id"]:
            theirs = select(AddressRow.local).where(AddressRow.site_id == each.old["site_id"])
            if connection.scalar(theirs.where(AddressRow.domain_id == each.new["domain_id"]).limit(1)) is not None:
                yield Problem(each.line, f"domain {each.new['name']}: site: has addresses there; remove them first")


def _sites_without_primary(connection: Connection) -> list[str]:
    owner = dict(connection.execute(select(DomainRow.name, DomainRow.site_id)).all())
    sites = connection.execute(select(SiteRow.site_id, SiteRow.name, SiteRow.primary_domain))
    return [
        f"site {name}: primary_domain {domain} is none of its domains"
        for number, name, domain in sites
        if owner.get(domain) != number
    ]
