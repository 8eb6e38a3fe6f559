"""Somebody signed in whose mailbox and script lie on a real Dovecot with Pigeonhole."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert
from werkzeug.test import TestResponse

from app.directory.tables import ServerRow
from app.sieve.managesieve import Login, ManageSieve, opened
from tests.conftest import MailAccount
from tests.web.conftest import add_account
from tests.web.pages import Pages, field


@dataclass
class Owner:
    """A person with a browser, and with another program that edits their script."""

    browser: Pages
    mail: MailAccount
    app: Flask

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


@pytest.fixture
def owner(app: Flask, browser: Pages, mail_account: MailAccount) -> Owner:
    server = mail_account.server
    values = {
        "imap_host": "127.0.0.1",
        "imap_port": server.imap_port,
        "imap_security": "plain",
        "sieve_host": "127.0.0.1",
        "sieve_port": server.sieve_port,
        "sieve_security": "plain",
    }
    with app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(insert(ServerRow).values(server_id=1, name="one", **values))
    add_account(app, 2, "alice", kind="mailbox", forward_to=None, password_hash=None, server_id=1,
                login=mail_account.login)  # fmt: skip
    assert browser.sign_in("alice@one.example", mail_account.password).status_code == 303
    return Owner(browser, mail_account, app)
