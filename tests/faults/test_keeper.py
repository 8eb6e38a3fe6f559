"""The keeper is killed or stands still under people who read: they notice nothing, and nobody sees another's mail."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from html import unescape

import pytest

from app.demo.certificate import Certificate
from tests.conftest import MakeAccount
from tests.faults.world import INBOX, MESSAGE, Person, World, eventually, letter

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
