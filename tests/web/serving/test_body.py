"""Slow and large bodies: what a few of them may cost."""

import io
import socket
import threading
import time
from typing import Any

import pytest
from werkzeug.exceptions import RequestTimeout

from app.web.serving.body import Bodies, Body, is_large
from tests.web.pages import Pages


def test_a_body_is_read_as_it_is() -> None:
    body = Body(io.BytesIO(b"one\ntwo\n" + b"x" * 50_000), None)
    assert body.readline() == b"one\n"
    assert body.read(4) == b"two\n"
    assert body.read() == b"x" * 50_000
    assert body.read(10) == b""
    assert list(Body(io.BytesIO(b"a\nb"), None)) == [b"a\n", b"b"]
    assert Body(io.BytesIO(b"abc"), None).readline(2) == b"ab"


class Trickle:
    """Gives one byte a call, and takes its time."""

    def read(self, size: int) -> bytes:
        time.sleep(0.02)
        return b"x"


def test_a_body_slower_than_its_rate_is_given_up() -> None:
    began = time.monotonic()
    with pytest.raises(RequestTimeout):
        Body(Trickle(), None, patience=0.2, rate=8192).read(10_000)
    assert time.monotonic() - began < 10  # all of it would take 200


def test_a_body_that_keeps_its_rate_may_take_longer() -> None:
    """At 50 bytes a second; the bound is so low that a machine which is busy with other things keeps it, too."""
    assert len(Body(Trickle(), None, patience=0.1, rate=0.05).read(20)) == 20


@pytest.mark.servers
@pytest.mark.parametrize("step", [0.0, 0.05])
def test_a_browser_that_stalls_or_trickles_is_cut_off_and_can_still_be_answered(step: float) -> None:
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def trickle() -> None:
        while step and not stop.wait(step):
            try:
                theirs.send(b"x")
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    file = ours.makefile("rb")  # like the server's reader it asks again until all of a piece has come
    began = time.monotonic()
    with pytest.raises(RequestTimeout):
        Body(file, ours, patience=0.4, rate=8192).read(100_000)
    assert 0.3 < time.monotonic() - began < 10
    ours.sendall(b"408")
    stop.set()
    thread.join()
    assert theirs.recv(3) == b"408"
    for each in (file, ours, theirs):
        each.close()


@pytest.mark.parametrize(
    ("environ", "large"),
    [
        ({}, False),
        ({"CONTENT_LENGTH": ""}, False),
        ({"CONTENT_LENGTH": "65536"}, False),
        ({"CONTENT_LENGTH": "65537"}, True),
        ({"CONTENT_LENGTH": "-1"}, True),
        ({"CONTENT_LENGTH": "x"}, True),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, True),
    ],
)
def test_what_counts_as_large(environ: dict[str, Any], large: bool) -> None:
    assert is_large(environ) is large


def test_large_bodies_have_their_places_and_give_them_back() -> None:
    crowded: list[bool] = []
    inside, go_on = threading.Barrier(3), threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        crowded.append(environ["postern.crowded"])
        if not environ["postern.crowded"] and environ.get("wait"):
            inside.wait()
            go_on.wait()
        return []

    bodies = Bodies(application, 2)

    def request(**more: Any) -> None:
        bodies({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "100000", **more}, None)

    threads = [threading.Thread(target=request, kwargs={"wait": True}) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    request()
    bodies({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "10"}, None)
    go_on.set()
    for thread in threads:
        thread.join()
    request()
    assert crowded == [False, False, True, False, False]


def test_who_finds_no_place_is_asked_to_come_again(visitor: Pages) -> None:
    token = visitor.token()
    places = visitor.application.wsgi_app._app._places  # type: ignore[attr-defined]
    while places.acquire(blocking=False):
        pass
    response = visitor.post("/login", data={"csrf_token": token, "address": "x" * 100_000})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert visitor.get("/healthz").status_code == 200
