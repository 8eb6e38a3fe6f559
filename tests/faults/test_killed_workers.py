"""A worker is killed at any byte of saving a draft or of sending: what was typed is there, and nothing is sent twice.

The browser, which got no answer, sends the form again. `make soak` runs 500 schedules; SCHEDULES says how many.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email import message_from_bytes
from http.client import HTTPException
from pathlib import Path

import pytest
from imapclient import IMAPClient

from app.demo.dovecot import Dovecot
from tests.conftest import MakeAccount, Site
from tests.faults.test_writing import FRIEND, fields
from tests.faults.world import Person, World, eventually, title
from tests.proxy import Counts, Direction
from tests.strike import Line
from tests.visitor import Answer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SCHEDULES = int(os.environ.get("SCHEDULES", "10"))
SEED = int(os.environ.get("SEED", "0"))
OUTGOING = b"$PosternOutgoing"


@pytest.fixture(scope="module")
def own_world(servers_folder: Path, two_dovecots: tuple[Dovecot, Dovecot]) -> Iterator[World]:
    """A node whose workers are killed; mail leaves at once."""
    folder = servers_folder / "killed"
    folder.mkdir()
    site = Site(folder, two_dovecots)
    node = site.node(folder / "node", POSTERN_UNDO_SECONDS="0", WEB_CONCURRENCY="1").start(seconds=60)
    yield World(site, node)
    node.stop()
    site.close()


def kill(world: World) -> None:
    for pid in world.workers():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def lying(person: Person, mailbox: str) -> list[tuple[str, bool]]:
    """The text of each message of a mailbox, and whether lists hide it."""
    with IMAPClient("127.0.0.1", person.mail.server.imap_port, ssl=False) as client:
        client.login(person.mail.login, person.mail.password)
        client.select_folder(mailbox, readonly=True)
        found = client.fetch(client.search("UNDELETED"), ["BODY.PEEK[]", "FLAGS"]).values()
        there = [each for each in found if each[b"BODY[]"] is not None]  # the others are removed at this very moment
    return [(words(bytes(each[b"BODY[]"])), OUTGOING in each[b"FLAGS"]) for each in there]


def words(raw: bytes) -> str:
    """The text of a message: "" of one that was stored by halves."""
    message = message_from_bytes(raw)
    part = next(each for each in message.walk() if not each.is_multipart())
    return (part.get_payload(decode=True) or b"").decode().strip()  # type: ignore[union-attr]


def posted(person: Person, form: dict[str, str]) -> Answer | None:
    """The answer; None where the line broke first, or in the middle of it."""
    try:
        return person.visitor.post("/compose", form)
    except (OSError, HTTPException):
        return None


def opened(person: Person, answer: Answer | None) -> dict[str, str]:
    """The form of the draft that was saved."""
    assert answer is not None and answer.status == 303, answer and title(answer)
    return fields(person.visitor.follow(answer))


def strike(
    world: World, line: Line, person: Person, form: dict[str, str], chance: random.Random, usual: Counts
) -> None:
    """The form is sent, and the worker dies at some byte of what it says to the mail server, or hears from it."""
    line.whole = chance.random() < 0.5  # what was on its way arrives all the same, or does not
    line.struck.clear()
    line.blow = lambda: kill(world)
    most = {"up": usual.sent, "down": usual.received}
    direction: Direction = chance.choice(["up", "down"])
    times = 1 if form["action"] == "save" else 2.5  # sending saves, stores the final bytes and reads them back
    line.fault("cut", direction, int(chance.random() * most[direction] * times), once=True)
    answer = posted(person, form)
    line.clear()
    if line.struck.is_set():
        assert answer is None or answer.status in (303, 409, 502, 503), title(answer)
    eventually(world.node.ready)


@pytest.mark.parametrize("seed", range(SEED, SEED + SCHEDULES))
def test_a_worker_killed_while_it_saves_or_sends_loses_nothing_and_doubles_nothing(
    seed: int, own_world: World, make_account: MakeAccount
):
    chance, world = random.Random(seed), own_world
    eventually(world.node.ready)
    mail = make_account(0)
    with Line(mail.server.imap_port) as line:
        person = world.person(mail, port=line.port).signed_in()
        rest = {"to": FRIEND, "subject": f"Killed {seed}"}
        form = {**fields(person.visitor.get("/compose")), **rest, "action": "save", "text": "one"}
        form = {**opened(person, posted(person, form)), **rest, "action": "save"}
        with line.counting() as counts:
            form = {**opened(person, posted(person, {**form, "text": "two"})), **rest}
        form |= {"text": "three", "action": (action := chance.choice(["save", "send"]))}
        strike(world, line, person, form, chance, counts)
        left = Counter(text for text, hidden in lying(person, "Drafts") if not hidden)
        sent = Counter(text for text, _ in lying(person, "Sent"))
        print(f"{seed} {action}: {dict(left)} {dict(sent)} struck={line.struck.is_set()}")
        assert left.keys() <= {"two", "three"} and (left or action == "send"), "a draft by halves, or none"
        assert sum(left.values()) <= 2
        again = posted(person, form)
        assert again is not None and again.status in (303, 409), title(again)
        if action == "save":
            left = Counter(text for text, _ in lying(person, "Drafts"))
            assert left["three"] >= 1 and sum(left.values()) <= 2, left
            return
        eventually(lambda: lying(person, "Sent"))
        time.sleep(0.7)
        taken = [each for each in world.site.smtp.taken if f"Subject: Killed {seed}\r\n".encode() in each.content]
        assert len(taken) == 1 and [text for text, _ in lying(person, "Sent")] == ["three"]
        eventually(lambda: not any(hidden for _, hidden in lying(person, "Drafts")))
        assert len(lying(person, "Drafts")) <= 1  # of what was stored twice


def test_a_node_that_is_asked_to_end_finishes_what_is_being_saved(own_world: World, make_account: MakeAccount):
    eventually(own_world.node.ready)
    mail = make_account(0)
    with Line(mail.server.imap_port) as line:
        person = own_world.person(mail, port=line.port).signed_in()
        form = {**fields(person.visitor.get("/compose")), "to": FRIEND, "subject": "To the end", "text": "three"}
        line.delay, before = 0.5, len(line.counts.commands)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(posted, person, {**form, "action": "save"})
            eventually(lambda: len(line.counts.commands) > before)
            own_world.node.stop()
            told = answer.result()
        own_world.node.start(seconds=60)
        assert told is not None and told.status == 303, told and title(told)
        assert [text for text, _ in lying(person, "Drafts")] == ["three"]
