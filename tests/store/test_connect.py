"""The gate in front of a server that is silent."""

from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace

import pytest
from redis import Redis, RedisError

from app.demo.redis import RedisServer
from app.store.connect import Gate, connect


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts the gates' clock forward."""
    now = [100.0]
    monkeypatch.setattr("app.store.connect.time", SimpleNamespace(monotonic=lambda: now[0]))

    def forward(seconds: float) -> None:
        now[0] += seconds

    return forward


def test_a_gate_is_open_until_something_failed() -> None:
    gate = Gate(60)
    assert not gate.shut()
    gate.failed()
    assert gate.shut()
    gate.answered()
    assert not gate.shut()


def test_after_its_rest_one_caller_is_let_through(later: Callable[[float], None]) -> None:
    gate = Gate(0.05)
    gate.failed()
    later(0.06)
    assert [gate.shut() for _ in range(3)] == [False, True, True]


def test_who_only_looks_takes_nobody_s_turn_to_try(later: Callable[[float], None]) -> None:
    gate = Gate(0.05)
    gate.failed()
    assert gate.resting()
    later(0.06)
    assert not gate.resting() and not gate.shut()


@pytest.mark.parametrize(("error", "shut"), [(TimeoutError, True), (ValueError, False), (None, False)])
def test_every_end_of_a_question_but_silence_is_an_answer(
    error: type[Exception] | None, shut: bool, later: Callable[[float], None]
) -> None:
    gate = Gate(0.05)
    gate.failed()
    later(0.06)
    assert not gate.shut()
    with suppress(ValueError, TimeoutError), gate.asking(TimeoutError):
        if error:
            raise error
    assert gate.shut() is shut


def test_who_is_told_that_their_values_are_wrong_shuts_it_for_nobody() -> None:
    gate = Gate(60, is_answer=lambda error: isinstance(error.__cause__, KeyError))
    for cause, shut in ((KeyError(), False), (None, True)):
        with suppress(TimeoutError), gate.asking(TimeoutError):
            raise TimeoutError from cause
        assert gate.resting() is shut


@pytest.mark.servers
def test_a_connection_that_died_with_redis_is_replaced_without_an_error(server_folder: str) -> None:
    from pathlib import Path

    server = RedisServer(Path(server_folder) / "r").start()
    client: Redis = connect(server.url)
    client.set("a", "1")
    client.client_kill_filter(skipme=False)  # what a restart leaves behind
    assert client.get("a") == b"1"
    server.stop()
    with pytest.raises(RedisError):
        client.get("a")
    client.close()
