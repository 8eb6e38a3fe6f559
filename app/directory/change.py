"""Writes records into the directory: all of them or none, by name, as often as one likes.

Records that are there already are changed where they differ. A kind's records are checked before the first of them is
written, and all that is wrong is told at once; where anything is, the caller's transaction has to be rolled back.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, insert, inspect, select, update

from app.directory.endpoint import Family, usual_port
from app.directory.record import ALL_DOMAINS, FORMS, default
from app.directory.tables import ANY_DOMAIN, AccountRow, Base, DomainRow, ServerRow, SiteRow

REFERENCES = {"site": "site_id", "server": "server_id", "account": "account_id", "domain": "domain_id"}
Key = tuple[Any, ...]
Mode = Literal["any", "new", "old"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not understood, and the line of the file it stands in (0 where there is no file)."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record's name, its checked values by field, and its line."""

    record: str
    values: Mapping[str, Any]
    line: int = 0


@dataclass(slots=True)
class Report:
    """How many records were added, changed and found the same; or what is wrong, and then nothing was written."""

    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


def write_records(connection: Connection, records: Iterable[Record], *, mode: Mode = "any") -> Report:
    """Write records, in the caller's transaction, which has to be rolled back when the report holds problems.

    With `mode` "new" a record that is there already is a problem, with "old" one that is not.
    """
    report = Report()
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
    report.problems += _sites_without_primary(connection)
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


class Names:
    """The numbers behind the names of sites, servers, domains and accounts, read once each."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.numbers: dict[str, dict[Any, int]] = {}

    def forget(self, record: str) -> None:
        """Read the names of a kind again when they are next asked for."""
        self.numbers.pop(record, None)

    def number(self, record: str, name: Any) -> int:
        """The number behind a name. Raises ValueError where there is none."""
        if record not in self.numbers:
            self.numbers[record] = {key: number for number, key in self._read(record)}
        try:
            return self.numbers[record][name]
        except KeyError:
            shown = name[1] if isinstance(name, tuple) else name
            raise ValueError(f"{record}: there is no {record} {shown!r} here") from None

    def _read(self, record: str) -> Iterator[tuple[int, Any]]:
        columns: dict[str, tuple[Any, ...]] = {
            "site": (SiteRow.site_id, SiteRow.name),
            "server": (ServerRow.server_id, ServerRow.name),
            "domain": (DomainRow.domain_id, DomainRow.site_id, DomainRow.name),
            "account": (AccountRow.account_id, AccountRow.site_id, AccountRow.username),
        }
        for number, *key in self.connection.execute(select(*columns[record])):
            yield number, key[0] if len(key) == 1 else tuple(key)


def columns_of(names: Names, each: Record) -> dict[str, Any]:
    """A record's values as columns: numbers in the place of names. Raises ValueError for a name that is not there."""
    columns: dict[str, Any] = {}
    site = names.number("site", each.values["site"]) if each.values.get("site") else None
    for name, value in each.values.items():
        if name not in REFERENCES:
            columns[name] = value
        elif name == "site":
            columns["site_id"] = site
        elif name == "domain" and value == ALL_DOMAINS:
            columns["domain_id"] = ANY_DOMAIN
        elif value is None:
            columns[REFERENCES[name]] = None
        else:
            columns[REFERENCES[name]] = names.number(name, value if name == "server" else (site, value))
    return columns


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
            _complete(record, whole, primary_domains)
        except ValueError as error:
            report.problems.append(Problem(each.line, f"{record} {_shown(_key(each))}: {error}"))
            continue
        if old is None:
            new.append({name: value for name, value in whole.items() if name != number})
            report.added[record] += 1
        elif whole != old:
            differing.append(whole)
            report.changed[record] += 1
        else:
            report.same[record] += 1
    if not report.problems:
        _store(connection, table, number, new, differing)


def _key(each: Record) -> Key:
    return tuple(each.values.get(name, "?") for name in FORMS[each.record].key)


def _primary_key(table: type[Base]) -> str:
    return str(inspect(table).primary_key[0].name)


def _present(connection: Connection, table: type[Base], key_columns: list[str]) -> dict[Key, dict[str, Any]]:
    rows = connection.execute(select(*table.__table__.columns)).mappings()
    return {tuple(row[name] for name in key_columns): dict(row) for row in rows}


def _defaults(record: str, table: type[Base]) -> dict[str, Any]:
    return {name: default(record, name) for name in table.__table__.columns.keys()}  # noqa: SIM118 (columns are no dict)


def _store(
    connection: Connection, table: type[Base], number: str, new: list[dict[str, Any]], differing: list[dict[str, Any]]
) -> None:
    if new:
        statement = insert(table)
        if connection.dialect.name == "postgresql":
            # only so does SQLAlchemy send many rows in one statement there: 50,000 accounts in 2 s instead of 25 s
            statement = statement.returning(table.__table__.columns[number])
        connection.execute(statement, new)
    if differing:
        columns = table.__table__.columns
        change = update(table).where(columns[number] == bindparam("at"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns.keys() if name != number}  # noqa: SIM118
        connection.execute(
            change.values(values),
            [{"at": each[number], **{f"new_{name}": each[name] for name in values}} for each in differing],
        )


def _complete(record: str, whole: dict[str, Any], primary_domains: Mapping[int, str]) -> None:
    """Fill in and check what depends on several fields. Raises ValueError."""
    for name in FORMS[record].needs:
        if whole[REFERENCES.get(name, name)] is None:
            raise ValueError(f"{name}: must be given")
    if record == "account":
        _complete_account(whole, primary_domains)
    if record == "server":
        _complete_server(whole)


def _complete_account(whole: dict[str, Any], primary_domains: Mapping[int, str]) -> None:
    if whole["kind"] == "forward":
        if whole["server_id"] is not None or whole["login"] is not None:
            raise ValueError("an account that only forwards has no server and no login")
        return
    if whole["server_id"] is None:
        raise ValueError(f"server: an account of kind {whole['kind']} needs one")
    if whole["login"] is None:
        whole["login"] = f"{whole['username']}@{primary_domains[whole['site_id']]}"


def _complete_server(whole: dict[str, Any]) -> None:
    services: dict[str, Family] = {"submission": "smtp", "sieve": "sieve"}
    for service, family in services.items():
        if whole[f"{service}_host"] is None:
            whole[f"{service}_port"] = whole[f"{service}_security"] = None
            continue
        whole[f"{service}_security"] = whole[f"{service}_security"] or "starttls"
        whole[f"{service}_port"] = whole[f"{service}_port"] or usual_port(family, whole[f"{service}_security"])


def _sites_without_primary(connection: Connection) -> list[Problem]:
    owner = dict(connection.execute(select(DomainRow.name, DomainRow.site_id)).all())
    sites = connection.execute(select(SiteRow.site_id, SiteRow.name, SiteRow.primary_domain))
    return [
        Problem(0, f"site {name}: primary_domain {domain} is none of its domains")
        for number, name, domain in sites
        if owner.get(domain) != number
    ]
