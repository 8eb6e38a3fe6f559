"""One mail, and a PostgreSQL or MariaDB that is killed at the boundary of any statement of its courier's, alone or with
the courier; or the line to it breaks there, or falls silent.

Whatever happens the mail is sent once and filed. Only where the courier dies too, between the written IN_DATA and the
written 250, may nobody know; then nobody sends it again. `make soak` walks all statements and 500 random schedules.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

import pytest
from sqlalchemy import delete

from app.courier.claim import Courier
from app.outbox.errors import OutboxAway
from app.outbox.mail import Letter, Mail, State, mail_id
from app.outbox.tables import OutboxRow
from tests.anydatabase import mariadb, migrate, postgresql
from tests.courier.process import Process, settings
from tests.courier.world import World
from tests.databases import DatabaseServer
from tests.smtpsink import Sink
from tests.sqlline import MOMENTS, Database, StatementLine

__all__ = ["mariadb", "postgresql"]
pytestmark = [pytest.mark.databases, pytest.mark.servers, pytest.mark.slow]

ALL = "SCHEDULES" in os.environ
SCHEDULES = int(os.environ.get("SCHEDULES", "6"))
SEED = int(os.environ.get("SEED", "0"))
CLAIM = 1.5
ENDS = (State.DONE, State.UNKNOWN, State.REFUSED, State.CANCELLED)
SERVERS = ("postgresql", "mariadb")
WRITTEN = ("claimed", "in_data", "accepted", "filed", "done")
STEPS = ("look", "directory", "renew", "renew commit", *(f"{step}{end}" for step in WRITTEN for end in ("", " commit")))
# Where the courier dies with SQL: the dot may have been sent, and nothing that is written says more.
DOUBTFUL = {
    ("in_data", "after"),
    *product(("in_data commit",), ("during", "unanswered", "torn", "after")),
    *product(("accepted",), MOMENTS),
    *product(("accepted commit",), ("before", "during")),
}
FEW = [
    ("sql", "claimed commit", "unanswered"),
    ("sql", "in_data commit", "unanswered"),
    ("sql", "accepted", "before"),
    ("sql", "accepted commit", "torn"),
    ("sql", "done commit", "unanswered"),
    ("both", "in_data commit", "before"),
    ("both", "accepted commit", "unanswered"),
]
_ALL = [("sql", *each) for each in product(STEPS, MOMENTS)]
_ALL += [("both", *each) for each in product(STEPS, MOMENTS) if not each[0].startswith("renew")]
WALK = _ALL if ALL else FEW


@pytest.fixture(scope="module")
def direct_urls() -> dict[str, str]:
    return {}


@pytest.fixture
def open_database(request: pytest.FixtureRequest, direct_urls: dict[str, str]) -> Iterator[Callable[[str], Database]]:
    """A function (name of the server) -> Database whose outbox is empty."""
    opened: list[Database] = []

    def open_(name: str) -> Database:
        server: DatabaseServer = request.getfixturevalue(name)
        if name not in direct_urls:
            direct_urls[name] = server.new_database()
            migrate(direct_urls[name])
        opened.append(Database(server, direct_urls[name], StatementLine(server).start()))
        with opened[-1].engine.begin() as connection:
            connection.execute(delete(OutboxRow.__table__))  # type: ignore[arg-type]
        return opened[-1]

    yield open_
    for each in opened:
        each.line.stop()  # first: it may still strike, and then the server is to be waited for
        each.close()


@dataclass
class Run:
    """One mail on its way through a line that is struck. `kind`: who dies."""

    world: World
    database: Database
    kind: str
    away: float = 0.0

    def __post_init__(self) -> None:
        self.line = self.database.line
        self.process: Process | None = None
        self.line.silent = self.kind == "silent"
        self.line.blow = self._blow

    def _blow(self) -> None:
        if self.process:
            self.process.child.send_signal(signal.SIGKILL)
        if self.kind in ("sql", "both"):
            self.database.kill(away=self.away)

    def go(self, letter: Letter, strikes: list[tuple[str | int, str]]) -> Mail:
        """The mail as it stands when nothing happens by itself any more."""
        number = self.world.enqueue(letter)
        self.line.strike_at(*strikes[0])
        if self.kind == "both":
            environ = settings(self.world)
            self.process = Process(environ, self.world.folder / "victim.log", claim=CLAIM)
            self._until(lambda: self._ended(number), seconds=15)
            self.process.end(signal.SIGKILL)
        return self._delivered(self.world.courier("second"), number, strikes[1:])

    def _until(self, true: Callable[[], object], *, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.line.struck.is_set() and not true() and time.monotonic() < end:
            time.sleep(0.01)

    def _ended(self, number: str) -> bool:
        mail = self.database.mail(self.world.account.id, number)
        return mail is not None and mail.state in ENDS

    def _delivered(self, courier: Courier, number: str, further: list[tuple[str | int, str]]) -> Mail:
        end, renewed, mail = time.monotonic() + 40, 0.0, None
        while time.monotonic() < end:
            try:
                courier.once()
                if time.monotonic() - renewed > CLAIM / 3:
                    renewed = time.monotonic()
                    courier.renew()
                courier.until_next()
                courier.away = False
            except OutboxAway:
                courier.away = True
            if further and self.line.struck.is_set() and self.database.up:
                self.line.strike_at(*further.pop())
            mail = self.database.mail(self.world.account.id, number)
            if mail and mail.state in ENDS and not courier.busy:
                break
            time.sleep(0.02)
        courier.end()
        assert mail is not None
        return mail


def check(world: World, letter: Letter, mail: Mail, *, certain: bool) -> None:
    """What the servers hold agrees with the row: nothing is lost, nothing is doubled."""
    count, sent = world.taken()[letter.message_id], world.ids("Sent").count(letter.message_id)
    drafts = set(world.box("Drafts"))
    assert letter.draft is not None
    assert count <= 1, "sent twice"
    assert mail.state in (State.DONE, State.UNKNOWN), mail
    assert mail.state == State.DONE or not certain, f"called {mail.state} without need"
    if mail.state == State.DONE:
        assert (count, sent) == (1, 1)
        assert not drafts & {letter.draft.uid, letter.place.uid}
    else:
        assert sent == 0 and {letter.draft.uid, letter.place.uid} <= drafts


MakeWorld = Callable[..., World]


@pytest.mark.parametrize("name", SERVERS)
def test_the_walk_passes_all_that_a_courier_says(
    name: str, open_database: Callable[[str], Database], make_world: MakeWorld
) -> None:
    database = open_database(name)
    world = make_world(url=database.line.url(database.direct))
    world.enqueue(world.letter())
    database.line.heard.clear()
    world.run()
    around = {"begin", "rollback", "session", "session commit", "other", "next look"}
    assert {*database.line.heard} - around == {*STEPS}


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize(("kind", "step", "moment"), WALK)
def test_at_every_statement(
    name: str,
    kind: str,
    step: str,
    moment: str,
    open_database: Callable[[str], Database],
    make_world: MakeWorld,
    sink: Sink,
) -> None:
    database = open_database(name)
    world = make_world(url=database.line.url(database.direct), claim_seconds=CLAIM, pauses=(0.1,))
    run, letter = Run(world, database, kind), world.letter()
    if step.startswith("renew"):
        sink.hold = database.line.struck  # a claim is renewed while its mail is on the way
    mail = run.go(letter, [(step, moment)])
    assert database.line.struck.is_set() and database.line.struck_at == step
    check(world, letter, mail, certain=kind == "sql" or (step, moment) not in DOUBTFUL)


class Schedule:
    """What happens in one random run, all of it from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = chance = random.Random(seed)
        self.server = chance.choice(SERVERS)
        self.kind = chance.choice(["sql", "sql", "sql", "both", "both", "cut", "silent"])
        self.away = chance.choice([0.0, 0.0, 0.5, 2.0])
        self.strikes: list[tuple[str | int, str]] = [self._strike()]
        if self.kind != "both" and chance.random() < 0.4:
            self.strikes.append(self._strike())
        self.lines = chance.choice([1, 1, 3000])
        self.bcc = chance.choice(["", "Bcc: dan@one.example\r\n"])
        self.deferred = chance.random() < 0.3

    def _strike(self) -> tuple[str | int, str]:
        step: str | int = self.random.choice([self.random.choice(STEPS), self.random.randrange(50)])
        return step, self.random.choice(MOMENTS)

    def __str__(self) -> str:
        more = f"lines={self.lines} bcc={bool(self.bcc)} deferred={self.deferred}"
        return f"{self.server} {self.kind} away={self.away} {self.strikes} {more}"


