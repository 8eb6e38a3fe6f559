"""Writes the demo's accounts and mail servers into the directory, as an administrator's command would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection

from app.demo.mail import RESIDENTS, MailServers
from app.directory.engine import open_engine
from app.directory.tables import AccountRow, DomainRow, ServerRow, SiteRow


def write_directory(database_url: str, mail: MailServers) -> None:
    """Put site, domains, servers and accounts into the demo's SQLite; what is there is brought up to date."""
    engine: Engine = open_engine(database_url)
    with engine.begin() as connection:
        site = _put(connection, SiteRow, {"name": "Demo"}, {"primary_domain": "example.org", "time_zone": _own_zone()})
        for domain in sorted({resident.person.address.split("@")[1] for resident in RESIDENTS}):
            owner = site if domain == "example.org" else _second_site(connection, domain)
            _put(connection, DomainRow, {"name": domain}, {"site_id": owner})
        servers = [_server(connection, number, mail) for number in range(len(mail.servers))]
        for resident in RESIDENTS:
            domain = resident.person.address.split("@")[1]
            owner = connection.scalars(select(DomainRow.site_id).where(DomainRow.name == domain)).one()
            names = {
                "server_id": servers[resident.server],
                "login": resident.login,
                "display_name": resident.person.name,
            }
            _put(connection, AccountRow, {"site_id": owner, "username": resident.username}, names)
    engine.dispose()


def _second_site(connection: Connection, domain: str) -> int:
    return _put(connection, SiteRow, {"name": domain}, {"primary_domain": domain, "time_zone": _own_zone()})


def _server(connection: Connection, number: int, mail: MailServers) -> int:
    server = mail.servers[number]
    ports = {"imap": server.imap_port, "submission": mail.submission_port, "sieve": server.ports.get("sieve")}
    values: dict[str, Any] = {}
    for service, port in ports.items():
        values[f"{service}_host"], values[f"{service}_port"] = ("127.0.0.1", port) if port else (None, None)
        values[f"{service}_security"] = "plain" if port else None
    return _put(connection, ServerRow, {"name": f"demo-{number + 1}"}, values)


def _put(connection: Connection, row: Any, key: dict[str, Any], values: dict[str, Any]) -> int:
    """Insert a row or update the one that has this key; return its number."""
    table = row.__table__
    connection.execute(insert(table).values(**key, **values).on_conflict_do_nothing())
    same = [table.c[name] == value for name, value in key.items()]
    connection.execute(update(table).where(*same).values(**values))
    return int(connection.scalars(select(next(iter(table.primary_key))).where(*same)).one())


def _own_zone() -> str:
    """The machine's time zone, as Debian keeps it."""
    parts = Path("/etc/localtime").resolve().parts
    return "/".join(parts[parts.index("zoneinfo") + 1 :]) if "zoneinfo" in parts else "UTC"
