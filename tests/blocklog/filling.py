"""Rows for tests of the block log: single ones with what matters, and very many that the database makes itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine, insert, text

from app.blocklog.codes import Accepted, Outcome, Policy
from app.blocklog.tables import BlockRow, RecentRow

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)  # a Thursday
_ids: Iterator[int] = count(1)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def stopped(engine: Engine, account: str = "anna", at: datetime = NOW, sender: str = "bob@shop.example", **more: Any):
    """Writes one row of block_log and returns its id."""
    local, _, domain = sender.rpartition("@")
    values = {"id": next(_ids), "site": "s", "policy": Policy.rbl, "outcome": Outcome.refused, "source_id": 1, **more}
    values |= {"account_id": account, "blocked_at": at, "sender_local": local, "sender_domain": domain}
    with engine.begin() as connection:
        connection.execute(insert(BlockRow.__table__).values(values))
    return values["id"]


def arrived(engine: Engine, account: str = "anna", at: datetime = NOW, sender: str = "bob@shop.example", **more: Any):
    """Writes one row of recent_mail and returns its id."""
    local, _, domain = sender.rpartition("@")
    values = {"id": next(_ids), "site": "s", "outcome": Accepted.inbox, "source_id": 1, **more}
    values |= {"account_id": account, "received_at": at, "sender_local": local, "sender_domain": domain}
    with engine.begin() as connection:
        connection.execute(insert(RecentRow.__table__).values(values))
    return values["id"]


# -- very many --------------------------------------------------------------------------------------------------------

ACCOUNTS = 35_500
DAYS = 90
LARGEST = "1"  # the site of two accounts of three; 418 others share the rest
HEAVIEST = "0"  # the account with the most mail
_SERIES = {
    "sqlite": "(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})"
    " SELECT n FROM s) t",
    "postgresql": "generate_series({first}::bigint, {last}::bigint) AS t(n)",
    "mariadb": "(SELECT CAST(seq AS SIGNED) AS n FROM seq_{first}_to_{last}) t",
}
_LATER = {
    "sqlite": "datetime('{start}', '+' || (({seconds})) || ' seconds') || '.000000'",
    "postgresql": "timestamp '{start}' + ({seconds}) * interval '1 second'",
    "mariadb": "timestamp '{start}' + INTERVAL ({seconds}) SECOND",
}
# Many mails for few people: the square of an even number out of 2**16. Multiplied by odd numbers, as hashes are.
_WHO = "(((({hash}) * ({hash})) * {accounts}) >> 32)".replace("{hash}", "(((n * 2654435761) % 4294967296) >> 16)")
_SECONDS = f"((n * 2246822519) % 4294967296) % {DAYS * 86400}"
_POLICY = (
    "CASE WHEN n % 100 < 45 THEN 1 WHEN n % 100 < 60 THEN 9 WHEN n % 100 < 72 THEN 3 WHEN n % 100 < 82 THEN 18"
    " WHEN n % 100 < 90 THEN 11 WHEN n % 100 < 95 THEN 10 WHEN n % 100 < 98 THEN 13 ELSE 7 END"
)


# Of each table: the column of the time; further columns, and what is in them.
_OWN = {
    "block_log": (
        "blocked_at",
        {"policy": "policy", "outcome": "CASE WHEN policy = 9 THEN 2 ELSE 1 END", "stage": "4", "reason": "'blocked'"},
    ),
    "recent_mail": ("received_at", {"outcome": "1", "size": "4096", "reply": "'250 2.0.0 Ok'"}),
}
_SHARED = {
    "account_id": "'' || who",
    "id": "n",
    "site": "CASE WHEN who % 3 <> 2 THEN '1' ELSE '' || (2 + who % 418) END",
    "client_ip": "'192.0.2.' || (n % 256)",
    "client_name": "'mx' || (n % 5000) || '.sender.example'",
    "sender_local": "'info' || (n % 1000)",
    "sender_domain": "'sender' || (n % 3000) || '.example'",
    "rcpt": "'user' || who || '@isp.example'",
    "source_id": "1",
}


def fill(engine: Engine, rows: int, *, first: int = 1, now: datetime = NOW, table: str = "block_log") -> None:
    """Writes so many rows of 90 days up to `now` for 35,500 accounts of 419 sites, in the order of the key."""
    kind = engine.dialect.name
    start = (now - timedelta(days=DAYS)).replace(tzinfo=None)
    at = _LATER[kind].format(start=start, seconds=_SECONDS)
    series = _SERIES[kind].format(first=first, last=first + rows - 1)
    made = f"SELECT n, {at} AS at, {_WHO.format(accounts=ACCOUNTS)} AS who, {_POLICY} AS policy FROM {series}"
    time_column, further = _OWN[table]
    columns = {time_column: "at", **_SHARED, **further}
    line = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM ({made}) made"
    with engine.begin() as connection:
        if kind == "mariadb":
            connection.exec_driver_sql("SET SESSION sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')")
        connection.execute(text(f"{line} ORDER BY who, at".replace(":", "\\:")))
        if kind == "mariadb":
            connection.exec_driver_sql("SET SESSION sql_mode = DEFAULT")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql({"mariadb": f"ANALYZE TABLE {table}"}.get(kind, f"ANALYZE {table}"))
