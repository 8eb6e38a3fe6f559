"""Names instead of numbers: what a record says by name, as the columns of its table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from app.directory.fields import ALL_DOMAINS
from app.directory.tables import ANY_DOMAIN, AccountRow, DomainRow, ServerRow, SiteRow

REFERENCES = {"site": "site_id", "server": "server_id", "account": "account_id", "domain": "domain_id"}


@dataclass(frozen=True, slots=True)
class Record:
    """A record's name, its checked values by field, and its line."""

    record: str
    values: Mapping[str, Any]
    line: int = 0


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
