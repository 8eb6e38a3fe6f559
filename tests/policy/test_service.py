"""The process: answers over its socket, lets mail pass without SQL, and says so once."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.demo import node as nodes
from app.directory.engine import open_engine
from app.policy import hosts
from app.policy.rule import EVERYBODY
from tests.policy.rules import kept, rule

pytestmark = pytest.mark.servers
ROOT = Path(__file__).resolve().parents[2]
ASKED = (
    b"request=smtpd_access_policy\nprotocol_state=RCPT\npolicy_context=%s\nsender=info@bank.example\n"
    b"recipient=alice@isp.example\nclient_address=203.0.113.7\nclient_name=unknown\nhelo_name=mx1.isp.example\n\n"
)


@dataclass(frozen=True)
class Running:
    """A service on a database that lies at `database`; `log` is what it says."""

    folder: Path
    database: Path

    def told(self, context: bytes = b"rules") -> str:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(str(self.folder / "s"))
            line.sendall(ASKED % context)
            with line.makefile("rb") as answer:
                return answer.readline().decode().strip().removeprefix("action=")

    def listens(self) -> bool:
        """The file is there before."""
        with socket.socket(socket.AF_UNIX) as line:
            return line.connect_ex(str(self.folder / "s")) == 0

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """In place of its database there is a folder, which no SQLite opens."""
    found = Running(tmp_path, tmp_path / "db")
    found.database.mkdir()
    own = {
        "POSTERN_DATABASE_URL": f"sqlite:///{found.database}",
        "POSTERN_POLICY_BIND": f"unix:{tmp_path}/s",
        "POSTERN_OWN_NAMES": "mx1.isp.example,192.0.2.25",
    }
    with (tmp_path / "log").open("wb") as log:
        words = [sys.executable, "-m", "app.policy.service"]
        process = subprocess.Popen(words, env=nodes.environment(own), cwd=ROOT, stderr=log)
    until(found.listens)
    yield found
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0, found.log


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def test_without_sql_mail_passes_at_once_and_it_is_told_once(running: Running, migrated: Path) -> None:
    began = time.monotonic()
    assert [running.told() for _ in range(20)] == ["DUNNO"] * 20
    assert time.monotonic() - began < 5  # if each of them waited until SQL is given up: 16
    running.database.rmdir()
    shutil.copy(migrated, running.database)
    until(lambda: "SQL answers again" in running.log)
    assert running.log.count("SQL does not answer") == 1
    engine = open_engine(f"sqlite:///{running.database}")
    (number,) = kept(engine, rule("deny", "bank.example", EVERYBODY))
    assert running.told().endswith(f"[rule {number}]")
    assert running.told(b"connect") == "DUNNO"
    until(lambda: running.told(b"connect").startswith("REJECT"))
    (only,) = hosts.blocks(engine, datetime.now(UTC))
    assert (only.ip, only.reason) == ("203.0.113.7", "named itself mx1.isp.example in HELO")
    until(lambda: hosts.blocks(engine, datetime.now(UTC))[0].hits > 0)
    engine.dispose()


def test_a_setting_that_is_wrong_stops_the_start() -> None:
    settings = nodes.environment({"POSTERN_POLICY_BIND": "here"})
    words = [sys.executable, "-m", "app.policy.service"]
    done = subprocess.run(words, env=settings, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("POSTERN_POLICY_BIND: ")
