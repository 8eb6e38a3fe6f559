"""Writes the demo's accounts and mail servers into the directory, as an administrator's command would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from app.demo.mail import RESIDENTS, MailServers
from app.directory.engine import open_engine
from app.directory.tables import AccountRow, DomainRow, ServerRow, SiteRow


def write_directory(database_url: str, mail: MailServers) -> None:
    """Put sites, domains, servers and accounts into the demo's SQLite; what is there is brought up to date."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        servers = []
        for number, server in enumerate(mail.servers, 1):
            ports = {"imap": server.imap_port, "submission": mail.submission_port, "sieve": server.ports.get("sieve")}
            servers.append(put_server(connection, f"demo-{number}", ports))
        for resident in RESIDENTS:
            account = put_account(connection, resident.person.address, resident.login, servers[resident.server])
            named = {"display_name": resident.person.name, "role": resident.role}
            connection.execute(update(AccountRow).where(AccountRow.account_id == account).values(**named))
    engine.dispose()


def put_server(connection: Connection, name: str, ports: Mapping[str, int | None]) -> int:
    """Write a mail server on this machine without TLS; `ports` by service: imap, submission, sieve. Returns its row."""
    values: dict[str, Any] = {}
    for service, port in ports.items():
        values[f"{service}_host"], values[f"{service}_port"] = ("127.0.0.1", port) if port else (None, None)
        values[f"{service}_security"] = "plain" if port else None
    return _put(connection, ServerRow, {"name": name}, values)


def put_account(connection: Connection, address: str, login: str, server: int) -> int:
    """Write an account with its domain and a site of the domain's name. Returns its number."""
    local, domain = address.split("@")
    site = _put(connection, SiteRow, {"name": domain}, {"primary_domain": domain, "time_zone": own_zone()})
    _put(connection, DomainRow, {"name": domain}, {"site_id": site})
    return _put(connection, AccountRow, {"site_id": site, "username": local}, {"server_id": server, "login": login})


def _put(connection: Connection, row: Any, key: dict[str, Any], values: dict[str, Any]) -> int:
    """Insert a row or update the one that has this key; return its number."""
    table = row.__table__
    same = [table.c[name] == value for name, value in key.items()]
    found = select(next(iter(table.primary_key))).where(*same)
    if connection.scalar(found) is None:
        connection.execute(insert(table).values(**key, **values))
    elif values:
        connection.execute(update(table).where(*same).values(**values))
    return int(connection.scalars(found).one())


def own_zone() -> str:
    """The machine's time zone, as Debian keeps it."""
    parts = Path("/etc/localtime").resolve().parts
    return "/".join(parts[parts.index("zoneinfo") + 1 :]) if "zoneinfo" in parts else "UTC"
