"""The keeper's own reading: nobody's flood takes the event loop, nobody's end takes another's descriptor."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine

import pytest
from redis import Redis

from app.directory.account import Endpoint, Server
from app.keeper.channel import Channel, connected
from app.keeper.lease import Login
from app.mail.errors import ConnectionLost, MailError, ServerAway
from app.store.notices import watch_key
from tests.keeper.places import KeeperProcess, place, until
from tests.mail.test_direct import HOST, MANY_SECONDS, NOBODY, listening, many, resolved, silent
from tests.scripted import Answer, Peer, Scripted


def run(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 10))


def pair() -> tuple[Channel, socket.socket]:
    ours, server = socket.socketpair()
    ours.setblocking(False)
    return Channel(ours), server


def test_who_waits_is_told_of_the_end_at_once_and_the_next_of_its_number_is_left_alone() -> None:
    async def story() -> None:
        channel, server = pair()
        number = channel.sock.fileno()
        waiting = asyncio.ensure_future(channel.receive())
        await asyncio.sleep(0.01)
        channel.close()
        next_channel, peer = pair()
        assert next_channel.sock.fileno() == number
        told = asyncio.ensure_future(next_channel.receive())
        with pytest.raises(ConnectionLost):
            await asyncio.wait_for(waiting, 1)
        await asyncio.sleep(0.01)
        peer.sendall(b"* 1 EXISTS\r\n")
        assert await asyncio.wait_for(told, 1) == (b"* 1 EXISTS",)
        for each in (server, peer):
            each.close()
        next_channel.close()

    run(story())


@pytest.mark.parametrize(
    "said", [b"* OK " + b"x" * 70_000, b"* X {60000}\r\n" + b"x" * 60_000 + b" {60000}\r\n" + b"x" * 9000]
)
def test_more_than_was_asked_for_is_not_kept(said: bytes) -> None:
    async def story() -> None:
        channel, server = pair()
        threading.Thread(target=server.sendall, args=(said,), daemon=True).start()
        with pytest.raises(ConnectionLost):
            await channel.receive()
        channel.close()
        server.close()

    run(story())


# -- a whole keeper, and a mail server that never stops talking -------------------------------------------------------


def flood(unit: bytes, *, begun: bytes = b"") -> Callable[[Peer, bytes], None]:
    """An answer that goes on until the connection ends."""

    def go(peer: Peer, tag: bytes) -> None:
        peer.send(begun.replace(b"%t", tag))
        time.sleep(0.1)
        block = unit * (1 + 100_000 // len(unit))
        while True:
            peer.send(block)

    return go


def the_keeper_answers_others(keeper: KeeperProcess, meanwhile: Callable[[], bool]) -> None:
    """Asks until `meanwhile()`: each time there is an answer, 0.1 s later on an idle machine; without turns never."""
    end = time.monotonic() + 30
    while not meanwhile():
        assert keeper.status() is not None
        assert time.monotonic() < end
        time.sleep(0.05)


def person(server: Scripted) -> Login:
    return Login(Server("odd", place(server.port)), "id:odd", "odd", "secret")


@pytest.mark.servers
@pytest.mark.parametrize(
    "answer",
    [
        flood(b"* 1 FETCH (FLAGS ())\r\n", begun=b"%t OK done\r\n"),
        flood(b"* 1 FETCH (BODY[] {900000}\r\n" + b"x" * 900_000 + b")\r\n", begun=b"%t OK done\r\n"),
    ],
)
def test_a_server_that_talks_to_nobody_is_left(keeper: KeeperProcess, answer: Answer) -> None:
    with Scripted({"X": answer}) as server:
        with keeper.borrower().lease(person(server)) as client:
            client.ask(b"X")
        the_keeper_answers_others(keeper, lambda: keeper.count("idle") == 0)


@pytest.mark.servers
def test_a_login_that_never_ends_stops_nobody_else(keeper: KeeperProcess) -> None:
    with Scripted({"AUTHENTICATE": flood(b"* OK " + b"x" * 60_000 + b"\r\n")}) as server:
        told: list[MailError] = []

        def borrow() -> None:
            with pytest.raises(MailError) as error, keeper.borrower().lease(person(server)):
                raise AssertionError("lent")
            told.append(error.value)

        thread = threading.Thread(target=borrow)
        thread.start()
        the_keeper_answers_others(keeper, lambda: bool(told))
        thread.join()


@pytest.mark.servers
def test_a_watcher_whose_server_never_stops_talking_ends(keeper: KeeperProcess, redis: Redis) -> None:
    with Scripted({"STATUS": flood(b"* 1 FETCH (FLAGS ())\r\n")}) as server:
        login = person(server)
        redis.set(watch_key(login.account_id), "1", ex=60)
        keeper.borrower().watch(login)
        until(lambda: "STATUS" in server.names())
        the_keeper_answers_others(keeper, lambda: keeper.status()["watchers"] == 0)


# -- every address of a host, within the time that there is ----------------------------------------------------------


def reached(seconds: float) -> tuple[str, int]:
    """The address that the keeper's connection leads to."""

    async def met() -> tuple[str, int]:
        channel = await connected(Endpoint(HOST, 143, "plain"), seconds)
        try:
            peer: tuple[str, int] = channel.sock.getpeername()
            return peer
        finally:
            channel.close()

    return asyncio.run(met())


@pytest.mark.servers
@pytest.mark.parametrize("first", [True, False])
def test_every_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    with listening() as good:
        resolved(monkeypatch, *([NOBODY, good] if first else [good, NOBODY]))
        assert reached(20) == good[1]


@pytest.mark.servers
def test_a_silent_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent() as dark, listening() as good:
        resolved(monkeypatch, *many(dark, good))
        began = time.monotonic()
        assert reached(MANY_SECONDS) == good[1]
        assert time.monotonic() - began < MANY_SECONDS / 2


@pytest.mark.servers
def test_where_no_address_answers_the_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent() as dark:
        resolved(monkeypatch, dark, dark)
        with pytest.raises(ServerAway, match="cannot connect: timed out"):
            reached(0.4)


@pytest.mark.servers
def test_an_address_is_looked_up_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a resolver was asked")

    with listening() as (_, (host, port)):
        monkeypatch.setattr(socket, "getaddrinfo", asked)

        async def met() -> None:
            (await connected(Endpoint(host, port, "plain"), 20)).close()

        asyncio.run(met())
