"""Clients that hold a node's threads: requests that never end, answers that nobody reads."""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app.demo.node import Node
from tests.bench import load
from tests.conftest import Resident
from tests.visitor import Visitor

pytestmark = pytest.mark.servers

THREADS = 2 * 32  # two workers
HELD = 2 * THREADS  # they are shared out unevenly


def _answers(node: Node, seconds: float) -> bool:
    try:
        with urllib.request.urlopen(f"{node.url}/healthz", timeout=seconds) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _connections(node: Node, count: int, request: str) -> Iterator[list[socket.socket]]:
    host, port = node.url.removeprefix("http://").split(":")
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect((host, int(port)))
            sock.sendall(request.encode())
            held.append(sock)
        yield held
    finally:
        for sock in held:
            sock.close()


@pytest.mark.slow
def test_requests_whose_header_never_ends_do_not_hold_the_node(node: Node) -> None:
    with _connections(node, HELD, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ") as held:
        for _ in range(14):  # a byte now and then, so that no silence ends them
            time.sleep(1)
            for sock in held:
                try:
                    sock.send(b"a")
                except OSError:
                    continue
        assert _answers(node, 10)


def test_connections_that_say_nothing_do_not_hold_the_node(node: Node) -> None:
    with _connections(node, HELD, ""):
        time.sleep(0.5)
        assert _answers(node, 4)


def test_connections_that_ask_without_a_pause_do_not_hold_the_node(node: Node) -> None:
    host = node.url.removeprefix("http://")
    request = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(load.run, int(host.rpartition(":")[2]), [[request]] * HELD, seconds=3)
        time.sleep(1)  # twice as many connections as threads, each of which never waits
        meanwhile = 0
        while not asked.done() and meanwhile < 3:
            meanwhile += _answers(node, 4) and not asked.done()
        assert meanwhile, "nobody else was answered before they had done"
        measured = asked.result()
    assert set(measured.statuses) == {"200"}
    assert len(measured.latencies) > 2 * HELD
    assert max(measured.latencies) < 2000


def test_one_person_who_reads_nothing_does_not_hold_the_node(node: Node, resident: Resident) -> None:
    lines = b"A" * 76 + b"\r\n"
    resident.mail.append(b"From: a@one.example\r\nSubject: big\r\n\r\n" + lines * 130_000)
    visitor = resident.sign_in(node.url)
    cookies = "; ".join(f"{each.name}={each.value}" for each in visitor.cookies)
    request = f"GET {_path(visitor)}/eml HTTP/1.1\r\nHost: {node.url[7:]}\r\nCookie: {cookies}\r\n\r\n"
    with _connections(node, HELD, request) as held:
        time.sleep(3)
        assert _answers(node, 10)
        begun = [sock.recv(12) for sock in held]
    assert b"HTTP/1.1 200" in begun and b"HTTP/1.1 503" in begun
    assert visitor.get(f"{_path(visitor)}/eml").status == 200  # the places are free again


def _path(visitor: Visitor) -> str:
    page = visitor.get("/mail/INBOX/").text
    return page.split('data-testid="message-subject-link"')[0].rpartition('href="')[2].partition('"')[0]
