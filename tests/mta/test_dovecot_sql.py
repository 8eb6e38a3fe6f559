"""A real Dovecot, 2.3 and 2.4, takes its accounts out of Postern's directory: shipped queries, view and user, on both
databases."""

from __future__ import annotations

import imaplib
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.demo.dovecot import Dovecot, missing
from app.directory.engine import open_engine
from app.directory.password import hash_password
from app.policy import spam
from app.policy.actions import By
from app.policy.chosen import Chosen
from app.policy.rule import EVERYBODY, Scope, account_scope
from tests import dovecot24
from tests.anydatabase import mariadb, postgresql
from tests.conftest import make_server_folder
from tests.directory.filling import account, alias, fill, run, server, site
from tests.mailsql import MailSQL

__all__ = ["mariadb", "postgresql"]
pytestmark = [pytest.mark.databases, pytest.mark.servers]
SHIPPED = Path(__file__).resolve().parents[2] / "config/dovecot"
SECRET, WORD = "ein Geheimnis", "no-blank"
PLAIN = f"{{PLAIN}}{SECRET}"
CRYPT = (  # of "another's"
    "$6$salt$L3Db4RsmfZ/xwyrOP.JL6TT9JV5sMeke"
    "I8nV19DI9glQXWwg.1u9Ju5W7wISoy14Xj38y4gZZOUnow/qh0Kw//"
)
_SPAM = b"From: a@sender.example\r\nTo: x@one.example\r\nSubject: news\r\nX-Spam: Yes\r\n\r\nHello\r\n"
_DRIVERS = {"mariadb": "libdriver_mysql.so", "postgresql": "libdriver_pgsql.so"}


@dataclass(frozen=True)
class World:
    """A Dovecot and the database that it reads as the user `dovecot`."""

    version: str
    sql: MailSQL
    engine: Engine
    dovecot: Dovecot

    def signs_in(self, name: str, password: str = SECRET) -> bool:
        with imaplib.IMAP4("127.0.0.1", self.dovecot.imap_port) as client:
            try:
                client.login(name, password)
            except imaplib.IMAP4.error:
                return False
            return True

    def has_logins(self, login: str, count: int) -> None:
        """The log tells of a sign-in a moment later."""
        end = time.monotonic() + 20
        while self.dovecot.logins(login) != count:
            assert time.monotonic() < end, self.dovecot.log()[-1000:]
            time.sleep(0.01)

    def chooses(self, scope: Scope, value: str, *, locked: bool = False) -> None:
        wish = {"spam_action": Chosen(value, locked)}
        spam.choose_all(self.engine, By("1", "1", "1"), scope, wish, datetime.now(UTC))

    def spam_goes_to(self, address: str) -> str:
        """Where spam for an address is put."""
        login = address.removesuffix("@mail1.internal").strip('"')
        before = self._count(login, "Junk"), self._count(login, "INBOX")
        self.dovecot.deliver(address, _SPAM)
        after = self._count(login, "Junk"), self._count(login, "INBOX")
        return {(1, 0): "Junk", (0, 1): "INBOX"}[after[0] - before[0], after[1] - before[1]]

    def _count(self, login: str, mailbox: str) -> int:
        folder = self.dovecot.maildir(login, mailbox)
        return sum(1 for part in ("new", "cur") for _ in (folder / part).glob("*"))


