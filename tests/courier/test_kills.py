"""One mail, one blow, at any byte of either line: the courier killed or frozen, the line cut or reset, SQL locked,
Redis killed with the courier and started again empty.

Whatever happens the mail is sent once, or the draft is there and nothing was sent, or the outcome is called unknown and
nobody sends it again. `make soak` runs 500 schedules; SCHEDULES says how many, SEED where they begin.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from app.courier.claim import Courier
from app.outbox import queue
from app.outbox.mail import Letter, Mail, State
from tests.conftest import MailAccount
from tests.courier.process import Process, settings
from tests.courier.world import World
from tests.smtpsink import Sink
from tests.strike import Line

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SCHEDULES = int(os.environ.get("SCHEDULES", "40"))
SEED = int(os.environ.get("SEED", "0"))
CLAIM = 1.5
ENDS = (State.DONE, State.UNKNOWN, State.REFUSED, State.CANCELLED)


class Schedule:
    """What happens in one run, all of it from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = chance = random.Random(seed)
        self.kind = chance.choice(["kill", "kill", "kill", "cut", "cut", "reset", "freeze", "lock", "forget"])
        self.line = chance.choice(["smtp", "smtp", "smtp", "imap"])
        self.direction = chance.choice(["up", "down"])
        self.number = 1 if self.line == "smtp" else chance.choice([1, 2, 3, 3, 4])
        self.lines = chance.choice([1, 1, 3000])
        self.bcc = chance.choice(["", "Bcc: dan@one.example\r\n"])
        self.near_end = chance.random() < 0.6

    def offset(self, total: int) -> int:
        """Near the end of the connection lie the final dot and its answer."""
        low = max(0, total - 90) if self.near_end else 0
        return self.random.randint(low, max(low, total))

    def __str__(self) -> str:
        return f"{self.kind} {self.line}#{self.number} {self.direction} lines={self.lines} bcc={bool(self.bcc)}"


