"""What tests of the courier share: an account on a real Dovecot with a real SMTP sink, a database, a Redis."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import Engine

from app.courier.accounts import Accounts, Keys
from app.courier.claim import PAUSES, Courier
from app.courier.post import Post
from app.directory.account import Account, Endpoint, Server
from app.directory.engine import open_engine
from app.directory.resolve import Directory, Unlisted
from app.keeper.lease import Borrower, Login
from app.mail.connection import Connection
from app.mail.errors import MailboxGone
from app.mail.flags import OUTGOING, flags_of
from app.mail.login import MasterUser
from app.mail.move import message_ids
from app.mail.syntax import numbers
from app.migrations.change import upgrade
from app.outbox import queue
from app.outbox.mail import Letter, Mail, Place
from app.store.seal import Keyring
from config.setting import Deadlines, Limits
from tests.conftest import MailAccount
from tests.mail.boxes import opened
from tests.smtpsink import Script, Sink

LIMITS = Limits(3, 8, 200, 60, 60, 900)
DEADLINES = Deadlines(2, 5, 20, 3, 20, 10)
SECRET = secrets.token_bytes(32)  # a node's key is its hexadecimal text


def text(message_id: str, *, lines: int = 1) -> bytes:
    head = f"From: bob@one.example\r\nTo: ann@one.example\r\nSubject: hi\r\nMessage-ID: {message_id}\r\n\r\n"
    return (head + ("y" * 76 + "\r\n") * lines).encode()


class Poor(Borrower):
    """Lends connections to a server that seems to lack some capabilities."""

    missing: frozenset[str] = frozenset()

    @contextmanager
    def lease(self, login: Login) -> Iterator[Connection]:
        with super().lease(login) as client:
            client.note.capabilities = tuple(each for each in client.note.capabilities if each not in self.missing)
            yield client


@dataclass
class World:
    """One account, whose mail goes to `smtp`; `imap` and `submission` are ports, which may be a proxy's."""

    folder: Path
    redis: Redis
    mail: MailAccount
    smtp: Sink | Script
    imap: int = 0
    submission: int | None = 0
    master: MasterUser | None = None
    outbox_key: bool = False
    claim_seconds: float = 3.0
    pauses: Sequence[float] = PAUSES
    url: str = ""  # of a database that has the tables; none: one in SQLite is made
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        if not self.url:
            self.url = f"sqlite:///{self.folder}/outbox-{secrets.token_hex(4)}.db"
            patient = open_engine(self.url, timeout=None)
            upgrade(patient)
            patient.dispose()
        self.engine = open_engine(self.url)
        self.imap = self.imap or self.mail.server.imap_port
        if self.submission == 0:
            self.submission = self.smtp.port
        ring = Keyring((SECRET.hex().encode(),))
        keys = Keys(ring, ring if self.outbox_key else None, self.master)
        self.borrower = Poor(None, SECRET, LIMITS, DEADLINES)
        self.post = Post(self.engine, self.redis, keys, self.borrower)
        directory = Directory(self.engine, unlisted=self.unlisted())
        self.accounts = Accounts(directory, self.redis, keys, self.borrower)

    def unlisted(self) -> Unlisted:
        there = Endpoint("127.0.0.1", self.submission, "plain") if self.submission else None
        return Unlisted(Endpoint("127.0.0.1", self.imap, "plain"), there)

    @property
    def redis_url(self) -> str:
        """Where the tests' Redis listens."""
        options = self.redis.connection_pool.connection_kwargs
        return f"unix://{options['path']}" if "path" in options else f"redis://{options['host']}:{options['port']}/0"

    @property
    def server(self) -> Server:
        return self.unlisted().server

    @property
    def account(self) -> Account:
        host = "one.example"
        login = f"{self.mail.login}"
        return Account(f"u:{login}", f"{login}@{host}", host, login=login, server=self.server)

    def login(self, password: str | None = None) -> Login:
        return Login(self.server, self.account.id, self.mail.login, password or self.mail.password, master=self.master)

    # -- what the web would do ----------------------------------------------------------------------------------------

    def letter(self, *, lines: int = 1, draft: bool = True, **options: Any) -> Letter:
        """Puts the final bytes into Drafts, hidden, and beside them the draft that they were made of."""
        message_id = f"<{secrets.token_hex(12)}@one.example>"
        final = text(message_id, lines=lines)
        self.mail.append(final, mailbox="Drafts", flags=("\\Draft", "\\Seen", OUTGOING))
        if draft:
            self.mail.append(b"X-Draft: 1\r\n" + final, mailbox="Drafts", flags=("\\Draft", "\\Seen"))
        with opened(self.mail.server.imap_port, self.mail.login, self.mail.password) as client:
            note = client.select("Drafts")
            found = numbers(client.ask(b"UID SEARCH HEADER Message-ID", message_id).untagged, b"SEARCH")
        validity = note.uidvalidity or 0
        return Letter(
            Place("Drafts", validity, found[0]),
            len(final),
            hashlib.sha256(final).hexdigest(),
            message_id,
            "bob@one.example",
            options.pop("recipients", ("ann@one.example", "cem@one.example")),
            draft=Place("Drafts", validity, found[1]) if draft else None,
            **options,
        )

    def enqueue(self, letter: Letter, *, name: str | None = None, wait: float = 0.0, at: float | None = None) -> str:
        name = name or secrets.token_hex(8)
        number, put = self.post.enqueue(name, self.account, self.login(), letter, wait=wait, at=at)
        assert put
        return number

    def state(self, number: str) -> Mail:
        mail = queue.one(self.engine, self.account.id, number)
        assert mail is not None
        return mail

    # -- the courier --------------------------------------------------------------------------------------------------

    def courier(self, name: str = "courier-1") -> Courier:
        return Courier(self.engine, self.accounts, name, seconds=self.claim_seconds, pauses=self.pauses)

    def run(self, *, seconds: float = 20.0, until_empty: bool = False) -> None:
        """A courier works until nothing is due any more (or nothing waits at all)."""
        courier = self.courier()
        time.sleep(0.002)  # what was just put in is due at the nearest millisecond; a courier counts whole ones
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            taken = courier.once()
            if courier.busy:
                courier.renew()
            elif not taken and not (until_empty and queue.next_look(self.engine)):
                break
            time.sleep(0.02)
        courier.end()

    # -- the truth ----------------------------------------------------------------------------------------------------

    def box(self, mailbox: str) -> dict[int, tuple[str, frozenset[str]]]:
        """Of each message its Message-ID and flags."""
        with opened(self.mail.server.imap_port, self.mail.login, self.mail.password) as client:
            try:
                client.select(mailbox)
            except MailboxGone:
                return {}
            uids = numbers(client.ask(b"UID SEARCH UNDELETED").untagged, b"SEARCH")
            ids, flags = message_ids(client, uids), flags_of(client, uids)
            return {uid: (ids[uid], flags[uid]) for uid in ids}

    def ids(self, mailbox: str) -> list[str]:
        return sorted(identity for identity, _ in self.box(mailbox).values())

    def taken(self) -> Counter[str]:
        """How often each mail arrived, by its Message-ID."""
        assert isinstance(self.smtp, Sink)
        return self.smtp.count()

    def close(self) -> None:
        self.engine.dispose()
