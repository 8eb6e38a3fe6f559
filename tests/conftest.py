"""Fixtures of all tests: real servers on loopback, started when first asked for, thrown away at the end.

A test without a marker is pure: it cannot open a socket and may not ask for a server.
"""

from __future__ import annotations

import gc
import secrets
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import redis as redis_client
from hypothesis import settings

from app.demo import directory
from app.demo import node as nodes
from app.demo.certificate import Authority, Certificate
from app.demo.dovecot import Dovecot
from app.demo.node import Node
from app.demo.redis import RedisServer
from app.directory.engine import open_engine
from tests import dovecot24
from tests.anydatabase import mariadb, postgresql  # noqa: F401 - fixtures
from tests.smtpsink import Sink
from tests.visitor import Visitor

NEEDS_SERVERS = {
    *("server_folder", "redis_server", "redis", "dovecot", "two_dovecots", "mail_account", "make_account"),
    *("node", "site", "resident", "make_resident"),
}
MARKERS = ("servers", "databases", "browser")

# The same examples each time, so that a change is judged by what it breaks; `--hypothesis-profile random` takes others.
settings.register_profile("postern", deadline=None, database=None, print_blob=True, derandomize=True)
settings.register_profile("random", deadline=None, database=None, print_blob=True, max_examples=2000)
settings.register_profile("quick", settings.get_profile("postern"), max_examples=5)  # `make unit`
settings.load_profile("postern")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--dovecot 2.4`: the two mail servers of the tests are of that version (.ci/debian13)."""
    parser.addoption("--dovecot", default="2.3", choices=tuple(dovecot24.VERSIONS))


def pytest_configure() -> None:
    """Ten thousand collected tests are never garbage, and each full collection would look at all of them: 0.8 s."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is collected, among what the tests themselves make."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse unmarked tests that need servers, and run pure tests first and browsers last.

    Playwright keeps an event loop running in the main thread once it has started; tests of asyncio come before it.
    Of the browsers' files those with most tests come first, so that two processes that share them end together.
    """
    for item in items:
        asked = NEEDS_SERVERS & set(getattr(item, "fixturenames", ()))
        if asked and not _marks(item):
            raise pytest.UsageError(f"{item.nodeid} uses {', '.join(sorted(asked))} but carries no marker of {MARKERS}")
    counts = Counter(item.path for item in items if item.get_closest_marker("browser"))
    items.sort(
        key=lambda item: (max((MARKERS.index(mark) + 1 for mark in _marks(item)), default=0), -counts[item.path])
    )


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
def outgoing() -> Iterator[Sink]:
    """Where the two mail servers send what scripts answer and forward."""
    with Sink({}) as sink:
        yield sink


@pytest.fixture(scope="session")
def two_dovecots(
    request: pytest.FixtureRequest, servers_folder: Path, certificate: Certificate, outgoing: Sink
) -> Iterator[tuple[Dovecot, Dovecot]]:
    """Two mail servers with STARTTLS, TLS, ManageSieve, hibernation and a master user ("master", "master-password")."""
    kind = dovecot24.VERSIONS[request.config.getoption("--dovecot")]
    servers = tuple(
        kind(
            servers_folder / name,
            tls=certificate,
            sieve=True,
            hibernate=True,
            master=("master", "master-password"),
            # As shipped. Mail that comes in the half second before a hibernation is not told until the next change
            # (seen on 2.3.19): with the demo's 1 s many a test of new mail would meet it.
            options=f"imap_hibernate_timeout = 5 mins\nsubmission_host = 127.0.0.1:{outgoing.port}\n",
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
        """Count the IMAP logins of this account so far, once that rests: a server logs one after it has answered."""
        found, before, end = self.server.logins(self.login), -1, time.monotonic() + 30
        while found != before or not (rests(self.server) or time.monotonic() > end):
            time.sleep(0.2)
            found, before = self.server.logins(self.login), found
        return found


def rests(server: Dovecot) -> bool:
    """Whether it has logged what it has done: of its processes those that log logins sleep. On a busy machine they may
    have to wait for their turn longer than somebody for whom they did it."""
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    states = []
    for pid in children.read_text().split() if children.exists() else ():
        with suppress(OSError):  # it ended meanwhile
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
            states += rest.split()[0] if name in ("imap-login", "log") else ""
    return not set(states) & set("RDT")


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


# How the site sets a new password of its Dovecots, which look at a file once a second.
SET_PASSWORD = """\
#!/bin/sh
IFS= read -r old; IFS= read -r new
for folder in {folders}; do
    [ -f "$folder/$1" ] || continue
    [ "$new" = "used before, says the site" ] && echo "It was used before." && exit 1
    sleep 1.1
    printf '%s:{{PLAIN}}%s\\n' "$1" "$new" >"$folder/.$1.set" && chmod 644 "$folder/.$1.set"
    exec mv "$folder/.$1.set" "$folder/$1"
done
exit 75
"""
AUTHSERV_ID = "mx.one.example"  # under which name the site's border says who was confirmed


class Site:
    """What nodes of the tests share: a directory (in SQLite, or in the database of that URL), a Redis of their own, the
    two mail servers."""

    def __init__(
        self, folder: Path, servers: tuple[Dovecot, Dovecot], *, database: str = "", notices: int = 1
    ) -> None:
        self.servers = servers
        self.redis = RedisServer(folder / "redis").start()
        self.smtp = Sink({})
        self.smtp.__enter__()
        setter = folder / "set-password"
        setter.write_text(SET_PASSWORD.format(folders=" ".join(str(each.folder / "accounts") for each in servers)))
        setter.chmod(0o755)
        self.settings = {
            "POSTERN_SECRET_KEY": secrets.token_urlsafe(32),
            "POSTERN_DATABASE_URL": database or f"sqlite:///{folder}/directory.sqlite",
            "POSTERN_REDIS_URL": self.redis.url,
            "POSTERN_THROTTLE_EXEMPT": "127.0.0.0/8",
            "POSTERN_AUTHSERV_IDS": AUTHSERV_ID,
            "POSTERN_UNDO_SECONDS": "3",
            "POSTERN_OUTBOX_KEY": secrets.token_urlsafe(32),
            "POSTERN_REPORT_TO": "postmaster@example.org",
            "POSTERN_RULES_ASKED": "1",
            "POSTERN_SPAM_ASKED": "rbl greylist junk_score reject_score spam_action languages",
            "POSTERN_PUBLIC_URL": "http://localhost",
            "POSTERN_NOTICE_FROM": "webmail@example.org",
            "POSTERN_NOTICE_URL": f"smtp+plain://127.0.0.1:{notices}",
            "POSTERN_AMAVIS_RELEASE": "127.0.0.1:1",
            "POSTERN_PASSWORD_URL": f"command:{setter} {{login}}",
            "WEB_CONCURRENCY": "2",
        }
        nodes.bring_up_to_date(self.settings["POSTERN_DATABASE_URL"])
        self.engine = open_engine(self.settings["POSTERN_DATABASE_URL"])

    def add(self, address: str, account: MailAccount) -> None:
        """Write an account into the directory."""
        number = self.servers.index(account.server)
        ports = {
            "imap": account.server.imap_port,
            "sieve": account.server.sieve_port,
            "submission": self.smtp.port,
        }
        self.smtp.logins[account.login] = account.password
        with self.engine.begin() as connection:
            server = directory.put_server(connection, f"server-{number}", ports)
            directory.put_account(connection, address, account.login, server)

    def node(self, folder: Path, **settings: str) -> Node:
        """A node of this site, not started; settings by their environment names."""
        return Node(folder, nodes.environment({**self.settings, **settings}))

    def close(self) -> None:
        """Stop the Redis and the SMTP sink."""
        self.engine.dispose()
        self.smtp.__exit__()
        self.redis.stop()


@pytest.fixture(scope="session")
def site(servers_folder: Path, two_dovecots: tuple[Dovecot, Dovecot], outgoing: Sink) -> Iterator[Site]:
    """A directory and a Redis for nodes; lives as long as the session."""
    folder = servers_folder / "site"
    folder.mkdir()
    site = Site(folder, two_dovecots, notices=outgoing.port)
    yield site
    site.close()


@pytest.fixture(scope="session")
def running_node(site: Site, servers_folder: Path) -> Iterator[Node]:
    """One node with its keeper for the session; take `node`."""
    node = site.node(servers_folder / "node")
    yield node.start(seconds=60)
    node.stop()


@dataclass(frozen=True)
class Resident:
    """A person with an address, an account on a mail server, and the site that knows them."""

    address: str
    mail: MailAccount

    @property
    def password(self) -> str:
        return self.mail.password

    def sign_in(self, base: str) -> Visitor:
        """Sign in without a browser."""
        visitor = Visitor(base)
        answer = visitor.sign_in(self.address, self.password)
        assert answer.status == 303, f"{answer.status}: {answer.text[:1000]}"
        return visitor


@pytest.fixture
def make_resident(site: Site, make_account: MakeAccount) -> Callable[..., Resident]:
    """A function (name="alice", server=0 or 1) -> fresh Resident that the directory knows under a fresh address."""

    def make(name: str = "alice", server: int = 0) -> Resident:
        account = make_account(server)
        resident = Resident(f"{name}.{account.login}@{('one', 'two')[server]}.example", account)
        site.add(resident.address, account)
        return resident

    return make


@pytest.fixture
def resident(make_resident: Callable[..., Resident]) -> Resident:
    """A fresh person on the first mail server, with an empty mailbox."""
    return make_resident()


@pytest.fixture
def node(running_node: Node) -> Node:
    """A running node with its keeper; its residents come from `resident` or `make_resident`."""
    return running_node
