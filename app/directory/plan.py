"""Reads how a database would run a statement, and names the tables that it would read whole.

A look-up that reads a table whole is as slow as the table is large; `directory check` and a test see to it that
none does.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, Executable, event, text

from app.directory.engine import asking

_LARGE_BYTES = 64 * 1024  # eight pages, about what a look-up by index reads
_LARGE_ROWS = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps as the database tells them, and the large tables that are read whole."""

    steps: tuple[str, ...]
    scans: tuple[str, ...]


def plan(engine: Engine, statement: Executable, parameters: Mapping[str, Any]) -> Plan:
    """The plan of a statement. Raises DirectoryAway, DirectoryBroken.

    Small tables are left out, where the database knows sizes: reading them whole is the quickest way.
    """
    kind = engine.dialect.name
    with asking(), engine.connect() as connection:
        rows = _explained(connection, statement, parameters, _PREFIXES.get(kind, "EXPLAIN "))
        found = _READERS.get(kind, _mysql_plan)(rows)
        if kind == "postgresql":
            found = replace(found, scans=_large(connection, found.scans))
    return found


def _large(connection: Connection, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some tables and indexes of PostgreSQL that are larger than a few pages."""
    size = text("SELECT pg_relation_size(to_regclass(quote_ident(:name)))")
    return tuple(name for name in names if (connection.scalar(size, {"name": name}) or 0) > _LARGE_BYTES)


_PREFIXES = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN (FORMAT JSON) "}


def _explained(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any], prefix: str
) -> list[dict[str, Any]]:
    """The answer to the very statement with the very parameters, with EXPLAIN put before it on its way out."""

    def explain(_c: object, _cursor: object, line: str, values: Any, _context: object, _many: bool) -> tuple[str, Any]:
        return prefix + line, values

    event.listen(connection, "before_cursor_execute", explain, retval=True)
    try:
        cursor = connection.execute(statement, dict(parameters)).cursor
        names = [column[0] for column in cursor.description] if cursor and cursor.description else []
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if cursor else []
    finally:
        event.remove(connection, "before_cursor_execute", explain)


def _sqlite_plan(rows: list[dict[str, Any]]) -> Plan:
    steps = tuple(str(row["detail"]) for row in rows)
    inner = ("found", "SUBQUERY", "(", "CONSTANT")  # `found` holds one row
    scans = [step.split()[1] for step in steps if step.startswith("SCAN ") and not step[5:].startswith(inner)]
    return Plan(steps, tuple(scans))


def _postgresql_plan(rows: list[dict[str, Any]]) -> Plan:
    answer = rows[0]["QUERY PLAN"]
    tree = json.loads(answer) if isinstance(answer, str) else answer
    nodes = list(_nodes(tree[0]["Plan"]))
    steps = [
        f"{node['Node Type']} {node.get('Index Name') or node.get('Relation Name') or ''}".rstrip() for node in nodes
    ]
    scans = [str(node["Relation Name"]) for node in nodes if node["Node Type"] == "Seq Scan"]
    # an index read whole is no look-up either
    scans += [str(node["Index Name"]) for node in nodes if "Index" in node["Node Type"] and "Index Cond" not in node]
    return Plan(tuple(steps), tuple(scans))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _mysql_plan(rows: list[dict[str, Any]]) -> Plan:
    """`ALL` reads a table whole, `index` an index; a name in <> is a result within the statement, not a table."""
    steps = [f"{row['type']} {row['table']} {row['key'] or ''} {row['Extra'] or ''}".strip() for row in rows]
    whole = [
        row
        for row in rows
        if row["type"] in ("ALL", "index") and not str(row["table"]).startswith("<") and int(row["rows"]) > _LARGE_ROWS
    ]
    return Plan(tuple(steps), tuple(str(row["table"]) for row in whole))


_READERS = {"sqlite": _sqlite_plan, "postgresql": _postgresql_plan}
