"""Letters that wait in Redis leave by a courier, each once, and wait on where the submission server is away."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from redis import Redis

from app.courier.waiting import begin, send_waiting
from app.demo.process import free_port
from app.store import letters
from app.store.letters import Waiting, put
from config.default import Settings, load
from tests.smtpsink import Sink

pytestmark = pytest.mark.servers


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink({}) as found:
        yield found


def settings(port: int, **more: str) -> Settings:
    usual = {"SECRET_KEY": "0123456789abcdef0123456789abcdef", "PUBLIC_URL": "https://mail.isp.example"}
    usual |= {"NOTICE_FROM": "webmail@one.example", "NOTICE_URL": f"smtp+plain://127.0.0.1:{port}", **more}
    return load({f"POSTERN_{name}": value for name, value in usual.items()})


def waiting(name: str) -> Waiting:
    return Waiting(f"{name}@one.example", "About your mail", f"Dear {name}", "One", int(time.time()))


def test_all_that_wait_leave_once_over_one_line(redis: Redis, sink: Sink) -> None:
    put(redis, [waiting("ann"), waiting("bob")])
    assert send_waiting(redis, settings(sink.port), Event()) == 2
    assert sorted(each.recipients for each in sink.taken) == [["ann@one.example"], ["bob@one.example"]]
    told = sink.taken[0].content.decode()
    assert "Auto-Submitted: auto-generated" in told and "About your mail" in told and "From: One <" in told
    assert send_waiting(redis, settings(sink.port), Event()) == 0 and not redis.exists(letters.KEY)


def test_a_server_that_is_away_costs_no_letter(redis: Redis, sink: Sink) -> None:
    put(redis, [waiting("ann")])
    assert send_waiting(redis, settings(free_port()), Event()) == 0
    assert redis.zcard(letters.KEY) == 1 and not sink.taken
    [(found, due)] = redis.zrange(letters.KEY, 0, -1, withscores=True)  # type: ignore[misc]
    assert due >= time.time() + 50
    redis.zadd(letters.KEY, {found: 0})
    assert send_waiting(redis, settings(sink.port), Event()) == 1


def test_a_letter_that_nobody_can_send_holds_up_no_other_and_is_dropped_after_a_day(redis: Redis, sink: Sink) -> None:
    put(redis, [replace(waiting("ann"), since=1), waiting("b\u00fccher"), waiting("dan")])
    never = [replace(waiting("caf\u00e9"), since=0)]  # letters that the server does not take
    put(redis, never)
    assert send_waiting(redis, settings(sink.port), Event()) == 2
    assert [each.recipients for each in sink.taken] == [["ann@one.example"], ["dan@one.example"]]
    assert redis.zcard(letters.KEY) == 1, "the one that is not a day old"


def test_the_thread_begins_only_where_the_site_sends_letters_and_ends(
    redis: Redis, sink: Sink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.courier.waiting.LOOK_SECONDS", 0.01)
    ending = Event()
    assert begin(redis, settings(sink.port, NOTICE_FROM=""), ending) is None
    thread = begin(redis, settings(sink.port), ending)
    put(redis, [waiting("ann")])
    end = time.monotonic() + 10
    while not sink.taken and time.monotonic() < end:
        time.sleep(0.01)
    ending.set()
    assert thread is not None and len(sink.taken) == 1
    thread.join(10)
    assert not thread.is_alive()


def test_a_letter_in_hand_is_nobody_elses_whose_clock_is_ahead(
    redis: Redis, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(redis, [waiting("ann")])
    assert letters.take(redis, int(time.time()))
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 90)
    assert send_waiting(redis, settings(sink.port), Event()) == 0 and not sink.taken
