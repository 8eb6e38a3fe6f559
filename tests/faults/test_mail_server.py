"""A mail server is away, silent, hangs up or refuses: its own people get a clear page, everybody else nothing."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo.dovecot import Dovecot
from tests.conftest import MakeAccount
from tests.faults.world import INBOX, Person, World, eventually, letter, said, timed, title
from tests.proxy import Proxy
from tests.scripted import Scripted
from tests.visitor import Answer

pytestmark = pytest.mark.servers

AWAY = "Your mail server does not answer"
Wait = tuple[Answer, float]


DOWN = b"* BYE shutting down\r\n"


def rests(world: World, port: int) -> bool:
    """Whether the keeper has given the server at this port a rest."""
    figures = world.stranger().get("/metrics").text
    return bool(re.search(rf'postern_breaker_open{{server="[^"]*:{port}"}} 1', figures))


@pytest.fixture
def frail(server_folder: Path) -> Iterator[Dovecot]:
    """A mail server of one's own, to be killed."""
    server = Dovecot(server_folder / "frail").start()
    yield server
    server.stop()


def test_a_server_that_refuses_is_a_page_and_signs_nobody_out(
    world: World, alice: Person, frail: Dovecot, make_account: MakeAccount
):
    dave = world.person(make_account(frail))
    frail.append(dave.mail.login, letter())
    path = dave.signed_in().paths()[0]
    frail.kill()
    for where in (INBOX, path, f"{path}/eml"):
        answer, seconds = timed(lambda where=where: dave.visitor.get(where))
        assert (answer.status, title(answer)) == (503, AWAY)
        assert int(answer.headers["Retry-After"]) > 0
        assert "you stay signed in" in answer.text and "password" not in answer.text
        assert ("back-to-list" in answer.text) == (where != INBOX), "the same twice"
        assert seconds < 3
    answer = dave.act("trash", path, token=dave.visitor.token("/settings/sessions"))
    assert title(answer) == AWAY
    answer = world.person(dave.mail).sign_in()
    assert answer.status == 503 and said(answer).startswith(AWAY), "no wrong password"
    assert alice.list().status == 200
    frail.start()
    assert eventually(lambda: dave.list().status == 200) < 12  # the breaker's pause is 5 s and a fifth
    assert dave.paths() == [path]


def test_a_server_that_is_away_meets_no_storm(world: World, bob: Person, proxy: Proxy):
    """After five failures in a row it is left alone for seconds, and a page costs nothing."""
    with Scripted(greeting=DOWN, conversation=lambda _peer: None) as down:
        proxy.target = ("127.0.0.1", down.port)
        proxy.cut()
        eventually(lambda: title(bob.list()) == AWAY and rests(world, proxy.port))
        knocks = down.connections
        assert knocks <= 6
        answers = [timed(bob.list) for _ in range(20)]
        assert {title(answer) for answer, _ in answers} == {AWAY}
        assert sorted(seconds for _, seconds in answers)[10] < 1
        assert down.connections - knocks <= 3, "the breaker's own tries"


def crowd(person: Person, count: int, *, meanwhile: Person) -> tuple[list[Wait], list[Wait]]:
    """So many requests of one person at once, and those that another makes until all of them are answered."""
    waits: list[Wait] = []
    threads = [threading.Thread(target=lambda: waits.append(timed(person.list))) for _ in range(count)]
    for each in threads:
        each.start()
    others: list[Wait] = []
    while any(each.is_alive() for each in threads):
        others.append(timed(meanwhile.list))
    return waits, others


def test_a_silent_server_costs_its_own_people_seconds_and_others_nothing(
    world: World, bob: Person, carol: Person, proxy: Proxy
):
    usual = sorted(timed(carol.list)[1] for _ in range(9))[4]
    proxy.fault("stall")
    waits, others = crowd(bob, 8, meanwhile=carol)
    assert {title(answer) for answer, _ in waits} == {AWAY}
    assert max(seconds for _, seconds in waits) < 4.9  # 3 s, and what a busy machine adds
    assert {answer.status for answer, _ in others} == {200}
    waited = sorted(seconds for _, seconds in others)
    assert waited[len(waited) // 2] < max(0.5, 10 * usual)
    assert waited[len(waited) * 95 // 100] < max(1.0, 20 * usual), "one in twenty"
    eventually(lambda: crowd(bob, 3, meanwhile=carol) and rests(world, proxy.port))
    answer, seconds = timed(bob.list)
    assert title(answer) == AWAY and seconds < 2
    proxy.clear()
    proxy.cut()
    eventually(lambda: bob.list().status == 200)


def test_a_name_that_is_not_in_the_dns_is_a_server_that_is_away(world: World, make_account: MakeAccount):
    person = world.person(make_account(0), host="mail.invalid", security="tls")
    answer, seconds = timed(person.sign_in)
    assert answer.status == 503 and said(answer).startswith(AWAY)
    assert seconds < 8
