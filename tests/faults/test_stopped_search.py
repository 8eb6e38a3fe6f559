"""Who stops a search, or leaves, stops the mail server's work too: the connection is given up within a moment."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.demo.process import end, find_program, free_port, spawn, wait_until
from tests.config.test_haproxy import configuration
from tests.faults.world import INBOX, Person, World, eventually
from tests.proxy import Proxy
from tests.scripted import Peer, Scripted

pytestmark = pytest.mark.servers

SEARCHING, LONG = 2.0, 20.0  # seconds that an undisturbed search takes here


class Searched:
    """A mail server whose searches take their time; it knows when they began and when the client was gone."""

    def __init__(self) -> None:
        self.began, self.gone = threading.Event(), threading.Event()
        self.seconds = SEARCHING
        self.server = Scripted({"UID SEARCH": self.search})

    def search(self, peer: Peer, tag: bytes) -> None:
        self.began.set()
        peer.sock.settimeout(self.seconds)
        try:
            if not peer.sock.recv(1, socket.MSG_PEEK):
                self.gone.set()
                raise EOFError
        except TimeoutError:
            peer.sock.settimeout(None)
            peer.send(b"* SEARCH\r\n" + tag + b" OK done\r\n")


@pytest.fixture
def searched(proxy: Proxy, bob: Person) -> Iterator[Searched]:
    """Bob's mail server from now on."""
    made = Searched()
    with made.server:
        proxy.target = ("127.0.0.1", made.server.port)
        proxy.cut()
        yield made


def asked(bob: Person, port: int, query: str = "q=word") -> socket.socket:
    """A browser's connection with a search on its way."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    cookies = "; ".join(f"{each.name}={each.value}" for each in bob.visitor.cookies)
    sock.sendall(f"GET {INBOX}?{query} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n\r\n".encode())
    return sock


def node_port(world: World) -> int:
    return int(world.node.url.rpartition(":")[2])


@pytest.fixture
def haproxy(world: World, server_folder: Path) -> Iterator[int]:
    """The shipped HAProxy before the node; its port."""
    node = SimpleNamespace(port=node_port(world))
    port, log = free_port(), server_folder / "haproxy.log"
    config = configuration(server_folder, port, (node, node))  # type: ignore[arg-type]
    with log.open("wb") as output:
        process = spawn([str(find_program("haproxy")), "-db", "-f", str(config)], output=output)

    def listens() -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, process, "HAProxy", log)
    yield port
    end(process)


@pytest.fixture(params=["node", "haproxy"])
def port(request: pytest.FixtureRequest, world: World) -> int:
    return node_port(world) if request.param == "node" else int(request.getfixturevalue("haproxy"))


def finish_sending(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("leave", [socket.socket.close, finish_sending])
def test_who_hangs_up_over_a_search_ends_it(
    world: World, bob: Person, searched: Searched, port: int, leave: Callable[[socket.socket], None]
):
    before, searched.seconds = len(world.node.log()), LONG
    sock = asked(bob, port)
    assert searched.began.wait(10)
    time.sleep(0.3)
    assert not searched.gone.is_set(), "whoever waits is not taken for gone"
    leave(sock)
    assert searched.gone.wait(LONG / 2)
    sock.close()
    eventually(lambda: "NobodyWaits" in world.node.log()[before:])


def test_who_waits_gets_what_was_found(bob: Person, searched: Searched, port: int):
    with asked(bob, port) as sock:
        assert b" 200 OK" in sock.recv(4096)
    assert searched.began.is_set() and not searched.gone.is_set()


def test_a_request_behind_the_search_is_no_farewell(bob: Person, searched: Searched, world: World):
    with asked(bob, node_port(world)) as sock:
        assert searched.began.wait(10)
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 OK" in sock.recv(4096) and not searched.gone.is_set()


def test_another_reader_of_the_account_is_not_disturbed(bob: Person, searched: Searched, world: World):
    first, second = asked(bob, node_port(world)), asked(bob, node_port(world), "q=other")
    assert searched.began.wait(10)
    first.close()
    with second:
        assert b" 200 OK" in second.recv(4096)
