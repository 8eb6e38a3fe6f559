"""What the benchmark runs on: one Dovecot with the generated mailboxes, one Redis, and nodes as they are asked for."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import redis

from app.demo.dovecot import Dovecot
from app.demo.redis import RedisServer
from tests.bench import mailboxes
from tests.bench.messages import NEWSLETTERS
from tests.bench.node import Node, Person, sign_in

PEOPLE = 8
# What config/dovecot/postern.conf says of a Maildir that no other program writes to; and room for 1,000 connections.
OPTIONS = """\
maildir_very_dirty_syncs = yes
mail_always_cache_fields = flags date.received size.virtual imap.envelope imap.bodystructure
mail_max_userip_connections = 100
"""
_FRAME = re.compile(r'src="([^"]+/frame[^"]*)"')
_MESSAGE = re.compile(r"/mail/INBOX/(\d+)/\d+")


@dataclass
class World:
    """The servers; `folder` holds the generated mail between runs, `scratch` all the rest of one run."""

    scratch: Path
    mail: Dovecot
    redis: RedisServer
    people: dict[tuple[int, int], list[Person]] = field(default_factory=dict)

    def settings(self, **more: str) -> Mapping[str, str]:
        """Settings of a node beside Node's own: sessions in database 0, summaries in database 1."""
        port = self.mail.imap_port
        return {
            "POSTERN_IMAP_URL": more.pop("imap_url", f"imap+plain://127.0.0.1:{port}"),
            "POSTERN_REDIS_URL": self.redis.url,
            "POSTERN_CACHE_URL": self.redis.url.removesuffix("/0") + "/1",
            **more,
        }

    @contextmanager
    def node(self, name: str, *, keeper: bool = True, **more: str) -> Iterator[Node]:
        """A node that lives inside the `with`; sessions of an earlier one are gone."""
        self.people.clear()
        redis.Redis.from_url(self.redis.url).flushall()
        # A path of its own: a Unix socket's holds 107 bytes at most.
        node = Node(self.scratch / name, self.settings(**more), keeper=keeper)
        try:
            yield node.start()
        finally:
            node.stop()

    def forget_summaries(self) -> None:
        """Empty the cache of summaries; sessions stay."""
        redis.Redis.from_url(self.redis.url.removesuffix("/0") + "/1").flushdb()

    def signed_in(self, node: Node, size: int, count: int = PEOPLE) -> list[Person]:
        """`count` people at a node, each signed in to an account of their own with the same `size` messages."""
        found = self.people.setdefault((node.port, size), [])
        for number in range(len(found), count):
            found.append(sign_in(node.port, mailboxes.login(size, number), mailboxes.PASSWORD)[0])
        return found[:count]


@contextmanager
def build(sizes: list[int], *, options: str = "") -> Iterator[World]:
    """Start Dovecot and Redis; mailboxes that are not there yet are written first. One benchmark at a time."""
    folder = Path(tempfile.gettempdir(), f"postern-bench-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    scratch = Path(tempfile.mkdtemp(prefix="postern-bench-run-"))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "dovecot.log").unlink(missing_ok=True)
        mail = Dovecot(folder, hibernate=True, options=OPTIONS + "imap_hibernate_timeout = 5 mins\n" + options)
        for size in sizes:
            mailboxes.ensure(mail, size, PEOPLE)
        redis_server = RedisServer(scratch / "redis").start()
        try:
            mail.start()
            for size in sizes:
                mailboxes.deliver(mail, size)
            yield World(scratch, mail, redis_server)
        finally:
            mail.stop()
            redis_server.stop()
            shutil.rmtree(scratch, ignore_errors=True)


def ordinary(person: Person, size: int) -> list[str]:
    """Paths of twenty messages among the newest that are no newsletters."""
    return _paths(person, size, range(2, 42, 2))


def frames(person: Person, size: int) -> list[str]:
    """Paths of the frames of the newest newsletters, 100 KB of HTML each, as the browser finds them in the page."""
    pages = _paths(person, size, range(1, 2 * NEWSLETTERS, 2))
    return [unescape(_found(_FRAME, person.get(page))) for page in pages]


def _paths(person: Person, size: int, newest: Iterable[int]) -> list[str]:
    """The uid of these mailboxes is the message's number: nothing was ever deleted."""
    uidvalidity = _found(_MESSAGE, person.get("/mail/INBOX/"))
    return [f"/mail/INBOX/{uidvalidity}/{size - back + 1}" for back in newest]


def _found(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    if not found:
        raise ValueError(f"{pattern.pattern} is not in the page: {page[:500]}")
    return found[1]