class Run:
    """One schedule on one world."""

    def __init__(self, make_world: Callable[..., World], sink: Sink, schedule: Schedule, imap_port: int) -> None:
        self.schedule = schedule
        self.smtp, self.imap = Line(sink.port).start(), Line(imap_port).start()
        ports = {"imap": self.imap.port, "submission": self.smtp.port}
        self.world = make_world(**ports, claim_seconds=CLAIM, pauses=(0.1,))
        self.processes: list[Process] = []
        self.certain = False  # nothing of the final dot can have left: no outcome is unknown

    def close(self) -> None:
        for process in self.processes:
            process.end(signal.SIGKILL)
        self.smtp.stop()
        self.imap.stop()

    def letter(self) -> Letter:
        return self.world.letter(lines=self.schedule.lines, bcc=self.schedule.bcc)

    def total(self) -> int:
        """The bytes of one connection of the line in that direction, while nothing is wrong."""
        line = self.smtp if self.schedule.line == "smtp" else self.imap
        with line.counting() as counts:
            number = self.world.enqueue(self.letter())
            self.world.run()
            assert self.world.state(number).state == State.DONE
        whole = counts.sent if self.schedule.direction == "up" else counts.received
        return whole // max(1, counts.connections)

    def go(self) -> tuple[Letter, Mail]:
        """Strikes, and lets couriers work until nothing happens by itself any more."""
        line = self.smtp if self.schedule.line == "smtp" else self.imap
        total = self.total()
        kind = self.schedule.kind if self.schedule.kind in ("cut", "reset") else "cut"
        letter, offset = self.letter(), self.schedule.offset(total)
        self.certain = self.schedule.kind in ("kill", "cut", "reset") and self._early(letter, total - offset)
        line.met, line.plan = 0, (self.schedule.number, kind, self.schedule.direction, offset)
        line.whole = self.schedule.kind in ("freeze", "lock")
        if self.schedule.kind in ("kill", "freeze", "forget"):
            number = self._with_process(line, letter)
        else:
            line.blow = self._lock if self.schedule.kind == "lock" else line.blow
            number = self.world.enqueue(letter)
            self._until_end(self.world.courier(), number)
        return letter, self.world.state(number)

    def _early(self, letter: Letter, left: int) -> bool:
        """Whether the blow, so many bytes before the end of its line, falls while the courier cannot be at the dot:
        it waits for the 354 or for IMAP, or has the 250 written down."""
        after = letter.size + 50 if self.schedule.direction == "up" else 100
        return self.schedule.line == "imap" or left > after

    def _lock(self) -> None:
        """Nobody can write into SQL for longer than it is waited for."""
        held = threading.Event()

        def hold() -> None:
            with closing(sqlite3.connect(self.world.engine.url.database or "", timeout=10)) as other:
                other.execute("BEGIN IMMEDIATE")
                held.set()
                time.sleep(3)
                other.rollback()

        threading.Thread(target=hold).start()
        held.wait(12)

    def _with_process(self, line: Line, letter: Letter) -> str:
        process = Process(settings(self.world), self.world.folder / "victim.log", claim=CLAIM)
        self.processes.append(process)
        number = signal.SIGSTOP if self.schedule.kind == "freeze" else signal.SIGKILL

        def blow() -> None:
            process.child.send_signal(number)
            if self.schedule.kind == "forget":
                process.child.wait()
                self.world.redis.flushall()

        line.blow = blow
        mail = self.world.enqueue(letter)
        end = time.monotonic() + 15
        while not line.struck.is_set() and self.world.state(mail).state not in ENDS and time.monotonic() < end:
            time.sleep(0.01)
        self._until_end(self.world.courier("second"), mail)
        if self.schedule.kind == "freeze":
            process.child.send_signal(signal.SIGCONT)
            time.sleep(1.0)
            process.end()
            self._until_end(self.world.courier("third"), mail)
        return mail

    def _until_end(self, courier: Courier, number: str) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                courier.once()
                mail = self.world.state(number)
                if mail.state in ENDS and not courier.busy:
                    break
                if mail.parked:  # its owner, who has signed in again, sends it
                    self.world.post.reschedule(self.world.login(), number)
                elif mail.reason == "credential":  # it is sent, and filed at the sign-in
                    self.world.post.revive(self.world.login())
            except queue.OutboxAway:
                pass
            courier.renew()
            time.sleep(0.02)
        courier.end()


def check(run: Run, letter: Letter, mail: Mail) -> None:
    """The truth at the servers agrees with what the row says, and nothing is lost or doubled."""
    world = run.world
    count = world.taken()[letter.message_id]
    drafts, sent = set(world.box("Drafts")), world.ids("Sent").count(letter.message_id)
    assert letter.draft is not None
    assert count <= 1, "sent twice"
    assert mail.state in (State.DONE, State.UNKNOWN), mail
    assert mail.state == State.DONE or not run.certain, f"called {mail.state} without need"
    if mail.state == State.DONE:
        assert (count, sent) == (1, 1)
        assert not drafts & {letter.draft.uid, letter.place.uid}
    else:
        assert sent == 0 and {letter.draft.uid, letter.place.uid} <= drafts


@pytest.mark.parametrize("seed", range(SEED, SEED + SCHEDULES))
def test_zero_lost_and_zero_twice(
    seed: int, make_world: Callable[..., World], sink: Sink, mail_account: MailAccount
) -> None:
    schedule = Schedule(seed)
    run = Run(make_world, sink, schedule, mail_account.server.imap_port)
    try:
        letter, mail = run.go()
        struck = run.smtp.struck.is_set() or run.imap.struck.is_set()
        count = run.world.taken()[letter.message_id]
        print(f"{seed} {schedule}: {mail.state} {mail.reason} count={count} {'' if struck else '(missed)'}")
        check(run, letter, mail)
    finally:
        run.close()
