"""Questions of one moment are answered together; without SQL everybody is answered at once, and it is told once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from app.policy import batches
from app.policy.batches import Batches
from app.policy.errors import PolicyAway


def asked(work: object, count: int, **more: object) -> tuple[list[str], list[BaseException]]:
    """The answers to some questions at once, and what was told of SQL."""
    faults: list[BaseException] = []

    async def run() -> list[str]:
        several: Batches[int, str] = Batches(work, "DUNNO", (PolicyAway,), faults.append, **more)  # type: ignore[arg-type]
        return list(await asyncio.gather(*(several.ask(number) for number in range(count))))

    return asyncio.run(run()), faults


def test_what_comes_while_others_are_answered_is_answered_together() -> None:
    sizes = []

    def work(questions: Sequence[int]) -> list[str]:
        sizes.append(len(questions))
        return [str(each) for each in questions]

    answers, _ = asked(work, 200)
    assert answers == [str(number) for number in range(200)]
    assert sizes == [64, 64, 64, 8]


def test_questions_about_many_are_not_answered_at_once_with_as_many_others() -> None:
    sizes = []

    def work(questions: Sequence[int]) -> list[str]:
        sizes.append(len(questions))
        return [str(each) for each in questions]

    answers, faults = asked(work, 40, weight=lambda number: 100 if number == 2 else 20 if number < 20 else 1)
    assert answers == [str(number) for number in range(40)] and faults == []
    assert sizes == [2, 1, 3, 3, 3, 3, 3, 22]


def test_sql_away_lets_everything_pass_and_is_told_once() -> None:
    def work(_questions: Sequence[int]) -> list[str]:
        raise PolicyAway("gone")

    answers, faults = asked(work, 200)
    assert set(answers) == {"DUNNO"}
    assert [str(each) for each in faults] == ["gone"]


def test_sql_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "SECONDS", 0.05)
    ending = threading.Event()

    def work(questions: Sequence[int]) -> list[str]:
        ending.wait(5)
        return ["late"] * len(questions)

    began = time.monotonic()
    try:
        answers, faults = asked(work, 100)
        assert time.monotonic() - began < 4  # of the 5 that the answers take
    finally:
        ending.set()
    assert set(answers) == {"DUNNO"}
    assert len(faults) == 1


def test_a_question_that_is_a_fault_of_its_own_harms_no_other() -> None:
    def work(questions: Sequence[int]) -> list[str]:
        if 3 in questions:
            raise ValueError("three")
        return [str(each) for each in questions]

    answers, faults = asked(work, 6)
    assert answers == ["0", "1", "2", "DUNNO", "4", "5"]
    assert faults == []
