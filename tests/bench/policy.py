"""How many questions of Postfix the policy service answers on one core, and what a decision costs SQL, at 200,000
rules of 20,000 accounts. A domain that every second account denies is the worst of them.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert

from app.demo import node as nodes
from app.directory.engine import open_engine
from app.directory.tables import AccountRow, DomainRow, SiteRow
from app.migrations.change import upgrade
from app.policy.decisions import Mail, decisions, switched_off
from app.policy.tables import PolicySettingRow, RuleRow
from tests.bench.table import markdown
from tests.databases import MariaDB, PostgreSQL

ACCOUNTS, RULES = 20_000, 200_000
HATED = "hated.example"  # by every second account
CONNECTIONS = 50
_TICKS = os.sysconf("SC_CLK_TCK")
Say = Callable[[str], None]


def fill(engine: Engine, rules: int) -> None:
    """One site, its accounts, and rules: as many of each account, some of the site and of everybody."""
    now, chance = datetime.now(UTC), random.Random(7)
    with engine.begin() as connection:
        connection.execute(insert(SiteRow), [{"site_id": 1, "name": "isp", "primary_domain": "isp.example"}])
        connection.execute(insert(DomainRow), [{"domain_id": 1, "name": "isp.example", "site_id": 1}])
        people = [{"account_id": at, "site_id": 1, "username": f"u{at}"} for at in range(1, ACCOUNTS + 1)]
        connection.execute(insert(AccountRow), people)
        off = {"scope_rank": 2, "name": "rbl", "value": "0", "updated_at": now, "locked": False}
        some = [{**off, "scope_id": str(at)} for at in range(1, ACCOUNTS, 10)]
        none = {**off, "scope_rank": 0, "scope_id": "", "name": "greylist"}
        connection.execute(insert(PolicySettingRow), [none, *some])
        rows = list(_rules(rules, now, chance))
        for start in range(0, len(rows), 5000):
            connection.execute(insert(RuleRow), rows[start : start + 5000])


def _rules(count: int, now: datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Of each account in turn. Each hundredth is one of everybody's; the first half of the accounts deny one domain."""
    for at in range(count):
        kind, value = _value(at)
        everybody = at % 100 == 0 and value != HATED
        yield {
            "scope_rank": 0 if everybody else 2,
            "scope_id": "" if everybody else str(at % ACCOUNTS + 1),
            "action": "deny" if value == HATED else chance.choice(["deny", "deny", "allow"]),
            "kind": kind,
            "value": value,
            "created_at": now,
        }


def _value(at: int) -> tuple[int, str]:
    if at < ACCOUNTS // 2:
        return 2, HATED
    kind = at // ACCOUNTS % 3 + 1
    ip = f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}"
    return kind, (f"s{at}@host{at % 9973}.example", f"host{at % 99_991}.example", f"{ip}/32")[kind - 1]


def mails(count: int, seed: int, *, hated: bool = False) -> list[Mail]:
    """Mails of many senders; or of the one that everybody knows."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        number, host = chance.randrange(1, ACCOUNTS + 1), HATED if hated else f"host{chance.randrange(20_000)}.example"
        ip = f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
        found.append(Mail(f"s{chance.randrange(9**6)}@{host}", ip, f"u{number}@isp.example", str(number), "1"))
    return found


def asked(engine: Engine, size: int, rounds: int, *, hated: bool = False) -> float:
    """Milliseconds of one decision, its settings included, of so many at once: the median."""
    times = []
    for at in range(rounds):
        some = mails(size, at, hated=hated)
        now, began = datetime.now(UTC), time.perf_counter()
        decisions(engine, some, now)
        switched_off(engine, some)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


@contextmanager
def databases() -> Iterator[list[tuple[str, str, int]]]:
    """Name, URL and process of each; SQLite works in ours."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder, MariaDB() as maria, PostgreSQL() as postgres:
        found = [("SQLite", f"sqlite:///{folder}/policy.db", 0)]
        for name, server in (("PostgreSQL", postgres), ("MariaDB", maria)):
            assert server.process is not None
            found.append((name, server.new_database(), server.process.pid))
        yield found


