"""A keeper of the test's own in a process of its own, and short ways to borrow from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from app.directory.account import Endpoint, Security, Server
from app.keeper.lease import Borrower, Login, status
from app.mail.login import MasterUser
from tests.conftest import MailAccount

PATIENCE = 5.0  # a keeper that has no processor for a quarter of a second is not what most tests are about
SECRET = b"0123456789abcdef0123456789abcdef"
ROOT = Path(__file__).parents[2]


def place(
    port: int, security: Security = "plain", *, host: str = "127.0.0.1", ca: str | None = None, pin: str | None = None
) -> Endpoint:
    """An endpoint on the loopback."""
    return Endpoint(host, port, security, ca=ca, pin=pin)


def until(holds: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until `holds()` is true and return it; fail otherwise."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.01)
    return found


@dataclass(frozen=True)
class Limits:
    """As config.default.Limits, with small numbers."""

    account_per_node: int = 3
    account_total: int = 8
    server_total: int = 200
    park_after: float = 60
    lease_timeout: float = 60
    relogin_after: float = 900


@dataclass(frozen=True)
class Deadlines:
    """As config.default.Deadlines."""

    connect: float = 2.0
    login: float = 5.0
    sign_in: float = 20.0
    first_byte: float = 3.0
    search: float = 20.0
    silence: float = 30.0


class KeeperProcess:
    """`python -m app.keeper` with settings of its own; those in `options` are not checked for sense."""

    def __init__(self, redis_url: str, folder: Path, **options: Any) -> None:
        self.path = folder / "keeper" / "socket"
        self.log_file = folder / "keeper.log"
        self.options = {"keeper_socket": str(self.path), "redis_url": redis_url, **options}
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        self.environment |= {"POSTERN_SECRET_KEY": SECRET.decode(), "POSTERN_REDIS_URL": redis_url}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        before = self._inode()
        with self.log_file.open("ab") as log:
            command = [sys.executable, "-m", "tests.keeper.run", json.dumps(self.options)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=log)
        until(lambda: self._inode() not in (None, before) and self.status(), 20)
        return self

    def _inode(self) -> int | None:
        return self.path.stat().st_ino if self.path.exists() else None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def stop(self) -> None:
        """In order; fails when it does not end by itself."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGUSR1)  # writes where it is to its log
                time.sleep(0.2)
                self.kill()
                raise AssertionError(f"the keeper did not end by itself:\n{self.log()}") from None

    def log(self) -> str:
        return self.log_file.read_text()

    def borrower(self, *, silence: float = PATIENCE, **deadlines: float) -> Borrower:
        return Borrower(str(self.path), SECRET, Limits(), Deadlines(**deadlines), silence=silence)

    def status(self) -> Any:
        return status(str(self.path), seconds=2 * PATIENCE)

    def count(self, *states: str) -> int:
        """Connections in these states, over all servers."""
        return sum(place.get(state, 0) for place in self.status()["servers"].values() for state in states)

    def descriptors(self) -> int:
        """Open files of the process."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def login_of(
    account: MailAccount,
    *,
    port: int | None = None,
    password: str | None = None,
    epoch: str = "0",
    endpoint: Endpoint | None = None,
    master: MasterUser | None = None,
    server: str = "1",
) -> Login:
    """What a worker borrows with, for an account of the tests."""
    where = endpoint or place(port or account.server.imap_port)
    secret = account.password if password is None else password
    return Login(Server(server, where), f"id:{account.login}", account.login, secret, epoch, "203.0.113.7", master)


def folder() -> Path:
    """A short path for Unix sockets."""
    return Path(tempfile.mkdtemp(prefix="postern-keeper-"))
