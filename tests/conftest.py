"""Fixtures of all tests: real servers on loopback, started when first asked for, thrown away at the end.

A test without a marker is pure: it cannot open a socket and may not ask for a server.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import redis as redis_client
from hypothesis import settings

from app.demo.certificate import Authority, Certificate
from app.demo.dovecot import Dovecot
from app.demo.redis import RedisServer

NEEDS_SERVERS = {"server_folder", "redis_server", "redis", "dovecot", "two_dovecots", "mail_account", "make_account"}
MARKERS = ("servers", "databases", "browser")

settings.register_profile("postern", deadline=None, database=None, print_blob=True)
settings.load_profile("postern")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse unmarked tests that need servers, and run pure tests first and browsers last.

    Playwright keeps an event loop running in the main thread once it has started; tests of asyncio come before it.
    """
    for item in items:
        asked = NEEDS_SERVERS & set(getattr(item, "fixturenames", ()))
        if asked and not _marks(item):
            raise pytest.UsageError(f"{item.nodeid} uses {', '.join(sorted(asked))} but carries no marker of {MARKERS}")
    items.sort(key=lambda item: max((MARKERS.index(mark) + 1 for mark in _marks(item)), default=0))


def _marks(item: pytest.Item) -> list[str]:
    return [mark for mark in MARKERS if item.get_closest_marker(mark)]


@pytest.fixture(autouse=True)
def no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only tests with a marker reach the network."""
    if _marks(request.node):
        return

    def refuse(*_args: object, **_kw: object) -> NoReturn:
        raise AssertionError("a test without a marker opened a socket; mark it `servers`")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def make_server_folder() -> Path:
    """A short path that every user may enter: Dovecot started by root reads mail as nobody."""
    folder = Path(tempfile.mkdtemp(prefix="postern-test-"))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """Files of the servers that live as long as the session."""
    folder = make_server_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a server of one test's own; use it, not tmp_path, for a Dovecot."""
    folder = make_server_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def authority(servers_folder: Path) -> Authority:
    """A certificate authority that nobody trusts by default."""
    return Authority(servers_folder / "authority")


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    """A certificate for localhost and 127.0.0.1."""
    return authority.issue("localhost", "127.0.0.1")


@pytest.fixture(scope="session")
def redis_server(servers_folder: Path) -> Iterator[RedisServer]:
    """One Redis for the session; take `redis` to have it empty."""
    server = RedisServer(servers_folder / "redis").start()
    yield server
    server.stop()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[redis_client.Redis]:
    """A client of an empty Redis, answers as bytes."""
    client = redis_client.Redis.from_url(redis_server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def two_dovecots(servers_folder: Path, certificate: Certificate) -> Iterator[tuple[Dovecot, Dovecot]]:
    """Two mail servers with STARTTLS, TLS, ManageSieve, hibernation and a master user ("master", "master-password")."""
    servers = tuple(
        Dovecot(
            servers_folder / name,
            tls=certificate,
            sieve=True,
            hibernate=True,
            master=("master", "master-password"),
        ).start()
        for name in ("one", "two")
    )
    yield servers[0], servers[1]
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def dovecot(two_dovecots: tuple[Dovecot, Dovecot]) -> Dovecot:
    """The first of the two mail servers."""
    return two_dovecots[0]


@dataclass(frozen=True)
class MailAccount:
    """An account that exists for one test: empty folders Drafts, Sent, Junk, Trash, Archive and INBOX."""

    server: Dovecot
    login: str
    password: str

    def deliver(self, *messages: bytes) -> None:
        """Deliver by LMTP."""
        self.server.deliver(self.login, *messages)

    def append(self, message: bytes, **options: object) -> None:
        """Put by IMAP; options as of Dovecot.append (mailbox, flags, arrived)."""
        self.server.append(self.login, message, **options)  # type: ignore[arg-type]

    def logins(self) -> int:
        """Count the IMAP logins of this account so far."""
        return self.server.logins(self.login)


MakeAccount = Callable[..., MailAccount]


@pytest.fixture
def make_account(two_dovecots: tuple[Dovecot, Dovecot]) -> MakeAccount:
    """A function (server=0 or 1 or a Dovecot, password=…) -> fresh MailAccount with a random login."""

    def make(server: int | Dovecot = 0, *, password: str | None = None) -> MailAccount:
        chosen = two_dovecots[server] if isinstance(server, int) else server
        account = MailAccount(chosen, f"box{secrets.randbelow(10**9)}", password or secrets.token_urlsafe(9))
        chosen.add_user(account.login, account.password)
        return account

    return make


@pytest.fixture
def mail_account(make_account: MakeAccount) -> MailAccount:
    """A fresh account on the first mail server."""
    return make_account()


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """The environment for child processes, without settings of the developer's own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
