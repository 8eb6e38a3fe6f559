"""Worlds of the courier's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.conftest import MailAccount
from tests.courier.world import World
from tests.smtpsink import Sink


@pytest.fixture
def sink(mail_account: MailAccount) -> Iterator[Sink]:
    """Takes mail for the account's login."""
    with Sink({mail_account.login: mail_account.password}) as server:
        yield server


@pytest.fixture
def make_world(tmp_path: Path, redis: Redis, mail_account: MailAccount, sink: Sink) -> Iterator[Callable[..., World]]:
    """A function (options of World) -> World on a fresh account."""
    worlds: list[World] = []

    def make(**options: Any) -> World:
        worlds.append(World(tmp_path, redis, mail_account, **{"smtp": sink, **options}))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
