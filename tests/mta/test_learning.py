"""Junk and Not junk on the page, and what the filter learnt of them on another: with real Dovecots, 2.3 and 2.4, a real
Rspamd, the shipped script between them, and the follower of the log."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert

from app.blocklog.source import Source
from app.demo.dovecot import Dovecot
from app.demo.redis import RedisServer
from app.directory.owners import owners, owners_of_logins
from app.directory.tables import ServerRow
from tests import dovecot24
from tests.blocklog.followed import follower
from tests.conftest import make_server_folder
from tests.faults.world import eventually
from tests.mta.learner import SHIPPED, Controller, Syslog, install, missing
from tests.mta.test_learner import mail, words
from tests.web.conftest import add_account, close, new_app, on_redis, settings_in
from tests.web.pages import Pages, field

pytestmark = [pytest.mark.databases, pytest.mark.servers]


@dataclass(frozen=True)
class World:
    """Somebody signed in whose moves teach."""

    node: Flask
    browser: Pages
    syslog: Syslog
    dovecot: Dovecot
    login: str

    def acts(self, action: str, mailbox: str = "INBOX", choose: int = 1, **fields: str) -> str:
        """Does something with the newest messages of a mailbox; what the page says of it."""
        page = self.browser.get(f"/mail/{mailbox}/")
        uids = re.findall(r'data-uid="(\d+)"', page.get_data(as_text=True))[:choose]
        assert len(uids) == choose
        form = {"uid": uids, "action": action, **{name: field(page, name) for name in ("csrf_token", "uidvalidity")}}
        before = len(self.syslog.said())
        answer = self.browser.post(f"/mail/{mailbox}/actions", data={**form, **fields}, follow_redirects=True)
        eventually(lambda: len(self.syslog.said()) == before + choose)
        return answer.get_data(as_text=True)

    def learnt(self) -> list[str]:
        """The rows of the page, once the follower has read the log."""
        held = self.node.extensions["postern"]
        reader = follower(held.blocklog, [Source("mx1", str(self.syslog.file))])
        reader.recipients.look_up = lambda names: owners(held.directory, names)
        reader.recipients.look_up_logins = lambda host, names: owners_of_logins(held.directory, host, names)
        reader.run()
        page = self.browser.get("/filters/spam").get_data(as_text=True)
        return [re.sub(r"<[^>]+>", "", each) for each in re.findall(r'<span class="learnt-text">.*?</span>', page)]


@pytest.fixture(scope="module", params=["2.3", "2.4"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, migrated: Path
) -> Iterator[tuple[Flask, Syslog, Dovecot]]:
    if why := missing() or (dovecot24.missing() if request.param == "2.4" else None):
        pytest.skip(why)
    folder, own = make_server_folder(), tmp_path_factory.mktemp("learning")
    (folder / "rspamd").mkdir()
    with Controller(folder / "rspamd", redis_server.port) as controller, Syslog(folder) as syslog:
        dovecot = _dovecot(request.param, folder, syslog, controller)
        shutil.copy(migrated, own / "postern.sqlite")
        node = new_app(dataclasses.replace(on_redis(settings_in(own), redis_server), learning=True))
        values: dict[str, Any] = {"imap_host": "127.0.0.1", "imap_port": dovecot.imap_port, "imap_security": "plain"}
        with node.extensions["postern"].directory.engine.begin() as rows:
            rows.execute(insert(ServerRow).values(server_id=7, name="mx1", **values))
        try:
            yield node, syslog, dovecot
        finally:
            close(node)
            dovecot.stop()
    shutil.rmtree(folder)


@pytest.fixture
def world(servers: tuple[Flask, Syslog, Dovecot]) -> World:
    node, syslog, dovecot = servers
    number = 7 + len(dovecot.users)
    login, name = f"box{number}", f"alice{number}"
    dovecot.add_user(login, "secret")
    add_account(node, number, name, kind="mailbox", forward_to=None, password_hash=None, server_id=7, login=login)
    browser: Pages = node.test_client()  # type: ignore[assignment]
    assert browser.sign_in(f"{name}@one.example", "secret").status_code == 303
    return World(node, browser, syslog, dovecot, login)


def _dovecot(version: str, folder: Path, syslog: Syslog, controller: Controller) -> Dovecot:
    for name in ("report-spam.sieve", "report-ham.sieve"):
        shutil.copy(SHIPPED / "sieve" / name, folder)
    install(folder, syslog.socket, controller=controller.url)
    lines = (SHIPPED / ("2.4" if version == "2.4" else "") / "postern-training.conf").read_text()
    options = lines.replace("/etc/dovecot/sieve", str(folder))
    return dovecot24.VERSIONS[version](folder, sieve=True, options=options).start()


def test_the_page_says_what_was_learnt_of_what_somebody_marked(world: World) -> None:
    assert world.learnt() == []
    world.dovecot.deliver(world.login, mail("1", words(f"w{world.dovecot.imap_port}x")), mail("2", b"Hello"))
    assert "2 messages moved to Junk. The filter learns from it." in world.acts("junk", choose=2)
    assert sorted(world.learnt()) == [
        "A message: learnt as spam",
        "A message: not learnt as spam, with too little text or nothing that the filter learns from",
    ]
    assert "The filter learns from it." in world.acts("notjunk", "Junk", choose=2)
    assert "A message: learnt as good mail" in world.learnt()
    world.acts("move", choose=1, target="Junk")
    assert [each for each in world.learnt() if each.startswith("2 messages: ") and "as spam" in each]


def test_a_whole_page_is_moved_without_waiting_for_the_filter_and_all_of_it_is_learnt(world: World) -> None:
    own = world.dovecot.imap_port  # what was learnt in another test is known already
    world.dovecot.deliver(world.login, *(mail(str(number), words(f"n{number}x{own}")) for number in range(50)))
    began = time.monotonic()
    world.acts("junk", choose=50)
    assert time.monotonic() - began < 15
    assert "50 messages: learnt as spam" not in world.learnt(), "the page tells the latest twenty"
    assert world.learnt() == ["20 messages: learnt as spam"]
