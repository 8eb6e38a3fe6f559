"""A host of several addresses: each is tried, and one that is silent leaves time for the others."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from app.directory.account import Endpoint
from app.mail.direct import connected
from app.mail.errors import ServerAway

pytestmark = pytest.mark.servers

Address = tuple[socket.AddressFamily, Any]
HOST = "two.example"
NOBODY = (socket.AF_INET6, ("::1", 9, 0, 0))  # nobody listens, or this machine has no IPv6 at all

MANY_SECONDS = 9.0  # for `many`: 0.3 for the first, and what is left when the machine was busy is enough for the others


def many(first: Address, other: Address) -> list[Address]:
    """Thirty addresses, all but two of them the other one."""
    return [first, NOBODY, *[other] * 28]


def resolved(monkeypatch: pytest.MonkeyPatch, *addresses: Address) -> None:
    """HOST has these addresses."""

    def found(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        assert host == HOST
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)


@contextmanager
def listening() -> Iterator[tuple[socket.AddressFamily, tuple[str, int]]]:
    """An address where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield socket.AF_INET, server.getsockname()


@contextmanager
def silent() -> Iterator[tuple[socket.AddressFamily, tuple[str, int]]]:
    """An address that answers no connection: its queue is full, and the kernel drops what comes (Linux)."""
    with ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield socket.AF_INET, server.getsockname()


@pytest.mark.parametrize("first", [True, False])
def test_every_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    with listening() as good:
        resolved(monkeypatch, *([NOBODY, good] if first else [good, NOBODY]))
        with connected(Endpoint(HOST, 143, "plain"), 20) as sock:
            assert sock.getpeername() == good[1]


def test_a_silent_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent() as dark, listening() as good:
        resolved(monkeypatch, *many(dark, good))
        began = time.monotonic()
        with connected(Endpoint(HOST, 143, "plain"), MANY_SECONDS) as sock:
            assert sock.getpeername() == good[1]
        assert time.monotonic() - began < MANY_SECONDS / 2


def test_where_no_address_answers_the_time_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent() as dark:
        resolved(monkeypatch, dark, NOBODY, *[dark] * 18)
        began = time.monotonic()
        with pytest.raises(ServerAway, match="cannot connect"):
            connected(Endpoint(HOST, 143, "plain"), 0.4)
        assert 0.3 < time.monotonic() - began < 4  # with so much for each of them it would be 7.6
