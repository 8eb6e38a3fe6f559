"""Memory of a worker that has shown pages, and of a keeper that holds a thousand parked connections, plain and TLS."""

from __future__ import annotations

import re
import time
from pathlib import Path

from app.demo.certificate import Authority, Certificate
from app.directory.account import Endpoint, Server
from app.keeper.lease import Borrower, Login
from config.default import load
from tests.bench import load as http
from tests.bench.node import Node, descendants
from tests.bench.pages import paths
from tests.bench.peer import running
from tests.bench.table import markdown
from tests.bench.world import World


def resident(pid: int) -> float:
    """Resident memory in MB (VmRSS): pages shared with other processes count in each."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS") / 1024


def peak(pid: int) -> float:
    """The most that it has been (VmHWM)."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM") / 1024


def proportional(pid: int) -> float:
    """The same with shared pages divided among those who share them (Pss)."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") / 1024


def _kilobytes(path: Path, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+)", path.read_text(), re.M)
    return float(found[1]) if found else 0.0


def table(world: World, *, count: int) -> str:
    """Both as a Markdown table."""
    rows = []
    with world.node("worked") as node:
        _work(world, node)
        for pid in node.workers():
            rows.append(_row(pid, "worker", "after some thousand lists, messages, frames"))
        rows.append(_row(_keeper(node), "keeper", "8 people signed in"))
    certificate = Authority(world.scratch / "authority").issue("localhost", "127.0.0.1")
    for tls in (None, certificate):
        with running(tls) as port, world.node("holding", **_generous(count)) as node:
            empty = resident(_keeper(node))
            _hold(node, port, count, tls)
            time.sleep(3)
            held = len(list(Path(f"/proc/{_keeper(node)}/fd").iterdir()))
            if held < count:
                raise ValueError(f"the keeper has {held} descriptors open: it does not hold {count} connections")
            what = f"{count:,} parked {'TLS' if tls else 'plain'} connections (with none {empty:.0f} MB)"
            rows.append(_row(_keeper(node), "keeper", what))
    return markdown(["process", "doing", "resident MB", "proportional MB"], rows)


def _work(world: World, node: Node) -> None:
    size = 2000
    people = world.signed_in(node, size)
    for what in ("list", "open", "frame", "list"):
        asked = paths(what, people[0], size)
        http.run(node.port, [[one.request(path) for path in asked] for one in people], seconds=3)


def _generous(count: int) -> dict[str, str]:
    return {"POSTERN_SERVER_TOTAL": str(count + 100), "POSTERN_PARK_AFTER": "1"}


def _hold(node: Node, port: int, count: int, certificate: Certificate | None) -> None:
    """Borrow and hand back one connection of each of `count` accounts, as workers do."""
    settings = load(node.environ)
    security = "tls" if certificate else "plain"
    imap = Endpoint("127.0.0.1", port, security, ca=certificate.ca if certificate else None)  # type: ignore[arg-type]
    server = Server(id="held", imap=imap)
    borrower = Borrower(str(settings.keeper_socket), settings.secret_key, settings.limits, settings.deadlines)
    for number in range(count):
        login = Login(server=server, account_id=f"held{number}", login=f"held{number}", password="p", epoch="0")
        for _ in range(5):  # on a busy machine the keeper may be silent for 250 ms: then the login was a direct one
            before = borrower.counters().direct
            with borrower.lease(login) as client:
                client.select("INBOX")
            if borrower.counters().direct == before:
                break
        else:
            raise ValueError("five direct logins one after the other: the keeper holds nothing")


def _keeper(node: Node) -> int:
    found = node.keeper_process()
    if found is None:
        raise ValueError(f"no keeper below gunicorn {node.process.pid}: {descendants(node.process.pid)}")
    return found


def _row(pid: int, name: str, what: str) -> list[str]:
    return [name, what, f"{resident(pid):.0f}", f"{proportional(pid):.0f}"]
