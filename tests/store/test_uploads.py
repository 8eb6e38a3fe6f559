"""Uploads at once: three of an account over all nodes, given back when they end or when their node dies."""

import pytest
from redis import Redis

from app.store import uploads
from app.store.connect import connect
from app.store.uploads import PLACES, TooManyUploads, Uploads


def taken(*nodes: Uploads, account: str = "a") -> list:
    found = [node.place(account) for node in nodes]
    for each in found:
        each.__enter__()
    return found


@pytest.mark.servers
def test_the_fourth_finds_no_place_wherever_it_comes(redis: Redis) -> None:
    one, other = Uploads(redis), Uploads(redis)
    held = taken(one, one, other)
    for node in (one, other):
        with pytest.raises(TooManyUploads), node.place("a"):
            pass
    with one.place("b"):
        pass
    held.pop().__exit__(None, None, None)
    with one.place("a"), pytest.raises(TooManyUploads), other.place("a"):
        pass


@pytest.mark.servers
def test_places_of_a_node_that_died_come_back(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SECONDS", -1)
    taken(*[Uploads(redis)] * PLACES)
    monkeypatch.undo()
    with Uploads(redis).place("a"):
        pass


@pytest.mark.servers
def test_an_upload_that_goes_on_keeps_its_place(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SECONDS", 0)
    held = [Uploads(redis).place("a") for _ in range(PLACES)]
    going_on = [each.__enter__() for each in held]
    monkeypatch.undo()
    for each in going_on:
        each()
    with pytest.raises(TooManyUploads), Uploads(redis).place("a"):
        pass


@pytest.mark.servers
def test_without_redis_a_node_counts_its_own() -> None:
    away = Uploads(connect("unix:///nonexistent/redis.sock"))
    held = taken(away, away, away)
    with pytest.raises(TooManyUploads), away.place("a"):
        pass
    held.pop().__exit__(None, None, None)
    with away.place("a") as going_on:
        going_on()
