"""Redis is refused, silent, empty or full: nobody is signed out by it, nobody signs in without being counted."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis as redis_client

from tests.conftest import MakeAccount
from tests.faults.world import INBOX, Person, World, eventually, said, timed, title, toasts
from tests.visitor import Answer

pytestmark = pytest.mark.servers

AWAY = "Not available for the moment"
NO_SIGN_IN = "Sign-in is not available for the moment"
REST = 1.1  # seconds for which a worker leaves a silent Redis alone, each by itself
QUICK = 1.0  # seconds for what needs no Redis; 10 ms on an idle machine


@pytest.fixture(autouse=True)
def rest() -> Iterator[None]:
    """The next test finds every worker at ease with Redis."""
    yield
    time.sleep(REST)


@contextmanager
def stopped(world: World) -> Iterator[None]:
    """Redis ends, and starts again empty."""
    world.site.redis.kill()
    try:
        yield
    finally:
        world.site.redis.start()


@contextmanager
def silent(world: World) -> Iterator[None]:
    """Redis takes connections and answers nothing."""
    process = world.site.redis.process
    assert process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def make_full(client: redis_client.Redis) -> None:
    """No write is taken any more, and the accounts in the sessions are old enough to be looked up anew."""
    for key in client.keys("s:*"):
        record = json.loads(client.get(key))
        client.set(key, json.dumps({**record, "checked": 0}), keepttl=True)
    client.config_set("maxmemory", "1mb")
    with pytest.raises(redis_client.exceptions.OutOfMemoryError):
        client.set("x", "x")


@contextmanager
def kept_over_a_restart(world: World) -> Iterator[None]:
    """Redis ends in order, and comes back with all that it held."""
    with redis_client.Redis.from_url(world.site.redis.url) as client:
        client.save()
    with stopped(world):
        yield


def is_a_pause(answer: Answer) -> None:
    """503, and when to come back."""
    assert answer.status == 503, f"{answer.status}: {answer.text[:300]}"
    assert int(answer.headers["Retry-After"]) > 0


def test_without_redis_pages_say_so_and_all_is_well_soon_after_it_is_back(world: World, alice: Person):
    token = alice.visitor.token(INBOX)
    one, two = alice.paths()[:2]
    with kept_over_a_restart(world):
        for path in (INBOX, one, f"{one}/eml", "/settings/sessions"):
            answer = alice.visitor.get(path)
            is_a_pause(answer)
            assert title(answer) == AWAY
            assert "You stay signed in" in answer.text
        is_a_pause(alice.visitor.get("/changes"))
        is_a_pause(alice.act("trash", two, token=token))
        stranger = world.stranger()
        assert stranger.get("/login").status == 200
        answer = stranger.sign_in(alice.address, alice.mail.password)
        is_a_pause(answer)
        assert said(answer).startswith(NO_SIGN_IN)
        assert alice.mail.password not in answer.text
        assert stranger.get("/healthz").status == 200
        eventually(lambda: not world.node.ready())
        answer, seconds = timed(lambda: stranger.get("/healthz"))
        assert seconds < QUICK
    assert eventually(lambda: alice.list().status == 200) < 5
    time.sleep(REST)
    eventually(lambda: (answer := stranger.get(INBOX)).status == 303 and answer.location.startswith("/login"))
    assert two in alice.paths(), "what was refused was not done"
    assert eventually(world.node.ready) < 5


def test_a_wrong_password_is_not_tried_while_nobody_can_count_it(world: World, alice: Person):
    with stopped(world):
        for _ in range(3):
            is_a_pause(world.stranger().sign_in(alice.address, "a-guess"))
    alice.mail.logins()  # the log rests
    lines = alice.mail.server.log().splitlines()
    assert not [line for line in lines if "auth failed" in line and f"<{alice.mail.login}>" in line]


def test_a_silent_redis_costs_a_second_and_holds_no_thread(world: World, alice: Person):
    stranger = world.stranger()
    static = stranger.get("/login").text.split('<link rel="stylesheet" href="', 1)[1].split('"', 1)[0]
    waits: list[tuple[Answer, float]] = []
    with silent(world):
        crowd = [threading.Thread(target=lambda: waits.append(timed(alice.list))) for _ in range(24)]
        for each in crowd:
            each.start()
        meanwhile = []
        while any(each.is_alive() for each in crowd) or len(meanwhile) < 6:
            meanwhile += [timed(lambda: stranger.get(static)), timed(lambda: stranger.get("/healthz"))]
        for each in crowd:
            each.join()
    assert len(waits) == 24
    for answer, _ in waits:
        is_a_pause(answer)
    # One or two timeouts of 0.5 s each; the rest is a busy machine's.
    assert sorted(seconds for _, seconds in waits)[12] < 3
    assert all(answer.status == 200 for answer, _ in meanwhile)
    assert sorted(seconds for _, seconds in meanwhile)[len(meanwhile) // 2] < QUICK
    assert eventually(lambda: alice.list().status == 200) < 5


def test_what_a_silent_redis_says_late_is_nobodys_answer(world: World, alice: Person, carol: Person):
    """A connection with an answer still to come is never asked again: it would give one person another's session."""
    names = {person.address: person for person in (alice, carol)}
    for _ in range(3):
        with silent(world):
            for person in names.values():
                person.list()
        deadline = time.monotonic() + 20
        good = 0
        while good < 6 and time.monotonic() < deadline:
            for address, person in names.items():
                other = next(each for each in names if each != address)
                text = person.list().text
                assert other not in text and names[other].mail.login not in text
                good += address in text
        assert good >= 6