@pytest.mark.parametrize("seed", range(SEED, SEED + SCHEDULES))
def test_zero_lost_and_zero_twice(
    seed: int, open_database: Callable[[str], Database], make_world: MakeWorld, sink: Sink
) -> None:
    schedule = Schedule(seed)
    database = open_database(schedule.server)
    # A claim outlives what SQL is waited for, and a short absence of it: 60 and 2.5 s.
    seconds = 6.0 if schedule.kind == "silent" or schedule.away else CLAIM
    world = make_world(url=database.line.url(database.direct), claim_seconds=seconds, pauses=(0.1,))
    run = Run(world, database, schedule.kind, schedule.away)
    letter = world.letter(lines=schedule.lines, bcc=schedule.bcc)
    if schedule.deferred:
        sink.deferred = 1
    mail = run.go(letter, list(schedule.strikes))
    struck = database.line.struck_at if database.line.struck.is_set() else "(missed)"
    count = world.taken()[letter.message_id]
    print(f"{seed} {schedule}: {mail.state} {mail.reason} count={count} struck={struck}")
    check(world, letter, mail, certain=schedule.kind != "both")


@pytest.mark.parametrize("name", SERVERS)
def test_while_a_request_cannot_know_whether_sql_took_its_mail_no_courier_sends_it(
    name: str, open_database: Callable[[str], Database], make_world: MakeWorld
) -> None:
    """The row is there, its answer is not; the request waits for it, and then sends the mail by itself."""
    database = open_database(name)
    asking, other = make_world(url=database.line.url(database.direct)), make_world(url=database.direct)
    database.line.silent = True
    database.line.strike_at("put commit", "unanswered")
    letter = asking.letter()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asking.enqueue, letter, name="w")
        assert database.line.struck.wait(10)
        other.run()
        assert len(other.post.mails(other.account.id)) == 1 and other.taken() == {}
        with pytest.raises(OutboxAway):
            asked.result()
    outcome = asking.post.send_now("w", asking.login(), letter)
    assert outcome is not None and outcome.state == State.DONE
    other.run(until_empty=True)
    assert other.taken() == {letter.message_id: 1} and other.ids("Sent") == [letter.message_id]
    assert other.state(mail_id(other.account.id, "w")).state == State.DONE


