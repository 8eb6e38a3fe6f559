"""A mail server takes the line and says nothing, at any point: who waits for a page is told within about 3 seconds."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from app.demo.dovecot import Dovecot
from tests.faults.world import INBOX, Person, World, eventually, timed, title, unused
from tests.proxy import Proxy
from tests.scripted import Answer, Peer, Scripted

pytestmark = pytest.mark.servers

AWAY = "Your mail server does not answer"
BROKE = "The connection to your mail server broke"
PAGE_SECONDS = 3.0
LATE = 1.9  # what a busy machine may add: a login that is waited for takes 2 more
NOTHING = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 9]\r\n* OK [UIDNEXT 3]\r\n%t OK [READ-WRITE] selected\r\n"


def silent(peer: Peer, _tag: bytes = b"") -> None:
    """Hears everything and says nothing."""
    while True:
        peer.line()


def half(peer: Peer, tag: bytes) -> None:
    """Says how it begins."""
    peer.send(b"* 2 FETCH (UID 2 FLAGS (")
    silent(peer, tag)


def peer_that_is_silent(where: str) -> Scripted:
    """A mail server that stops speaking at one point of every connection."""
    if where == "greeting":
        return Scripted(greeting=b"", conversation=silent)
    commands: dict[str, Answer] = {"login": silent, "SELECT": silent, "FETCH": silent, "middle": half}
    name = {"login": "AUTHENTICATE", "middle": "FETCH"}.get(where, where)
    return Scripted({name: commands[where]})


def at_once(person: Person, count: int) -> list[tuple[str, float]]:
    """So many lists asked for at the same time: the heading of each page, and its seconds."""
    found: list[tuple[str, float]] = []

    def ask() -> None:
        answer, seconds = timed(person.list)
        found.append((title(answer), seconds))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


@pytest.mark.parametrize("where", ["greeting", "login", "SELECT", "FETCH", "middle"])
def test_wherever_a_server_falls_silent_each_of_many_pages_says_so_in_time(
    world: World, bob: Person, proxy: Proxy, where: str
):
    """Also those that wait for a place which only hanging logins have: nobody is told to close windows."""
    with peer_that_is_silent(where) as server:
        proxy.target = ("127.0.0.1", server.port)
        proxy.cut()
        answers = at_once(bob, 6)
        assert {heading for heading, _ in answers} == {AWAY}, answers
        assert max(seconds for _, seconds in answers) < PAGE_SECONDS + LATE, answers


def test_a_connect_that_hangs_is_told_in_time_and_then_at_once(world: World, bob: Person, proxy: Proxy):
    """Behind a port whose queue is full, and from which nobody takes."""
    proxy.stop()
    with ExitStack() as stack:
        stack.enter_context(socket.create_server(("127.0.0.1", proxy.port), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(("127.0.0.1", proxy.port))
        answers = at_once(bob, 6)
        assert {heading for heading, _ in answers} == {AWAY}, answers
        assert max(seconds for _, seconds in answers) < PAGE_SECONDS + LATE
        eventually(lambda: timed(bob.list)[1] < 0.5)  # the breaker is open
        answer = bob.list()
        assert title(answer) == AWAY and int(answer.headers["Retry-After"]) > 0


def test_a_login_slower_than_a_page_goes_on_and_the_next_page_has_its_connection(
    world: World, bob: Person, proxy: Proxy
):
    """Passwords checked by a slow directory: 4 seconds, which is longer than a page waits and no failure."""

    def slow(peer: Peer, tag: bytes) -> None:
        time.sleep(4)
        peer.send(tag + b" OK in\r\n")

    with Scripted({"AUTHENTICATE": slow, "SELECT": NOTHING}) as server:
        proxy.target = ("127.0.0.1", server.port)
        proxy.cut()
        answer, seconds = timed(bob.list)
        assert title(answer) == AWAY and seconds < PAGE_SECONDS + LATE
        time.sleep(1.5)
        answer, seconds = timed(bob.list)
        assert answer.status == 200 and seconds < 2
        assert server.connections == 1


def test_a_kept_connection_and_its_successor_share_the_time_of_one_page(world: World, bob: Person, proxy: Proxy):
    proxy.fault("stall")
    answer, seconds = timed(bob.list)
    assert title(answer) == AWAY and seconds < PAGE_SECONDS + LATE
    proxy.clear()
    proxy.cut()
    eventually(lambda: bob.list().status == 200)


def test_a_download_may_pause_for_longer_than_a_page(world: World, dovecot: Dovecot):
    text = b"Subject: Long\r\n\r\n" + b"x" * 200 + b"\r\n"

    def fetch(peer: Peer, tag: bytes) -> None:
        peer.send(b"* 1 FETCH (UID 1 RFC822.SIZE %d BODY[]<0> {%d}\r\n" % (len(text), len(text)) + text[:50])
        time.sleep(PAGE_SECONDS + 1.5)
        peer.send(text[50:] + b")\r\n" + tag + b" OK done\r\n")

    with Scripted({"UID FETCH": fetch}) as server:
        person = world.person(unused(dovecot), port=server.port).signed_in()
        assert person.visitor.get("/mail/INBOX/9/1/eml").body == text


def test_a_change_that_meets_silence_is_not_called_harmless(world: World, dovecot: Dovecot):
    """In a POST a read may come after a write: what the page says must be true for both."""
    with Scripted() as server:
        person = world.person(unused(dovecot), port=server.port).signed_in()
        token = person.visitor.token("/settings/sessions")
        server.answers["SELECT"] = silent
        answer, seconds = timed(lambda: person.act("read", f"{INBOX}9/1", token=token))
        assert title(answer) == BROKE and "may or may not" in answer.text
        assert seconds < PAGE_SECONDS + LATE
