"""Fills directories for tests, in few words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event, text

from app.directory.change import write_records
from app.directory.names import Record
from app.directory.record import parse_record

Fields = dict[str, str]


def fill(engine: Engine, *records: tuple[str, Fields]) -> None:
    """Write records given as text fields; anything wrong fails the test."""
    checked = []
    for name, fields in records:
        values, wrong = parse_record(name, fields)
        assert not wrong, wrong
        checked.append(Record(name, values))
    with engine.begin() as connection:
        report = write_records(connection, checked)
        assert not report.problems, report.problems


def server(name: str = "mail1", **fields: str) -> tuple[str, Fields]:
    return "server", {"name": name, "imap_host": f"{name}.example.net", **fields}


def site(name: str, *domains: str, **fields: str) -> list[tuple[str, Fields]]:
    """A site and its domains, the first being the primary one."""
    first = ("site", {"name": name, "primary_domain": domains[0], **fields})
    return [first, *(("domain", {"name": domain, "site": name}) for domain in domains)]


def account(site: str, username: str, **fields: str) -> tuple[str, Fields]:
    usual = {} if fields.get("kind") == "forward" else {"server": "mail1"}
    return "account", {"site": site, "username": username, **usual, **fields}


def alias(site: str, local: str, domain: str = "*", **fields: str) -> tuple[str, Fields]:
    return "address", {"site": site, "local": local, "domain": domain, **fields}


def run(engine: Engine, *lines: str) -> None:
    """Run SQL as it is."""
    with engine.begin() as connection:
        for line in lines:
            connection.execute(text(line))


def clear(engine: Engine) -> None:
    """Remove all rows."""
    run(engine, *(f"DELETE FROM {table}" for table in ("address", "account", "mail_server", "domain", "site")))


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL statements that an engine sends within the block."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, line: str, *_rest: object) -> None:
        sent.append(line)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
