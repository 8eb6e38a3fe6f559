"""A password is changed on its page while keepers hold connections under the former one: on a real Dovecot, whose
passwords doveadm's HTTP API writes, and with a real keeper. None of these connections is lent again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert

from app.demo.dovecot import Dovecot
from app.demo.process import free_port
from app.directory.resolve import account
from app.directory.tables import ServerRow
from app.keeper.lease import Login
from app.mail.errors import MailError
from app.policy.tables import Base as PolicyBase
from app.store.notices import epochs
from config.default import Settings
from tests.keeper.conftest import make_keeper
from tests.keeper.places import KeeperProcess, until
from tests.password.dovecot import KEY, dict_options, put
from tests.web.conftest import add_account, close, new_app, node_settings, settings
from tests.web.pages import Pages

__all__ = ["make_keeper", "node_settings", "settings"]
pytestmark = pytest.mark.servers
ANN, FORMER, NEW = "ann@one.example", "former one", "gravel tuba onion lamp"
PAGE = "/settings/password"


@pytest.fixture
def dovecot(servers_folder: Path) -> Iterator[Dovecot]:
    folder = servers_folder / "kept"
    server = Dovecot(folder, options=dict_options(folder, free_port()))
    server.start()
    put(folder, "ann", FORMER)
    yield server
    server.stop()


@pytest.fixture
def keeper(make_keeper: Callable[..., KeeperProcess]) -> KeeperProcess:
    return make_keeper(park_after=0.2)


@pytest.fixture
def app(node_settings: Settings, dovecot: Dovecot, keeper: KeeperProcess) -> Iterator[Flask]:
    port = int(dovecot.options.partition("port = ")[2].split()[0])
    made = new_app(dataclasses.replace(
        node_settings, keeper_socket=keeper.path, password_url=f"doveadm+http://127.0.0.1:{port}", password_secret=KEY,
        password_dict=f"fs:posix:prefix={dovecot.folder}/dict/", password_scheme="sha512-crypt",
    ))  # fmt: skip
    held = made.extensions["postern"]
    PolicyBase.metadata.create_all(held.database)
    server = {"server_id": 1, "name": "one", "imap_host": "127.0.0.1", "imap_port": dovecot.imap_port}
    with held.database.begin() as rows:
        rows.execute(insert(ServerRow).values(**server, imap_security="plain"))
    add_account(made, 2, "ann", kind="mailbox", server_id=1, login="ann", password_hash=None, forward_to=None)
    yield made
    close(made)


def entered(app: Flask, password: str) -> Pages:
    browser: Pages = app.test_client()  # type: ignore[assignment]
    assert browser.sign_in(ANN, password).status_code == 303
    assert browser.get("/mail/INBOX/").status_code == 200
    return browser


def test_no_connection_of_the_former_password_outlives_its_change(
    app: Flask, keeper: KeeperProcess, dovecot: Dovecot
) -> None:
    mine, other = entered(app, FORMER), entered(app, FORMER)
    before = dovecot.logins("ann")
    until(lambda: keeper.count("parked") >= 1)
    answer = mine.submit(PAGE, {"current": FORMER, "new": NEW, "again": NEW}, page=PAGE)
    assert answer.status_code == 303
    until(lambda: keeper.count("idle", "parked", "lent", "watching") == 0)
    assert other.get("/mail/INBOX/").status_code == 303, "signed out"
    assert mine.get("/mail/INBOX/").status_code == 200
    assert dovecot.logins("ann") > before, "over a connection of its own"
    # What another session of before could still ask its keeper for, with and without the news of the change.
    held = app.extensions["postern"]
    ann = account(held.directory, "2")
    assert ann is not None and ann.server is not None
    for epoch in ("0", epochs(held.redis, ["2"])["2"]):
        borrower = keeper.borrower()
        with pytest.raises(MailError), borrower.lease(Login(ann.server, "2", "ann", FORMER, epoch)):
            pytest.fail("a connection was lent for a password that is none any more")
        assert borrower.counters().kept == 0
    entered(app, NEW)
