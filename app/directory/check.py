"""Looks a directory over for what would surprise somebody later: rows that lead nowhere, keys that no look-up meets,
servers that do not answer, a look-up that reads a table whole.
"""

import socket
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from app.directory.account import Endpoint
from app.directory.address import ascii_domain, local_part
from app.directory.dangling import DANGLING
from app.directory.endpoint import is_loopback
from app.directory.engine import asking
from app.directory.errors import DirectoryBroken
from app.directory.fields import certificates, forwarded, mailbox_login
from app.directory.password import can_verify
from app.directory.plan import plan
from app.directory.resolve import Directory, resolve
from app.directory.row import Reading, server_of
from app.directory.statement import account_statement, resolve_statement
from app.directory.tables import CATCH_ALL, AccountRow, AddressRow, DomainRow, ServerRow

CONNECT_TIMEOUT = 3.0  # seconds


def check(engine: Engine, *, reach: bool = True) -> Iterator[str]:
    """Everything that is wrong, each in one sentence, as it is found. With `reach` the mail servers are connected to.

    Raises DirectoryAway, DirectoryBroken where the tables themselves cannot be read.
    """
    with asking(), engine.connect() as connection:
        yield from _dangling(connection)
        yield from _keys(connection)
        yield from _logins(connection)
        yield from _targets(connection)
        yield from _hashes(connection)
        servers = [dict(row) for row in connection.execute(select(ServerRow.__table__)).mappings()]
    for row in servers:
        yield from _server(row, reach)
    yield from slow_look_ups(engine)


def check_query(directory: Directory) -> Iterator[str]:
    """What is wrong with a provider's own query, as far as it can be told without knowing an address.

    Raises DirectoryAway, and DirectoryBroken where the query cannot be run.
    """
    resolve(directory, "nobody@directory-check.invalid")
    if directory.query is not None:
        keys = {"address": "nobody@x.invalid", "local": "nobody", "plain": "nobody", "domain": "x.invalid"}
        asked = {name: keys[name] for name in directory.query.compile().params}
        for table in plan(directory.engine, directory.query, asked).scans:
            yield f"the directory query reads all of {table}: is an index missing?"


def slow_look_ups(engine: Engine) -> Iterator[str]:
    """What the look-ups read whole, where an index should serve."""
    keys = {"local": "a", "plain": "a", "any": CATCH_ALL, "domain": "example.org"}
    for name, statement, values in (
        ("an address", resolve_statement(), keys),
        ("an account", account_statement(), {"account_id": 1}),
    ):
        for table in plan(engine, statement, values).scans:
            yield f"looking up {name} reads all of {table}: is an index missing?"


def _dangling(connection: Connection) -> Iterator[str]:
    for sentence, statement in DANGLING:
        for row in connection.execute(statement):
            yield sentence.format(*row)


def _keys(connection: Connection) -> Iterator[str]:
    """Keys written by other programs in a form that no look-up asks for, such as with capitals."""
    for name, column, form in (
        ("domain", DomainRow.name, ascii_domain),
        ("account", AccountRow.username, local_part),
        ("address", AddressRow.local, local_part),
    ):
        for (key,) in connection.execute(select(column)):
            try:
                good = key == CATCH_ALL if key == CATCH_ALL and name == "address" else form(key) == key
            except ValueError:
                good = False
            if not good:
                yield f"{name} {key!r} is never found: keys are lower case, domains punycode"


def _logins(connection: Connection) -> Iterator[str]:
    """Names on mail servers that would not be taken any more."""
    wanted = (AccountRow.username, AccountRow.account_id, AccountRow.login)
    for username, number, login in connection.execute(select(*wanted).where(func.coalesce(AccountRow.login, "") != "")):
        try:
            mailbox_login(login or "")
        except ValueError as error:
            yield f"account {username} (number {number}) has the login {login!r}, which {error}"


def _targets(connection: Connection) -> Iterator[str]:
    """Forwarding that would not be taken any more: no mail arrives there."""
    for name, key, column in (
        ("account", AccountRow.username, AccountRow.forward_to),
        ("address", AddressRow.local, AddressRow.forward_to),
    ):
        for local, text in connection.execute(select(key, column).where(func.coalesce(column, "") != "")):
            try:
                forwarded(" ".join((text or "").split()))
            except ValueError as error:
                yield f"{name} {local}: forward_to {error}"


def _hashes(connection: Connection) -> Iterator[str]:
    rows = connection.execute(
        select(AccountRow.username, AccountRow.account_id, AccountRow.password_hash).where(
            AccountRow.kind == "forward", func.coalesce(AccountRow.password_hash, "") != ""
        )
    )
    for username, number, stored in rows:
        if not can_verify(stored or ""):
            yield f"account {username} (number {number}) has a password hash of a scheme that cannot be checked here"


def _server(row: dict[str, Any], reach: bool) -> Iterator[str]:
    name = row["name"]
    try:
        server = server_of(row, Reading(allow_plaintext=True))
    except DirectoryBroken as error:
        yield f"server {name}: {error}"
        return
    yield from _authority(row)
    for service, endpoint in (("imap", server.imap), ("submission", server.submission), ("sieve", server.sieve)):
        if endpoint is None:
            continue
        if endpoint.security == "plain" and not is_loopback(endpoint.host):
            yield f"server {name}: {service} is plain: passwords would cross the network readable"
        if reach and server.state != "down":
            yield from (f"server {name}: {service}: {text}" for text in unreachable(endpoint))


def _authority(row: dict[str, Any]) -> Iterator[str]:
    try:
        if row["tls_ca"]:
            certificates(row["tls_ca"])
    except ValueError as error:
        yield f"server {row['name']}: tls_ca {error}"


def unreachable(endpoint: Endpoint, *, timeout: float = CONNECT_TIMEOUT) -> Iterator[str]:
    """Each address of a host that does not take a connection, and why; the host itself where it has no address."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield f"{endpoint.host} has no address: {error}"
        return
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.settimeout(timeout)
                probe.connect(address)
        except OSError as error:
            yield f"{endpoint.host} ({address[0]} port {endpoint.port}) does not answer: {error}"
