"""The breaker of a mail server, on a clock of the test's own."""

from __future__ import annotations

import pytest

from app.keeper.breaker import FAILURES, LONGEST_PAUSE, Breaker
from app.mail.errors import ServerAway


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.check()
        breaker.failed()
    return breaker, clock


def test_it_opens_after_failures_in_a_row_and_says_when_to_come_back() -> None:
    breaker, _ = opened()
    assert breaker.state == "open"
    with pytest.raises(ServerAway) as error:
        breaker.check()
    assert 1 <= error.value.retry_after <= 6.5


def test_tries_that_began_before_it_opened_do_not_lengthen_its_pause() -> None:
    breaker, clock = opened()
    for _ in range(FAILURES):
        breaker.failed()
    clock.now += 6.5
    breaker.check()


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(Clock())
    for _ in range(3 * FAILURES):
        breaker.failed()
        breaker.succeeded()
    assert breaker.state == "closed"


def test_half_open_it_lets_one_try_through_at_a_time() -> None:
    breaker, clock = opened()
    clock.now += 10
    assert breaker.state == "half-open"
    breaker.check()
    with pytest.raises(ServerAway):
        breaker.check()
    breaker.succeeded()
    assert breaker.state == "closed"
    breaker.check()


def test_a_failed_try_doubles_the_pause_up_to_a_minute() -> None:
    breaker, clock = opened()
    waited = []
    for _ in range(8):
        clock.now += 2 * LONGEST_PAUSE
        breaker.check()
        breaker.failed()
        with pytest.raises(ServerAway) as error:
            breaker.check()
        waited.append(error.value.retry_after)
    assert waited[0] < waited[2] and max(waited) <= 1.2 * LONGEST_PAUSE


def test_a_try_that_told_nothing_lets_the_next_one_try() -> None:
    breaker, clock = opened()
    clock.now += 10
    breaker.check()
    breaker.gave_up()
    breaker.check()
