"""PostgreSQL or MariaDB is killed at the boundary of any statement of the request that sends a mail.

Its writer is told that it is on its way, or sent, and so it is: once, whatever SQL took without saying so, and also
where the form is sent again. `make soak` walks all statements and 500 random schedules.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient
from redis import Redis
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.demo.dovecot import Dovecot
from app.outbox.mail import State
from app.outbox.tables import OutboxRow
from app.store.sending import WAKE_CHANNEL
from app.web.resources import PROFILE_REST
from tests.anydatabase import mariadb, postgresql
from tests.conftest import MakeAccount, Site
from tests.databases import DatabaseServer
from tests.faults.test_writing import FRIEND, form, taken
from tests.faults.world import Person, World, eventually, title, toasts
from tests.sqlline import MOMENTS, Database, StatementLine
from tests.visitor import Answer
from tests.web.sending.test_underway import form_of, in_minutes

__all__ = ["mariadb", "postgresql"]
pytestmark = [pytest.mark.databases, pytest.mark.servers, pytest.mark.slow]

ALL = "SCHEDULES" in os.environ
SCHEDULES = int(os.environ.get("SCHEDULES", "4"))
SEED = int(os.environ.get("SEED", "0"))
SERVERS = ("postgresql", "mariadb")
# The statement by which a row is there: on PostgreSQL a worker's single statements need no transaction.
WRITTEN = {"postgresql": "put", "mariadb": "put commit"}
STEPS = {name: ("ask", *dict.fromkeys(("put", put)), "profile", "profile commit") for name, put in WRITTEN.items()}
FEW = [("postgresql", "put", "before"), *((name, put, "unanswered") for name, put in WRITTEN.items())]
WALK = [(name, *each) for name in SERVERS for each in product(STEPS[name], MOMENTS)] if ALL else FEW
TOLD = ("The message is on its way.", "The message is sent.")


@dataclass
class Shaken(World):
    """A node whose line to SQL is struck; mail leaves at once."""

    database: Database | None = None

    @property
    def sql(self) -> Database:
        assert self.database is not None
        return self.database

    @property
    def line(self) -> StatementLine:
        return self.sql.line

    def strike(self, where: str | int, moment: str, *, kind: str = "sql", away: float = 0.0) -> None:
        """At this statement of the next ones, the server is killed; or the line to it breaks, or falls silent."""
        self.line.silent = kind == "silent"
        self.line.blow = (lambda: self.sql.kill(away=away)) if kind == "sql" else (lambda: None)
        self.line.strike_at(where, moment)

    def wake(self) -> None:
        """Couriers look at once."""
        with Redis.from_url(self.site.redis.url) as redis:
            redis.publish(WAKE_CHANNEL, "")


@pytest.fixture(scope="module")
def open_world(
    request: pytest.FixtureRequest, servers_folder: Path, two_dovecots: tuple[Dovecot, Dovecot]
) -> Iterator[Callable[[str], Shaken]]:
    """A function (name of the server) -> Shaken, the same at each call."""
    worlds: dict[str, Shaken] = {}

    def open_(name: str) -> Shaken:
        if name not in worlds:
            server: DatabaseServer = request.getfixturevalue(name)
            direct, line = server.new_database(), StatementLine(server).start()
            folder = servers_folder / f"shaken-{name}"
            folder.mkdir()
            site = Site(folder, two_dovecots, database=direct)
            options = {"POSTERN_UNDO_SECONDS": "0", "WEB_CONCURRENCY": "1"}
            node = site.node(folder / "node", POSTERN_DATABASE_URL=line.url(direct), **options)
            worlds[name] = Shaken(site, node.start(seconds=60), database=Database(server, direct, line))
        eventually(lambda: worlds[name].sql.up)
        eventually(worlds[name].node.ready)
        return worlds[name]

    yield open_
    for world in worlds.values():
        world.node.stop()
        world.sql.close()
        world.line.stop()
        world.site.close()


def person(world: Shaken, make_account: MakeAccount) -> Person:
    return world.person(make_account(0)).signed_in()


def lying(someone: Person, mailbox: str) -> int:
    """How many messages a mailbox holds, hidden ones too."""
    with IMAPClient("127.0.0.1", someone.mail.server.imap_port, ssl=False) as client:
        client.login(someone.mail.login, someone.mail.password)
        client.select_folder(mailbox, readonly=True)
        return len(client.search("UNDELETED"))


def rows(world: Shaken, someone: Person) -> list[tuple[str, str]]:
    """State and reason of each mail that the outbox knows."""
    theirs = select(OutboxRow.state, OutboxRow.reason).where(OutboxRow.account.contains(someone.mail.login))
    with world.sql.engine.connect() as connection:
        return [(row[0], row[1]) for row in connection.execute(theirs)]


def done(world: Shaken, someone: Person) -> bool:
    """Whether the outbox is done with all; not while SQL is away."""
    try:
        return {state for state, _ in rows(world, someone)} <= {State.DONE}
    except OperationalError:
        return False


def told(someone: Person, answer: Answer) -> str:
    """What the page says that comes next."""
    assert answer.status == 303, title(answer)
    return toasts(someone.visitor.follow(answer))


def sent_once(world: Shaken, someone: Person, message: dict[str, str]) -> None:
    """It went out once, lies in Sent and nowhere else, the outbox is done with it; a second press changes nothing."""
    subject = message["subject"]
    eventually(lambda: world.sql.up)
    world.wake()
    # Where the courier's claim was written without an answer, it ends after 60 s.
    eventually(lambda: lying(someone, "Sent") == 1 and lying(someone, "Drafts") == 0, seconds=90)
    eventually(lambda: done(world, someone), seconds=30)
    world.line.plan = None
    again = someone.visitor.post("/compose", message)
    assert again.status in (303, 409), title(again)
    eventually(lambda: done(world, someone), seconds=30)
    assert len(taken(world, subject)) == 1 and lying(someone, "Sent") == 1


def shaken(
    world: Shaken, make_account: MakeAccount, subject: str, where: str | int, moment: str, **how: Any
) -> tuple[Person, str]:
    """Somebody sends a mail, and SQL is struck at that statement; whatever it was, they are told the truth."""
    someone = person(world, make_account)
    message = form(someone, subject)
    if str(where).startswith("profile"):  # which a worker that SQL failed lately asks only after a rest
        time.sleep(PROFILE_REST)
    world.strike(where, moment, **how)
    said = told(someone, someone.visitor.post("/compose", message))
    assert any(each in said for each in TOLD), said
    sent_once(world, someone, message)
    return someone, said


@pytest.mark.parametrize(("name", "step", "moment"), WALK)
def test_a_mail_is_sent_once_whatever_statement_of_its_request_sql_dies_at(
    name: str, step: str, moment: str, open_world: Callable[[str], Shaken], make_account: MakeAccount
) -> None:
    world = open_world(name)
    _, said = shaken(world, make_account, f"At {step} {moment}", step, moment)
    assert world.line.struck.is_set() and world.line.struck_at == step, " ".join(world.line.heard[-60:])
    assert (step, moment) != ("put", "before") or "is sent" in said


@pytest.mark.parametrize("seed", range(SEED, SEED + SCHEDULES))
def test_zero_lost_and_zero_twice(seed: int, open_world: Callable[[str], Shaken], make_account: MakeAccount) -> None:
    chance = random.Random(seed)
    name, kind = chance.choice(SERVERS), chance.choice(["sql", "sql", "sql", "cut", "silent"])
    where = chance.choice([chance.choice(STEPS[name]), chance.randrange(30)])
    moment, away = chance.choice(MOMENTS), chance.choice([0.0, 0.0, 0.5, 2.0])
    world = open_world(name)
    _, said = shaken(world, make_account, f"Seed {seed}", where, moment, kind=kind, away=away)
    struck = world.line.struck_at if world.line.struck.is_set() else "(missed)"
    print(f"{seed} {kind} {where} {moment} away={away}: {struck} {said}")
    world.line.plan = None


@pytest.mark.parametrize("name", SERVERS)
def test_what_could_not_be_kept_for_later_for_certain_is_kept_at_the_second_press(
    name: str, open_world: Callable[[str], Shaken], make_account: MakeAccount
) -> None:
    """SQL has taken the row and did not say so: then its bytes are gone, and it must not stand for the second one."""
    world = open_world(name)
    someone = person(world, make_account)
    when = {"action": "later", "when": in_minutes(90)}
    message = form(someone, "For later", **when)
    world.strike(WRITTEN[name], "unanswered")
    answer = someone.visitor.post("/compose", message)
    assert answer.status == 501 and "The draft is kept" in answer.text, title(answer)
    eventually(lambda: world.sql.up)
    assert rows(world, someone) == [(State.QUEUED, "")] and lying(someone, "Drafts") == 1
    again = form_of(answer.text) | {"to": FRIEND, "subject": "For later", "text": "words", **when}
    assert "It will be sent on" in told(someone, someone.visitor.post("/compose", again))
    assert rows(world, someone) == [(State.QUEUED, "")] and lying(someone, "Drafts") == 2
    number = re.search(r'action="/outbox/([0-9a-f]{32})"', someone.visitor.get("/outbox").text)
    assert number
    token = {"csrf_token": someone.visitor.token("/mail/INBOX/")}
    someone.visitor.post(f"/outbox/{number[1]}", token | {"choice": "now"})
    eventually(lambda: lying(someone, "Sent") == 1 and lying(someone, "Drafts") == 0)
    assert len(taken(world, "For later")) == 1
