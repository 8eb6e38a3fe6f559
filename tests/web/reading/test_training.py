"""Junk and Not junk teach the filter: moves of Postern's run the shipped scripts of a real Dovecot (imapsieve), 2.3 and
2.4."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert

from app.demo.dovecot import Dovecot
from app.demo.redis import RedisServer
from app.directory.tables import ServerRow
from tests import dovecot24
from tests.conftest import make_server_folder
from tests.web.conftest import add_account, close, new_app, on_redis, settings_in
from tests.web.pages import Pages, field

pytestmark = pytest.mark.servers
SHIPPED = Path(__file__).resolve().parents[3] / "config/dovecot"
_LEARNER = """\
#!/bin/sh
{ echo "$1 $2"; grep -i ^subject; } > "%(folder)s/$(date +%%s%%N).part" && mv "%(folder)s"/*.part "%(folder)s/told.$1"
"""
_MAIL = b"From: a@sender.example\r\nTo: alice@one.example\r\nSubject: %s\r\nMessage-ID: <%s@x.example>\r\n\r\nHello\r\n"


@dataclass(frozen=True)
class World:
    """Somebody signed in; `told` is where the learner writes."""

    dovecot: Dovecot
    browser: Pages
    told: Path

    def acts(self, action: str, mailbox: str = "INBOX", **fields: str) -> str:
        """Does something with the one message of a mailbox; what the learner was told then."""
        page = self.browser.get(f"/mail/{mailbox}/")
        uid = re.search(r'data-uid="(\d+)"', page.get_data(as_text=True))
        assert uid
        names = ("csrf_token", "uidvalidity")
        form = {"uid": uid[1], "action": action, **{name: field(page, name) for name in names}, **fields}
        assert self.browser.post(f"/mail/{mailbox}/actions", data=form).status_code == 303
        return self._told()

    def _told(self) -> str:
        """The learner ends before the move is answered."""
        files = list(self.told.iterdir())
        words = " | ".join(each.read_text().strip().replace("\n", " ") for each in files)
        for each in files:
            each.unlink()
        return words


@pytest.fixture(scope="module", params=["2.3", "2.4"])
def learning(request: pytest.FixtureRequest) -> Iterator[tuple[Dovecot, Path]]:
    new = request.param == "2.4"
    if new and (reason := dovecot24.missing()):
        pytest.skip(reason)
    folder = make_server_folder()
    told = folder / "told"
    told.mkdir()
    told.chmod(0o777)
    (folder / "bin").mkdir()
    for name in ("report-spam.sieve", "report-ham.sieve"):
        (folder / name).write_text((SHIPPED / "sieve" / name).read_text())
    learner = folder / "bin/postern-learn"
    learner.write_text(_LEARNER % {"folder": told})
    learner.chmod(0o755)
    lines = (SHIPPED / ("2.4/postern-training.conf" if new else "postern-training.conf")).read_text()
    options = lines.replace("/etc/dovecot/sieve", str(folder))
    made = dovecot24.VERSIONS[request.param](folder, sieve=True, options=options)
    made.start()
    dovecot24.compile_scripts(made)
    yield made, told
    assert not dovecot24.complaints(made)
    made.stop()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Flask]:
    made = new_app(on_redis(settings_in(tmp_path_factory.mktemp("training")), redis_server))
    yield made
    close(made)


@pytest.fixture
def world(learning: tuple[Dovecot, Path], node: Flask) -> World:
    dovecot, told = learning
    number = time.time_ns() % 10**9
    dovecot.add_user(f"box{number}", "secret")
    values = {"imap_host": "127.0.0.1", "imap_port": dovecot.imap_port, "imap_security": "plain"}
    with node.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(insert(ServerRow).values(server_id=number, name=f"server{number}", **values))
    login = f"box{number}"
    add_account(node, number, f"a{number}", kind="mailbox", forward_to=None, password_hash=None,
                server_id=number, login=login)  # fmt: skip
    made = World(dovecot, node.test_client(), told)  # type: ignore[arg-type]
    assert made.browser.sign_in(f"a{number}@one.example", "secret").status_code == 303
    dovecot.deliver(login, _MAIL % (b"cheap", b"1"))
    return made


def test_junk_is_told_as_spam_and_not_junk_as_good_with_the_login(world: World) -> None:
    told = world.acts("junk")
    assert re.fullmatch(r"spam box\d+ Subject: cheap", told), world.dovecot.log()[-2000:]
    assert re.fullmatch(r"ham box\d+ Subject: cheap", world.acts("notjunk", "Junk"))


def test_who_throws_spam_away_teaches_nothing(world: World) -> None:
    world.acts("junk")
    assert world.acts("trash", "Junk") == ""


def test_moves_that_have_nothing_to_do_with_spam_teach_nothing(world: World) -> None:
    assert world.acts("archive") == ""
    assert world.acts("move", "Archive", target="Sent") == ""
