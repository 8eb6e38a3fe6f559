"""Questions that come at the same time are answered together: one statement costs little more for fifty than for one.

Answers are worked out by one thread beside the event loop; while it works, further questions gather. SQL that fails, or
does not answer within `SECONDS`, is away: until it is asked again with success everybody gets the answer that lets mail
through, at once; so that it is told once, not once a mail. Any other error is the fault of one question: the others are
answered without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Generic, TypeVar

SECONDS: Final = 0.8
MOST: Final = 64  # at once, by weight

_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")
_Result = TypeVar("_Result")
log = logging.getLogger("postern.policy")


class Batches(Generic[_Asked, _Told]):
    """`work` answers some questions, in a thread; `otherwise` is told where it does not. `faults` are its errors that
    mean that SQL is away, of which `away` hears. `weight`: for how many a question counts: 64 mails of fifty recipients
    each, at once, take 2 s, and whoever sends them would have SQL taken for away."""

    def __init__(
        self,
        work: Callable[[Sequence[_Asked]], Sequence[_Told]],
        otherwise: _Told,
        faults: tuple[type[Exception], ...],
        away: Callable[[BaseException], None],
        weight: Callable[[_Asked], int] = lambda _question: 1,
    ) -> None:
        self._work, self._otherwise, self._faults, self._away = work, otherwise, faults, away
        self._weight = weight
        self._thread = ThreadPoolExecutor(1, "answers")
        self._waiting: list[tuple[_Asked, asyncio.Future[_Told]]] = []
        self._task: asyncio.Task[None] | None = None
        self.closed = False  # SQL is away

    async def ask(self, question: _Asked) -> _Told:
        """The answer, in its turn."""
        if self.closed:
            return self._otherwise
        future: asyncio.Future[_Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                size = self._size()
                batch, self._waiting = self._waiting[:size], self._waiting[size:]
                told = await self._worked([question for question, _ in batch])
                for (_, future), answer in zip(batch, told, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._task = None

    def _size(self) -> int:
        """How many of those that wait are answered together: one at least."""
        together = 0
        for number, (question, _) in enumerate(self._waiting):
            together += self._weight(question)
            if together > MOST and number:
                return number
        return len(self._waiting)

    async def _worked(self, questions: list[_Asked]) -> Sequence[_Told]:
        if self.closed:
            return [self._otherwise] * len(questions)
        told = await self.alone(partial(self._answers, questions))
        return told if told is not None else [self._otherwise] * len(questions)

    async def alone(self, work: Callable[[], _Result]) -> _Result | None:
        """What `work` returns in the thread of the answers; None where SQL is away, which is told."""
        job = asyncio.get_running_loop().run_in_executor(self._thread, work)
        done, _ = await asyncio.wait([job], timeout=SECONDS)
        error = job.exception() if done else TimeoutError("no answer in time")
        if error is None:
            return job.result()
        job.add_done_callback(_heard)
        self.closed = True
        self._away(error)
        return None

    def _answers(self, questions: Sequence[_Asked]) -> list[_Told]:
        try:
            return list(self._work(questions))
        except self._faults:
            raise
        except Exception as error:
            if len(questions) == 1:
                log.error("a question has no answer: its mail passes", extra={"detail": repr(error)[:200]})
                return [self._otherwise]
            return [answer for each in questions for answer in self._answers([each])]


def _heard(job: asyncio.Future[Any]) -> None:
    """A late fault is told already."""
    if not job.cancelled():
        job.exception()