@pytest.mark.parametrize("name", SERVERS)
def test_an_undo_that_sql_wrote_without_an_answer_is_done_when_it_is_asked_for_again(
    name: str, open_database: Callable[[str], Database], make_world: MakeWorld
) -> None:
    database = open_database(name)
    world = make_world(url=database.line.url(database.direct))
    letter = world.letter()
    number = world.enqueue(letter, wait=30)
    database.line.blow = lambda: database.kill(away=0.0)
    database.line.strike_at("cancelled commit", "unanswered")
    with pytest.raises(OutboxAway):
        world.post.undo(world.account.id, number, world.login())
    database.close()
    mail = world.post.undo(world.account.id, number, world.login())
    assert mail is not None and mail.letter.draft == letter.draft and world.taken() == {}
    assert letter.draft is not None and set(world.box("Drafts")) == {letter.draft.uid}


@pytest.mark.parametrize("name", SERVERS)
def test_who_was_refused_is_told_also_where_sql_died_before_the_250_was_written(
    name: str, open_database: Callable[[str], Database], make_world: MakeWorld, sink: Sink
) -> None:
    database = open_database(name)
    world = make_world(url=database.line.url(database.direct), pauses=(60.0,))
    sink.refuse["cem@one.example"] = "550 5.1.1 nobody of that name"
    number = world.enqueue(world.letter(partial=True, sent="No\u0000such"))  # the filing has to be repeated
    database.line.blow = lambda: database.kill(away=0.5)
    database.line.strike_at("accepted", "before")
    courier = world.courier()
    with suppress(OutboxAway):  # it looks for a further mail while this one is on the way, and SQL may be gone by then
        courier.once()
    while courier.busy:
        time.sleep(0.02)
    courier.end()
    mail = database.mail(world.account.id, number)
    assert mail is not None and (mail.state, mail.tries) == (State.ACCEPTED, 1), mail
    assert [each.address for each in mail.refusals] == ["cem@one.example"] and sum(world.taken().values()) == 1