@pytest.fixture(scope="module", params=["2.3-mariadb", "2.3-postgresql", "2.4-mariadb", "2.4-postgresql"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    version, _, kind = request.param.partition("-")
    if reason := dovecot24.missing() if version == "2.4" else _missing(kind):
        pytest.skip(reason)
    sql, folder = MailSQL(request.getfixturevalue(kind)), make_server_folder()
    sql.server.folder.chmod(0o755)
    engine = open_engine(sql.url)
    people(engine)
    for name in ("junk.sieve", "inbox.sieve"):
        (folder / name).write_text((SHIPPED / "sieve" / name).read_text())
    made = dovecot24.VERSIONS[version](folder, accounts=accounts(version, sql, folder), sieve=True)
    try:
        made.start()
        dovecot24.compile_scripts(made)
        yield World(version, sql, engine, made)
        assert not dovecot24.complaints(made)
    finally:
        made.stop()
        engine.dispose()
        shutil.rmtree(folder)


def _missing(kind: str) -> str | None:
    there = not missing() and Path("/usr/lib/dovecot/modules/auth", _DRIVERS[kind]).exists()
    return None if there else "needs Dovecot with its drivers of SQL"


def people(engine: Engine) -> None:
    fill(
        engine,
        server(),
        server("mail2"),
        *site("one", "one.example", "one.test"),
        *site("two", "two.example"),
        *site("off", "off.example", enabled="no"),
        account("one", "alice", login="box1", password_hash=hash_password(SECRET)),
        account("one", "carl", login="box2", password_hash=CRYPT),
        account("one", "gone", login="box3", enabled="no"),
        account("one", "none", login="box4"),
        account("one", "dora", login="dora@one.example"),
        account("one", "erin", login="Box7"),
        account("one", "far", login="box5", server="mail2"),
        account("two", "bob", login="box7"),
        account("off", "eve", login="box6"),
        alias("one", "sales", account="alice"),
        alias("one", "*", "one.example", account="alice"),
        alias("one", "box2", account="alice"),
    )
    run(engine, "UPDATE account SET login = '../box1' WHERE login = 'box7'")  # as other programs may write it
    run(engine, f"UPDATE account SET password_hash = '{PLAIN}' WHERE password_hash IS NULL AND login <> 'box4'")


def accounts(version: str, sql: MailSQL, folder: Path) -> str:
    """The operator's lines; those of 2.3 name a file that has the queries."""
    if version == "2.4":
        return prepared(sql, folder, f"2.4/postern-{sql.kind}.conf")
    (folder / "postern-sql.conf.ext").write_text(prepared(sql, folder, f"sql/postern-{sql.kind}.conf.ext"))
    return prepared(sql, folder, "postern-sql.conf")


def proxying(version: str, sql: MailSQL, folder: Path) -> str:
    """The lines of a proxy, which has no mail."""
    if version == "2.4":
        lines = "userdb static {\n  fields {\n    uid = nobody\n    gid = nogroup\n    home = /nonexistent\n  }\n}\n"
        return prepared(sql, folder, f"2.4/proxy-{sql.kind}.conf") + lines
    (folder / "proxy.ext").write_text(prepared(sql, folder, f"sql/proxy-{sql.kind}.conf.ext"))
    blocks = f"passdb {{\n  driver = sql\n  args = {folder}/proxy.ext\n}}\nuserdb {{\n  driver = static\n"
    return blocks + "  args = uid=nobody gid=nogroup home=/nonexistent\n}\n"


def prepared(sql: MailSQL, folder: Path, name: str) -> str:
    """The operator's file, as an operator changes it; a connect string of 2.3 knows no quotes."""
    alter = "USER dovecot@'%' IDENTIFIED BY" if sql.kind == "mariadb" else "ROLE dovecot PASSWORD"
    sql.run(f"ALTER {alter} '{WORD}'")
    config = (SHIPPED / name).read_text()
    for old, new in {
        "/run/mysqld/mysqld.sock": str(sql.server.socket),
        "/run/postgresql": str(sql.server.folder),
        "dbname=mail ": f"dbname={sql.name} ",
        "dbname = mail\n": f"dbname = {sql.name}\n",
        "CHANGE": WORD,
        "/var/mail/vhosts/": f"{folder}/mail/",
        "/etc/dovecot/sieve/": f"{folder}/",
        "/etc/dovecot/": f"{folder}/",
        "vmail\nmail_gid = vmail": "nobody\nmail_gid = nogroup",
        "= 1 min": "= 0",
    }.items():
        config = config.replace(old, new)
    return config


@pytest.mark.parametrize("name", ["box1", "alice@one.example", "Alice@ONE.test", "sales@one.example"])
def test_a_login_and_each_address_of_an_account_signs_in_as_it(world: World, name: str) -> None:
    before = world.dovecot.logins("box1")
    assert world.signs_in(name)
    world.has_logins("box1", before + 1)


def test_a_login_may_be_an_address(world: World) -> None:
    assert world.signs_in("Dora@one.example")
    world.has_logins("dora@one.example", 1)
    assert world.spam_goes_to('"dora@one.example"@mail1.internal') == "Junk"


def test_a_login_keeps_its_capitals_and_who_types_others_is_forgiven(world: World) -> None:
    assert world.signs_in("Box7") and world.signs_in("Erin@one.example")
    world.has_logins("Box7", 2)
    assert world.spam_goes_to("Box7@mail1.internal") == "Junk"
    before = world.dovecot.logins("box1")
    assert world.signs_in("BOX1")
    world.has_logins("box1", before + 1)


def test_nobody_else_signs_in(world: World) -> None:
    shut = ("nobody@one.example", "gone@one.example", "box3", "none@one.example", "box4", "eve@off.example", "box6")
    elsewhere = ("far@one.example", "box5", "bob@two.example", "../box1", "carl@one.example")
    hostile = ("x' OR '1'='1", "x' OR '1'='1@one.example", "x\\' OR 1=1 -- @one.example", "*@one.example")
    names = (*shut, *elsewhere, *hostile)
    with ThreadPoolExecutor(len(names)) as pool:  # Dovecot lets each wait half a second
        assert not [name for name, done in zip(names, pool.map(world.signs_in, names), strict=True) if done]


def test_no_password_is_no_password(world: World) -> None:
    assert not world.signs_in("box4", "")
    assert not world.signs_in("box1", "")


def test_a_login_is_its_own_account_and_not_whose_address_is_called_so(world: World) -> None:
    assert world.signs_in("box2", "another's")
    world.has_logins("box2", 1)
    assert world.signs_in("box2@one.example")
    assert world.dovecot.logins("box2") == 1


def test_a_password_that_is_set_holds_at_the_next_sign_in(world: World) -> None:
    run(world.engine, "UPDATE account SET password_hash = '{PLAIN}ein neues' WHERE login = 'box2'")
    assert world.signs_in("carl@one.example", "ein neues")
    assert not world.signs_in("carl@one.example", "another's")
    run(world.engine, f"UPDATE account SET password_hash = '{CRYPT}' WHERE login = 'box2'")


def test_a_proxy_hands_on_to_the_server_of_an_account(world: World) -> None:
    row = f"imap_host = 'localhost', imap_port = {world.dovecot.imap_port}, imap_security = 'plain'"
    run(world.engine, f"UPDATE mail_server SET {row} WHERE name = 'mail1'")  # a name does as well as an address
    folder = make_server_folder()
    proxy = dovecot24.VERSIONS[world.version](folder, accounts=proxying(world.version, world.sql, folder))
    try:
        ahead = World(world.version, world.sql, world.engine, proxy.start())
        before = world.dovecot.logins("box1")
        assert ahead.signs_in("Sales@one.example"), proxy.log()[-2000:]
        world.has_logins("box1", before + 1)
        assert not ahead.signs_in("sales@one.example", "wrong")
        assert not ahead.signs_in("gone@one.example")
    finally:
        proxy.stop()
        shutil.rmtree(folder)


def test_mail_is_delivered_to_a_login_and_spam_goes_where_its_owner_says(world: World) -> None:
    assert world.spam_goes_to("box1@mail1.internal") == "Junk"
    world.chooses(account_scope("1"), "tag")
    assert world.spam_goes_to("box1@mail1.internal") == "INBOX"
    assert world.spam_goes_to("box2") == "Junk"
    world.chooses(EVERYBODY, "junk", locked=True)
    assert world.spam_goes_to("box1@mail1.internal") == "Junk"
