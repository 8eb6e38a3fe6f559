"""The door to ManageSieve: over TLS with the directory's own authority, and closed to who cannot be checked."""

import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from app.demo.certificate import Authority
from app.web.filters import door
from tests.keeper.places import until
from tests.web.filters.conftest import Owner
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


def test_tls_is_checked_before_a_password_leaves(owner: Owner, authority: Authority, tmp_path: Path):
    owner.moved(sieve_security="starttls", tls_ca=authority.file.read_text())
    assert owner.browser.get("/filters").status_code == 200
    owner.moved(tls_ca=Authority(tmp_path).file.read_text())
    answer = owner.browser.get("/filters")
    assert answer.status_code == 502 and "could not be checked" in answer.get_data(as_text=True)


def test_a_server_that_does_not_greet_is_asked_by_one_at_a_time(owner: Owner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(door, "REST", 60.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0)
        owner.moved(sieve_port=silent.getsockname()[1])
        met = []
        for _ in range(2):
            held = owner.app.extensions["postern"]
            settings, held.settings = held.settings, dataclasses.replace(held.settings, first_byte_seconds=0.1)
            met.append(owner.browser.get("/filters").status_code)
            held.settings = settings
        assert met == [503, 503]
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_who_only_forwards_has_no_filters(signed_in: Pages):
    answer = signed_in.get("/filters")
    assert answer.status_code == 200 and 'data-testid="filters-none"' in answer.get_data(as_text=True)


GREETING = b'"IMPLEMENTATION" "x"\r\n"SASL" "PLAIN"\r\n"SIEVE" "fileinto"\r\n"VERSION" "1.0"\r\nOK\r\n'


@contextmanager
def dripping(*answers: bytes, closed: int = 0) -> Iterator[tuple[int, list[int]]]:
    """A server that greets, says these answers, then a byte now and then; its port, and how many came to it. The first
    `closed` of them hear nothing; with the block it ends."""
    came: list[int] = []
    over = threading.Event()

    def serve(peer: socket.socket, number: int) -> None:
        with peer, suppress(OSError):
            if number <= closed:
                return
            peer.sendall(GREETING)
            for answer in answers:
                peer.recv(65_536)
                peer.sendall(answer)
            while not over.wait(0.05):
                peer.sendall(b'"')

    def listen() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                came.append(1)
                threading.Thread(target=serve, args=(peer, len(came)), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        yield listener.getsockname()[1], came
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answers", [(), (b"OK\r\n",)], ids=["over the login", "over the list"])
def test_a_server_that_greets_and_then_drips_holds_one_visit_and_no_more(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, answers: tuple[bytes, ...]
):
    monkeypatch.setattr(door, "SECONDS", 0.4)
    monkeypatch.setattr(door, "REST", 60.0)
    with dripping(*answers) as (port, came):
        owner.moved(sieve_port=port)
        began = time.monotonic()
        assert owner.browser.get("/filters").status_code == 503
        held = time.monotonic() - began
        for path in ("/filters", "/vacation", "/forwarding"):
            with owner.browser.get(path) as answer:
                assert answer.status_code == 503, path
        assert held >= 0.4 and len(came) == 1, "the others were answered without asking it"


def test_after_the_rest_one_visit_tries_and_the_others_do_not_wait_with_it(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(door, "SECONDS", 60.0)
    monkeypatch.setattr(door, "REST", 0.1)
    with dripping(b"OK\r\n", closed=1) as (port, came):
        owner.moved(sieve_port=port)
        assert owner.browser.get("/filters").status_code == 503
        time.sleep(0.15)
        first = threading.Thread(target=owner.browser.get, args=("/filters",))
        first.start()
        until(lambda: len(came) == 2)
        time.sleep(0.15)
        other = owner.app.test_client()
        owner.sign_in(other)  # type: ignore[arg-type]
        assert other.get("/filters").status_code == 503 and len(came) == 2
        assert first.is_alive()
    first.join()
