"""Sending without SQL, and what is said where nothing can be sent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256

import pytest
from sqlalchemy import text

from app.courier.accounts import NoSubmission
from app.mail.flags import OUTGOING
from app.outbox import queue
from app.outbox.mail import State
from app.store import sending
from tests.courier.world import World
from tests.courier.world import text as text_of
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


def test_a_mail_that_has_a_row_is_not_sent_by_a_request_that_cannot_see_it(world: World) -> None:
    letter = world.letter()
    number = world.enqueue(letter, name="w", wait=30)
    assert world.post.send_now("w", world.login(), letter) is None and world.taken() == {}
    assert world.post.undo(world.account.id, number, world.login())
    again = world.letter()
    outcome = world.post.send_now("w", world.login(), again)
    assert outcome is not None and outcome.state == State.DONE and world.taken() == {again.message_id: 1}


def test_a_row_that_sql_took_without_an_answer_is_not_sent_a_second_time(world: World) -> None:
    letter = world.letter()
    number = world.enqueue(letter, name="w")
    world.redis.delete(f"sending:{number}")  # the request never learnt of its row, and sends by itself
    assert sending.guard(world.redis, number)
    world.run()
    assert (world.state(number).state, world.state(number).reason) == (State.QUEUED, "postponed")
    sending.unguard(world.redis, number)
    assert world.post.send_now("w", world.login(), letter)
    with world.engine.begin() as rows:
        rows.execute(text("UPDATE outbox SET until = 1"))
    world.run()  # it is found in Sent at once
    assert (world.state(number).state, world.state(number).reason) == (State.DONE, "")
    assert world.taken() == {letter.message_id: 1} and world.ids("Sent") == [letter.message_id]


def test_after_a_refusal_by_a_courier_a_request_may_send_it_again(world: World) -> None:
    assert isinstance(world.smtp, Sink)
    world.smtp.verdict = "554 5.7.1 no"
    world.enqueue(world.letter(), name="w")
    world.run()
    world.smtp.verdict = None
    outcome = world.post.send_now("w", world.login(), world.letter())
    assert outcome is not None and outcome.state == State.DONE


def test_sent_in_the_request_and_pressed_again_with_sql_back_it_is_not_sent_a_second_time(world: World) -> None:
    first, second = world.letter(), world.letter()
    assert world.post.send_now("w", world.login(), first)
    second = replace(second, message_id=first.message_id)  # as the same form has it
    final = text_of(first.message_id)
    world.mail.append(final, mailbox="Drafts", flags=("\\Draft", "\\Seen", OUTGOING))
    uid = max(world.box("Drafts"))
    second = replace(second, place=replace(second.place, uid=uid), size=len(final), sha256=sha256(final).hexdigest())
    number = world.enqueue(second, name="w")
    world.run()
    assert world.state(number).state == State.DONE
    assert world.taken() == {first.message_id: 1} and world.ids("Sent") == [first.message_id]
