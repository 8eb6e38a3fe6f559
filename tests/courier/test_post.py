"""Sending without SQL, and what is said where nothing can be sent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.courier.post import NoSubmission
from app.outbox import queue
from app.outbox.mail import State
from tests.courier.world import World
from tests.smtpsink import Script, Sink

pytestmark = pytest.mark.servers


def test_where_the_account_has_no_submission_server_that_is_said_at_once(make_world: Callable[..., World]) -> None:
    world = make_world(submission=None)
    with pytest.raises(NoSubmission, match="no submission endpoint"):
        world.enqueue(world.letter())
    with pytest.raises(NoSubmission):
        world.post.send_now("w", world.login(), world.letter())


def test_without_sql_a_mail_is_sent_in_the_request_once(world: World) -> None:
    letter = world.letter()
    outcome = world.post.send_now("window-1", world.login(), letter)
    assert outcome is not None and outcome.state == State.DONE
    assert world.post.send_now("window-1", world.login(), letter) is None
    assert world.taken() == {letter.message_id: 1}
    assert world.ids("Sent") == [letter.message_id] and world.ids("Drafts") == []
    assert queue.of_account(world.engine, world.account.id) == ()


def test_of_ten_requests_at_once_one_sends(world: World) -> None:
    letter = world.letter()
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: world.post.send_now("w", world.login(), letter), range(10)))
    assert sum(each is not None for each in found) == 1
    assert world.taken() == {letter.message_id: 1}


def test_sent_in_the_request_with_an_unknown_end_it_is_not_sent_again(make_world: Callable[..., World]) -> None:
    with Script({".": None}) as script:
        world = make_world(smtp=script)
        letter = world.letter()
        outcome = world.post.send_now("w", world.login(), letter)
        assert outcome is not None and outcome.state == State.UNKNOWN
        world.redis.flushall()  # the guard is lost; the mark at the bytes is not
        outcome = world.post.send_now("w", world.login(), letter)
        assert outcome is not None and outcome.state == State.UNKNOWN and len(script.messages) == 1
        script.answers = {}
        outcome = world.post.send_now("w", world.login(), letter, again=True)
        assert outcome is not None and outcome.state == State.DONE and len(script.messages) == 2
    assert world.ids("Sent") == [letter.message_id]


def test_sent_in_the_request_and_refused_it_may_be_sent_again(world: World) -> None:
    assert isinstance(world.smtp, Sink)
    world.smtp.verdict = "451 4.3.0 later"
    letter = world.letter()
    outcome = world.post.send_now("w", world.login(), letter)
    assert outcome is not None and (outcome.state, outcome.retry) == (State.REFUSED, True)
    world.smtp.verdict = None
    outcome = world.post.send_now("w", world.login(), letter)
    assert outcome is not None and outcome.state == State.DONE and world.taken() == {letter.message_id: 1}
