"""Fixtures of the keeper's tests: keepers that end with the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from app.demo.redis import RedisServer
from tests.keeper.places import KeeperProcess, folder


@pytest.fixture
def make_keeper(redis_server: RedisServer, redis: Redis) -> Iterator[Callable[..., KeeperProcess]]:
    """A function (options of config/default.py) -> started keeper; `redis_url` may be another."""
    made: list[KeeperProcess] = []
    folders = [folder()]

    def make(**options: Any) -> KeeperProcess:
        url = options.pop("redis_url", redis_server.url)
        where = options.pop("folder", None) or folder()
        folders.append(where)
        made.append(KeeperProcess(url, where, **options))
        return made[-1].start()

    yield make
    for keeper in made:
        keeper.stop()
    for each in folders:
        shutil.rmtree(each, ignore_errors=True)


@pytest.fixture
def keeper(make_keeper: Callable[..., KeeperProcess]) -> KeeperProcess:
    """A keeper with the usual settings."""
    return make_keeper()