def table(say: Say, *, quick: bool) -> str:
    """Both tables."""
    rules = RULES // 10 if quick else RULES
    asks, answers = [], []
    with databases() as kinds:
        for name, url, pid in kinds:
            say(f"{name}: {rules:,} rules")
            _filled(url, rules)
            engine, rounds = open_engine(url), 25 if quick else 100
            asked(engine, 1, 20)
            figures = [asked(engine, size, rounds, hated=all_know) for size in (1, 64) for all_know in (False, True)]
            engine.dispose()
            asks.append([name, f"{rules:,}", *(f"{each:.2f}" for each in figures)])
            say(f"{name}: the service")
            rate, ours, theirs = serve(url, 4_000 if quick else 40_000, pid)
            answers.append([name, f"{1 / ours:,.0f}", f"{theirs * 1000:.2f}" if pid else "", f"{rate:,.0f}"])
    head = ["decision by SQL, by the clock", "rules", "one, ms", "that all know", "64 at once, ms", "that all know"]
    told = ["policy service, 50 connections", "answers/s of one core", "database's ms", "answers/s by the clock"]
    return markdown(head, asks) + "\n" + markdown(told, answers)


def _filled(url: str, rules: int) -> None:
    patient = open_engine(url, timeout=None)
    upgrade(patient)
    fill(patient, rules)
    if patient.dialect.name == "postgresql":
        with patient.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    patient.dispose()


def serve(url: str, count: int, database: int) -> tuple[float, float, float]:
    """Answers a second by the clock; seconds of processor time for one, of the service and of its database."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        own = {"POSTERN_DATABASE_URL": url, "POSTERN_SECRET_KEY": secrets.token_urlsafe(32)}
        settings = nodes.environment({**own, "POSTERN_POLICY_BIND": f"unix:{folder}/s", "POSTERN_LOG_LEVEL": "warning"})
        process = subprocess.Popen([sys.executable, "-m", "app.policy.service"], env=settings)
        try:
            while not Path(folder, "s").exists():
                time.sleep(0.05)
            asyncio.run(_load(f"{folder}/s", mails(CONNECTIONS * 20, 1)))  # it has loaded what it needs
            had, began = (_processor(process.pid), _of_all(database)), time.perf_counter()
            asyncio.run(_load(f"{folder}/s", mails(count, 2)))
            spent = time.perf_counter() - began
            ours, theirs = _processor(process.pid) - had[0], _of_all(database) - had[1]
            return count / spent, ours / count, theirs / count
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def _of_all(pid: int) -> float:
    """Of a database's process and its children; those of PostgreSQL live as long as their connections."""
    if not pid:
        return 0.0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_processor(each) for each in (pid, *map(int, children)))


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def _load(path: str, some: list[Mail]) -> None:
    """Asks on all connections at once, as smtpd processes do: one thing after another on each."""

    async def ask(mine: list[Mail]) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        for each in mine:
            writer.write(request(each))
            answer = await reader.readuntil(b"\n\n")
            assert answer.startswith(b"action="), answer
        writer.close()

    await asyncio.gather(*(ask(some[at::CONNECTIONS]) for at in range(CONNECTIONS)))


def request(mail: Mail) -> bytes:
    """As Postfix 3.7 asks."""
    host = mail.sender.partition("@")[2]
    lines = (
        "request=smtpd_access_policy", "protocol_state=RCPT", "protocol_name=ESMTP", f"helo_name={host}", "queue_id=",
        f"sender={mail.sender}", f"recipient={mail.recipient}", "recipient_count=0", f"client_address={mail.ip}",
        f"client_name={host}", f"reverse_client_name={host}", "instance=1a2b.3c4d.0", "sasl_method=",
        "sasl_username=", "sasl_sender=", "size=12345", "ccert_subject=", "ccert_issuer=", "ccert_fingerprint=",
        "encryption_protocol=", "encryption_cipher=", "encryption_keysize=0", "etrn_domain=", "stress=",
        "ccert_pubkey_fingerprint=", "client_port=52432", "policy_context=rules", "server_address=192.0.2.25",
        "server_port=25",
    )  # fmt: skip
    return "\n".join((*lines, "", "")).encode()
