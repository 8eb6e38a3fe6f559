"""The gate in front of a server that is silent."""

import time

import pytest
from redis import Redis, RedisError

from app.demo.redis import RedisServer
from app.store.connect import Gate, connect


def test_a_gate_is_open_until_something_failed() -> None:
    gate = Gate(0.1)
    assert not gate.shut()
    gate.failed()
    assert gate.shut()
    gate.answered()
    assert not gate.shut()


def test_after_its_rest_one_caller_is_let_through() -> None:
    gate = Gate(0.05)
    gate.failed()
    time.sleep(0.06)
    assert [gate.shut() for _ in range(3)] == [False, True, True]


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
