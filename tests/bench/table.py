"""What was measured, as Markdown tables: pages, wire, sign-in, memory, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.bench.bare import Times
from tests.bench.counts import Counted
from tests.bench.pages import Row

_NAMES = {"list": "list, 50 rows", "open": "open a message", "frame": "frame, 100 KB newsletter", "poll": "poll"}


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first two columns are text and all others numbers."""
    align = ["---" if at < 2 else "---:" for at in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, align, *rows)) + "\n"


def pages(rows: Sequence[Row], bare: Mapping[int, Times]) -> str:
    """Latency and rate of each page, with the ratios to no keeper and to the bare exchange."""
    head = ["page", "state", "messages", "clients", "median ms", "95 % ms", "server ms", "of it IMAP"]
    head += ["processor ms", "pages/s", "without keeper", "bare IMAP"]
    slow = {(row.what, row.size, row.clients): row.result for row in rows if row.state == "no keeper"}
    lines = []
    for row in rows:
        result = row.result
        if result.failures:
            raise ValueError(f"{row.what} {row.state} {row.size}: {result.statuses}")
        direct = slow.get((row.what, row.size, row.clients))
        floor = _floor(row, bare.get(row.size))
        lines.append([
            _NAMES[row.what], row.state, f"{row.size:,}", str(row.clients),
            f"{result.middle:.1f}", f"{result.slow:.1f}",
            _number(result.server_middle), _number(result.imap_middle),
            _number(row.processor), f"{result.rate:.0f}",
            f"{direct.middle / result.middle:.1f} ×" if direct and row.state in ("warm", "2 min read") else "",
            f"{result.middle / floor:.1f} ×" if floor else "",
        ])  # fmt: skip
    return markdown(head, lines)


def _floor(row: Row, bare: Times | None) -> float | None:
    if bare is None or row.clients > 1:
        return None
    known = {
        ("list", "warm"): bare.known,
        ("list", "cold"): bare.envelopes,
        ("list", "no keeper"): bare.reconnect_list,
        ("open", "warm"): bare.message,
        ("open", "no keeper"): bare.reconnect_message,
    }
    return known.get((row.what, row.state))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def bare(found: Mapping[int, Times]) -> str:
    """The bare IMAP exchanges."""
    head = ["messages", "", "list, rows known", "list, envelopes", "message", "list with login", "message with login"]
    rows = [
        [f"{size:,}", "ms"]
        + [f"{one:.2f}" for one in (t.known, t.envelopes, t.message, t.reconnect_list, t.reconnect_message)]
        for size, t in found.items()
    ]
    return markdown(head, rows)


def wire(found: Sequence[Counted]) -> str:
    """Commands and bytes by page."""
    head = ["page", "state", "messages", "logins", "commands", "bytes from IMAP", "bytes to IMAP", "which"]
    lines = []
    for one in found:
        counts = one.counts
        lines.append([
            _NAMES[one.what], one.state, f"{one.size:,}", str(counts.logins), str(len(counts.commands)),
            f"{counts.received:,}", f"{counts.sent:,}", " ".join(counts.commands),
        ])  # fmt: skip
    return markdown(head, lines)


def machine() -> str:
    """One line that names the machine and the versions."""
    cpu = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0]) / 1048576
    versions = [_version("dovecot", "--version"), _version("redis-server", "--version")]
    return (
        f"{len(os.sched_getaffinity(0))} × {cpu[0] if cpu else platform.machine()}, {memory:.0f} GB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, " + ", ".join(versions)
    )


def _version(program: str, option: str) -> str:
    done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+(\.\d+)*", done.stdout)
    return f"{program} {found[0] if found else '?'}"
