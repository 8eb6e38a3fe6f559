"""A person whose mail server is reached through the counting proxy, at a real node with its keeper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from app.demo import directory
from app.demo.node import Node
from tests.conftest import MailAccount, Site
from tests.proxy import Counts, Proxy
from tests.visitor import Answer, Visitor


@dataclass
class Counted:
    """One person, their browser, and the proxy between the node and their mail server."""

    address: str
    mail: MailAccount
    visitor: Visitor
    proxy: Proxy

    def sign_in(self) -> None:
        answer = self.visitor.sign_in(self.address, self.mail.password)
        assert answer.status == 303, f"{answer.status}: {answer.text[:500]}"

    def get(self, path: str, status: int = 200) -> tuple[Answer, Counts]:
        """GET, and what it cost in IMAP. Once more where that was a login: a keeper that has no processor for a quarter
        of a second is left aside for that one request."""
        for _ in range(2):
            with self.proxy.counting() as cost:
                answer = self.visitor.get(path)
            assert answer.status == status, f"{path}: {answer.status}: {answer.text[:500]}"
            if not cost.logins:
                break
        return answer, cost

    def post(self, path: str, form: list[tuple[str, str]]) -> tuple[Answer, Counts]:
        """POST with the token of the inbox, and what it cost in IMAP."""
        token = self.visitor.token("/mail/INBOX/")
        with self.proxy.counting() as cost:
            answer = self.visitor.post(path, [("csrf_token", token), *form])
        return answer, cost


@pytest.fixture
def make_counted(site: Site, node: Node, make_account: Callable[..., MailAccount]) -> Iterator[Callable[..., Counted]]:
    """A function () -> Counted, signed out, with an empty mailbox."""
    proxies: list[Proxy] = []

    def make() -> Counted:
        account = make_account()
        proxies.append(Proxy(account.server.imap_port).start())
        with site.engine.begin() as connection:
            server = directory.put_server(connection, f"counted-{account.login}", {"imap": proxies[-1].port})
            address = f"alice.{account.login}@one.example"
            directory.put_account(connection, address, account.login, server)
        return Counted(address, account, Visitor(node.url), proxies[-1])

    yield make
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def counted(make_counted: Callable[..., Counted]) -> Counted:
    """One such person."""
    return make_counted()
