"""Somebody signed in whose mailbox and script lie on a real Dovecot with Pigeonhole."""

import itertools
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update
from werkzeug.test import TestResponse

from app.demo.redis import RedisServer
from app.directory.tables import ServerRow
from app.outbox.tables import Base as OutboxBase
from app.policy.tables import Base as PolicyBase
from app.profile.tables import Base as ProfileBase
from app.sieve.managesieve import Login, ManageSieve, opened
from app.store import session as records
from app.web.filters.passing import AGREED
from app.web.profile import keep_setting
from app.web.session import current
from tests.conftest import MailAccount
from tests.web.conftest import add_account, close, new_app, on_redis, settings_in
from tests.web.pages import Pages, field

_NUMBERS = itertools.count(2)


@dataclass
class Owner:
    """A person with a browser, and with another program that edits their script."""

    browser: Pages
    mail: MailAccount
    app: Flask
    number: int

    @property
    def address(self) -> str:
        return f"alice{self.number}@one.example"

    def sign_in(self, browser: Pages | None = None) -> TestResponse:
        return (browser or self.browser).sign_in(self.address, self.mail.password)

    def moved(self, **columns: object) -> None:
        """What the directory says of the server from now on, for a new session."""
        with self.app.extensions["postern"].directory.engine.begin() as rows:
            rows.execute(update(ServerRow).where(ServerRow.server_id == self.number).values(**columns))
        assert self.browser.submit("/logout", {}, page="/mail/INBOX/").status_code == 303
        assert self.sign_in().status_code == 303

    def session_ends(self) -> None:
        """As after a day without a click."""
        held = self.app.extensions["postern"]
        records.end_everywhere(held.redis, str(self.number))

    @contextmanager
    def sieve(self) -> Iterator[ManageSieve]:
        sock = socket.create_connection(("127.0.0.1", self.mail.server.sieve_port), 2)
        with closing(opened(sock, Login(self.mail.login, self.mail.password))) as client:
            yield client

    def put(self, text: bytes, name: str = "webmail") -> None:
        """Stores a script by another program, and runs it."""
        with self.sieve() as client:
            client.store(name, text)
            client.activate(name)

    def trusts(self, *targets: str) -> None:
        """These agreed to get their mail, and no others."""
        with self.browser:
            self.page("/settings/sessions")
            keep_setting(current(), AGREED, list(targets))

    def script(self, name: str | None = None) -> bytes:
        """The script that runs."""
        with self.sieve() as client:
            wanted = name or client.scripts().active
            assert wanted
            return client.script(wanted)

    def names(self) -> set[str]:
        with self.sieve() as client:
            return set(client.scripts().names)

    def page(self, path: str = "/filters") -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.get_data(as_text=True)[:2000]
        return answer.get_data(as_text=True)

    def post(self, path: str, data: dict[str, Any], *, page: str | None = None) -> TestResponse:
        """Posts a form as `page` holds it."""
        shown = self.browser.get(page or path)
        shown.close()  # else its place is held: an account has sixteen
        hidden = {name: field(shown, name) for name in ("csrf_token", "made")}
        answer = self.browser.post(path, data={**hidden, **data})
        answer.close()
        return answer


@pytest.fixture(scope="module")
def filters_app(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Flask]:
    """One node for a module, with all tables that its pages ask: each of its own would take half of a test's time."""
    made = new_app(on_redis(settings_in(tmp_path_factory.mktemp("filters")), redis_server))
    for base in (OutboxBase, PolicyBase, ProfileBase):
        base.metadata.create_all(made.extensions["postern"].database)
    yield made
    close(made)


@pytest.fixture
def owner(filters_app: Flask, mail_account: MailAccount) -> Owner:
    """Somebody new, with a row of the directory for their mail server alone."""
    server, number = mail_account.server, next(_NUMBERS)
    values = {
        "imap_host": "127.0.0.1",
        "imap_port": server.imap_port,
        "imap_security": "plain",
        "sieve_host": "127.0.0.1",
        "sieve_port": server.sieve_port,
        "sieve_security": "plain",
    }
    with filters_app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(insert(ServerRow).values(server_id=number, name=f"server{number}", **values))
    add_account(filters_app, number, f"alice{number}", kind="mailbox", forward_to=None, password_hash=None,
                server_id=number, login=mail_account.login)  # fmt: skip
    made = Owner(filters_app.test_client(), mail_account, filters_app, number)  # type: ignore[arg-type]
    assert made.sign_in().status_code == 303
    return made
