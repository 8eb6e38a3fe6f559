"""The keeper is killed or stands still under people who read: they notice nothing, and nobody sees another's mail."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest

from app.demo.certificate import Certificate
from app.demo.dovecot import Dovecot
from tests.conftest import MakeAccount
from tests.faults.world import INBOX, MESSAGE, Person, World, eventually, letter, timed, title
from tests.proxy import Proxy

pytestmark = pytest.mark.servers

FRAME = re.compile(r'<iframe[^>]* src="([^"]+)"')


class Reading(threading.Thread):
    """Somebody who reads until told to stop, and writes down what was no page or held another's canary."""

    def __init__(self, person: Person, foreign: list[str]) -> None:
        super().__init__(daemon=True)
        self.person, self.foreign = person, foreign
        self.leave = threading.Event()
        self.pages, self.slowest = 0, 0.0
        self.failures: list[str] = []

    def run(self) -> None:
        while not self.leave.is_set() and len(self.failures) < 5:
            page = self.get(INBOX)
            for path in dict.fromkeys(path for path, _ in MESSAGE.findall(page)):
                text = self.get(path)
                for frame in FRAME.findall(text):
                    self.get(unescape(frame))
            self.get(f"{INBOX}?q=Letter")

    def get(self, path: str) -> str:
        began = time.monotonic()
        try:
            answer = self.person.visitor.get(path)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{path}: {error!r}")
            return ""
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.pages += 1
        if answer.status != 200:
            self.failures.append(f"{path}: {answer.status} {answer.location}")
        self.failures += [f"{path} holds {canary}" for canary in self.foreign if canary in answer.text]
        return answer.text


@pytest.fixture
def readers(world: World, make_account: MakeAccount, certificate: Certificate) -> Iterator[list[Reading]]:
    """Four people on two servers, over plain connections (lent themselves) and TLS (pumped by the keeper)."""
    people = []
    for number in range(4):
        mail = make_account(number % 2)
        canary = f"canary-of-{mail.login}"
        mail.server.fill(mail.login, [letter(f"Letter {canary}", f"{canary}\n") for _ in range(2)])
        tls = {"port": mail.server.imaps_port, "security": "tls", "ca": certificate.ca} if number > 1 else {}
        people.append(world.person(mail, **tls).signed_in())  # type: ignore[arg-type]
    names = [f"canary-of-{person.mail.login}" for person in people]
    reading = [Reading(person, names[:at] + names[at + 1 :]) for at, person in enumerate(people)]
    for each in reading:
        each.start()
    yield reading
    for each in reading:
        each.leave.set()
        each.join(30)


def go_on(readers: list[Reading], pages: int) -> None:
    """Waits until each has read so many pages more."""
    goals = [each.pages + pages for each in readers]
    eventually(
        lambda: all(each.pages >= goal or each.failures for each, goal in zip(readers, goals, strict=True)), seconds=60
    )
    assert [each.failures for each in readers] == [[], [], [], []]


def test_a_keeper_killed_under_readers_fails_no_page_and_mixes_up_nobody(world: World, readers: list[Reading]):
    for _ in range(4):
        old = world.node.keeper_pids()
        world.node.kill_keeper()
        eventually(lambda old=old: world.node.keeper_answers() and not set(old) & set(world.node.keeper_pids()))
        go_on(readers, 4)
    go_on(readers, 6)


def test_a_keeper_that_stands_still_fails_no_page_and_goes_on_with_the_right_people(
    world: World, readers: list[Reading]
):
    go_on(readers, 4)
    for _ in range(3):
        pids = world.node.keeper_pids()
        assert pids
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(1.2)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        go_on(readers, 4)


@pytest.fixture
def line(two_dovecots: tuple[Dovecot, Dovecot]) -> Iterator[Proxy]:
    """To the first mail server's TLS port, to be stalled."""
    with Proxy(two_dovecots[0].imaps_port) as proxy:
        yield proxy


@pytest.fixture
def reader(world: World, make_account: MakeAccount, certificate: Certificate, line: Proxy) -> Person:
    """Signed in over TLS, whose bytes the keeper carries, with five letters."""
    mail = make_account(0)
    mail.server.fill(mail.login, [letter(f"Letter {number}") for number in range(5)])
    return world.person(mail, port=line.port, security="tls", ca=certificate.ca).signed_in()


@contextmanager
def keeper_struck(world: World, line: Proxy, number: signal.Signals) -> Iterator[None]:
    """In the block an answer gets as far as the keeper, which is killed or stands still; afterwards there is one."""
    old = world.node.keeper_pids()
    line.fault("stall", after=150)  # the answer to NOOP passes, the next one does not

    def strike() -> None:
        line.harmed.wait(10)
        for pid in old:
            os.kill(pid, number)
        line.clear()

    striking = threading.Thread(target=strike)
    striking.start()
    try:
        yield
    finally:
        striking.join()
        for pid in old if number == signal.SIGSTOP else []:
            os.kill(pid, signal.SIGCONT)
    eventually(world.node.keeper_answers)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_page_whose_answer_is_stuck_in_the_keeper_is_read_again_without_it(
    world: World, reader: Person, line: Proxy, number: signal.Signals
):
    path = reader.paths()[0]
    for where in (f"{path}/headers", f"{path}/raw", path, INBOX):
        reader.visitor.get(where)
        with keeper_struck(world, line, number):
            answer, seconds = timed(lambda where=where: reader.visitor.get(where))
        assert answer.status == 200 and "Letter 4" in answer.text, f"{where}: {title(answer)}"
        assert seconds < 6
        if number == signal.SIGSTOP:
            assert seconds > 2, "the answer was not stuck"


def test_a_change_whose_answer_is_lost_with_the_keeper_is_not_made_again(world: World, reader: Person, line: Proxy):
    path = reader.paths()[0]
    token = reader.visitor.token(INBOX)
    with keeper_struck(world, line, signal.SIGKILL):
        answer = reader.act("read", path, token=token)
    assert title(answer) == "The connection to your mail server broke"
