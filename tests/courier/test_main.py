"""The courier as a process of a node: started beside the keeper, idle without SQL, woken by Redis."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.keeper.supervisor import Child
from app.outbox.mail import State
from tests.conftest import Resident, Site
from tests.courier.process import Process, settings
from tests.courier.world import World

pytestmark = pytest.mark.servers


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def begin(world: World, **options: Any) -> Process:
        environ = {**settings(world), **options.pop("settings", {})}
        started.append(Process(environ, tmp_path / "courier.log", **options))
        return started[-1]

    yield begin
    for each in started:
        each.end(signal.SIGKILL)


def until(world: World, number: str, state: State, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while world.state(number).state != state:
        assert time.monotonic() < end, world.state(number)
        time.sleep(0.02)


def test_a_mail_put_in_is_sent_at_once_when_it_is_due_and_not_at_the_next_look(
    world: World, start: Callable[..., Process]
) -> None:
    process = start(world)
    assert process.said("courier started")
    time.sleep(1.0)
    letter, begun = world.letter(), time.monotonic()
    number = world.enqueue(letter, wait=1.0)
    until(world, number, State.DONE)
    assert 0.9 < time.monotonic() - begun < 7  # at the next look it would be 9
    assert sum(world.taken().values()) == 1
    assert process.end() == 0


def test_without_the_outboxs_table_it_waits_until_there_is_one(
    make_world: Callable[..., World], start: Callable[..., Process], tmp_path: Path
) -> None:
    world = make_world()
    process = start(world, settings={"POSTERN_DATABASE_URL": f"sqlite:///{tmp_path}/nothing.db"})
    assert process.said("the outbox is away") and process.child.poll() is None
    assert process.log.read_text().count("away") == 1
    assert process.end() == 0


def test_without_redis_mails_wait_and_nothing_dies(world: World, start: Callable[..., Process]) -> None:
    process = start(world, settings={"POSTERN_REDIS_URL": "redis://127.0.0.1:1/0"})
    number = world.enqueue(world.letter())
    assert process.said("courier started")
    end = time.monotonic() + 20
    while not world.state(number).tries:
        assert process.child.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    assert process.child.poll() is None and world.state(number).state == State.QUEUED and world.taken() == {}


def test_asked_to_end_it_waits_for_the_answer_to_a_final_dot(
    make_world: Callable[..., World], start: Callable[..., Process]
) -> None:
    from tests.smtpsink import Script

    asked = threading.Event()

    def slow(peer: Any) -> None:
        asked.wait(20)
        time.sleep(1.0)
        peer.send(b"250 2.0.0 late\r\n")

    with Script({".": slow}) as script:
        world = make_world(smtp=script)
        number = world.enqueue(world.letter())
        process = start(world)
        until(world, number, State.IN_DATA)
        process.child.send_signal(signal.SIGTERM)
        asked.set()
        assert process.child.wait(20) == 0
        assert world.state(number).state == State.DONE and len(script.messages) == 1


def test_a_supervised_program_is_started_late_and_again(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    line = f"import os, time; open({str(marks)!r}, 'a').write('x'); time.sleep(30)"
    child = Child([sys.executable, "-c", line], patience=0.2, delay=60)
    child.look_after()
    assert child.process is None and 0 < (child.until_start() or 0) <= 60
    child.due = time.monotonic() + 0.1
    killed = False
    end = time.monotonic() + 30
    while (not marks.exists() or marks.read_text() != "xx") and time.monotonic() < end:
        child.look_after()
        if marks.exists() and marks.read_text() and child.process is not None and not killed:
            os.kill(child.process.pid, signal.SIGKILL)
            killed = True
        time.sleep(0.05)
    assert marks.read_text() == "xx"
    child.end()
    assert child.process is not None and child.process.poll() is not None


def test_a_node_runs_a_courier_beside_its_keeper(site: Site, resident: Resident, tmp_path: Path) -> None:
    node = site.node(tmp_path / "node").start()
    try:
        end = time.monotonic() + 30
        while "courier started" not in node.log_file.read_text() and time.monotonic() < end:
            time.sleep(0.1)
        assert "courier started" in node.log_file.read_text()
        resident.sign_in(node.url)
    finally:
        node.stop()


def test_a_mail_of_25_mb_goes_through_in_bounded_memory(world: World, start: Callable[..., Process]) -> None:
    process = start(world)
    first = world.enqueue(world.letter())
    until(world, first, State.DONE)
    before = _peak(process.child.pid)
    number = world.enqueue(world.letter(lines=340_000, draft=False))
    until(world, number, State.DONE, 60)
    grown = _peak(process.child.pid) - before
    print(f"peak {before} MB, then {grown} MB more")
    assert grown < 16


def _peak(pid: int) -> int:
    """The most memory that a process has had, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))