def test_an_empty_redis_asks_to_sign_in_and_leads_back(world: World, alice: Person, carol: Person):
    page = alice.paths()[0]
    with stopped(world):
        pass
    time.sleep(REST)
    answer = alice.visitor.get(page)
    assert answer.status == 303 and answer.location.startswith("/login?next=/mail/INBOX/")
    form = alice.visitor.follow(answer)
    assert said(form) == "Your session has ended. Sign in again to go on."
    assert carol.visitor.get("/changes").status == 401, "a script is told, not led"
    back = alice.visitor.post(
        "/login",
        {
            "address": alice.address,
            "password": alice.mail.password,
            "next": page,
            "csrf_token": alice.visitor.token(answer.location),
        },
    )
    assert back.status == 303 and back.location == page
    answer = alice.visitor.follow(back)
    assert answer.status == 200
    assert carol.mail.login not in answer.text


def test_a_full_redis_lets_people_read_and_sign_out(world: World, alice: Person, make_account: MakeAccount):
    newcomer = world.person(make_account(0))
    path = alice.paths()[0]
    with redis_client.Redis.from_url(world.site.redis.url) as client:
        try:
            make_full(client)
            assert alice.list().status == 200
            assert alice.visitor.get("/changes").status in (200, 204)
            assert alice.visitor.get(path).status == 200
            answer = alice.act("flag", path)
            assert answer.status == 303 and "flagged" in toasts(alice.visitor.follow(answer))
            assert alice.visitor.get("/settings/sessions").status == 200
            answer = newcomer.sign_in()
            is_a_pause(answer)
            assert said(answer).startswith(NO_SIGN_IN)
            cookie = {"Cookie": "; ".join(f"{each.name}={each.value}" for each in alice.visitor.cookies)}
            answer = alice.visitor.post("/logout", {"csrf_token": alice.visitor.token(INBOX)})
            assert answer.status == 303, title(answer)
            assert world.stranger().get(INBOX, cookie).status == 303, "the session is over, not only the cookie"
        finally:
            client.config_set("maxmemory", "0")
    assert newcomer.sign_in().status == 303


def test_a_replica_lets_people_read_and_says_that_nobody_is_signed_out(world: World, alice: Person):
    """A failover that is not over: Redis takes no writes (READONLY)."""
    path = alice.paths()[0]
    token = alice.visitor.token(INBOX)
    with redis_client.Redis.from_url(world.site.redis.url) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            assert alice.list().status == 200
            assert alice.visitor.get(path).status == 200
            answer = alice.visitor.post("/logout", {"csrf_token": token})
            is_a_pause(answer)
            assert "You stay signed in" in answer.text
            assert alice.list().status == 200, "as it said"
        finally:
            client.execute_command("REPLICAOF", "NO", "ONE")
    assert alice.visitor.post("/logout", {"csrf_token": token}).status == 303
    assert alice.list().status == 303
