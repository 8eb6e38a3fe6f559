"""A courier at work: claims mails that are due, finds the account and its credential, delivers, writes down the end.

Several couriers work at once, one a node. SQL says who has a mail; Redis wakes them, and both may be away for a while:
a mail then waits, and what was learnt while SQL was away is told to it as soon as it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from redis import RedisError
from sqlalchemy import Engine

from app.courier.accounts import Accounts, CannotSign, Withdrawn
from app.courier.deliver import Job, Outcome, deliver
from app.outbox import queue
from app.outbox.errors import ClaimLost, OutboxAway
from app.outbox.mail import LATE_TRIES, Mail, Refusal, State

CLAIM_SECONDS = 60.0
PLACES = 4  # mails that one courier has in hand at once
PAUSES: Sequence[float] = (5, 10, 20, 40, 80, 160, 300, 600, 1200, 1800, 3600)  # seconds before each next try
GIVE_UP = 2 * 86_400_000  # milliseconds after it was due
PATIENCE = 900.0  # seconds for SQL to come back to be told what became of a mail

_ENDS = {State.QUEUED: State.REFUSED, State.IN_DATA: State.UNKNOWN}  # where nobody can go on; what was sent waits

log = logging.getLogger("postern.courier")


class Stopping(Exception):
    """The courier was asked to end: no final dot is sent any more."""


@dataclass
class Book:
    """The ledger of a mail that has a row. Where the claim is lost before the final dot, the dot is not sent."""

    engine: Engine
    mail: Mail
    seconds: float
    ending: Callable[[], bool]
    now: Callable[[], int]  # milliseconds of the clock of all
    untold: str | None = None  # a 250 that SQL could not be told
    refusals: Sequence[Refusal] = ()  # who does not get what was accepted; told with it

    def in_data(self) -> None:
        if self.ending():
            raise Stopping
        begun = time.monotonic()
        self.mail = queue.step(self.engine, self.mail, State.IN_DATA, now=self.now())
        if time.monotonic() - begun > self.seconds / 2:  # asleep: if nobody else has it by now, it is given back
            raise OutboxAway("too late")

    def accepted(self, reply: str, refusals: Sequence[Refusal] = ()) -> None:
        try:
            self.mail = queue.step(
                self.engine, self.mail, State.ACCEPTED, now=self.now(), reply=reply, refusals=refusals
            )
        except OutboxAway:
            self.untold, self.refusals = reply, refusals  # filing goes on: the copy in Sent tells whoever comes next
        except ClaimLost:
            if queue.known_accepted(self.engine, self.mail, now=self.now(), reply=reply):
                log.warning("a 250 after the claim was lost", extra={"detail": self.mail.id})
            raise

    def filed(self, reason: str) -> None:
        with suppress(OutboxAway):  # then the end, which is written until SQL is there, says it too
            self.mail = queue.step(
                self.engine, self.mail, State.FILED, now=self.now(),
                reason=reason, reply=self.untold or None, refusals=self.refusals,
            )  # fmt: skip
            self.untold = None

    def tell(self) -> None:
        """The 250 that SQL could not be told. Raises OutboxAway, ClaimLost."""
        if self.untold is None:
            return
        try:
            self.mail = queue.step(
                self.engine, self.mail, State.ACCEPTED, now=self.now(), reply=self.untold, refusals=self.refusals
            )
        except ClaimLost:
            queue.known_accepted(self.engine, self.mail, now=self.now(), reply=self.untold)
            raise
        self.untold = None


class Courier:
    """One per process. `once` delivers what is due; the loop around it is in __main__."""

    def __init__(
        self, engine: Engine, accounts: Accounts, owner: str, *,
        seconds: float = CLAIM_SECONDS, pauses: Sequence[float] = PAUSES,
    ) -> None:  # fmt: skip
        self.engine, self.accounts, self.owner, self.seconds, self.pauses = engine, accounts, owner, seconds, pauses
        self.milliseconds = accounts.clock.milliseconds
        self.ending = threading.Event()
        self.away = False  # as SQL was when it was last looked at
        self._active: dict[str, Book] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(PLACES, thread_name_prefix="mail")

    def once(self) -> int:
        """Claims as many mails as there are places; returns how many. They are delivered in threads. OutboxAway."""
        if self.away:
            self.renew()  # before anybody, ourselves included, takes the mails in hand for a dead courier's
        taken = 0
        while len(self._active) < PLACES and not self.ending.is_set():
            mail = queue.claim(self.engine, self.owner, self.milliseconds(), seconds=self.seconds)
            if mail is None:
                break
            book = Book(self.engine, mail, self.seconds, self.ending.is_set, self.accounts.clock.unasked)
            with self._lock:
                self._active[mail.id] = book
            self._pool.submit(self._work, book)
            taken += 1
        return taken

    def renew(self) -> None:
        """Keeps the claims of mails in hand; call it about three times a claim's length."""
        with self._lock:
            books = list(self._active.values())
        for book in books:
            try:
                queue.renew(self.engine, book.mail, until=self.milliseconds() + round(self.seconds * 1000))
            except (ClaimLost, OutboxAway):  # the next step of the mail meets it
                continue

    def until_next(self) -> float:
        """Seconds until the next mail has to be looked at, much where none waits. Raises OutboxAway."""
        found = queue.next_look(self.engine)
        return 1e9 if found is None else (found - self.milliseconds()) / 1000

    def forget(self, *, days: int) -> None:
        """Deletes the rows of mails that ended so long ago."""
        with suppress(OutboxAway):
            queue.forget(self.engine, before=self.milliseconds() - days * 86_400_000)

    @property
    def busy(self) -> bool:
        """Whether mails are in hand."""
        return bool(self._active)

    def end(self, *, wait: bool = True) -> None:
        """No further mail; those in hand end before their final dot, or after its answer."""
        self.ending.set()
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _work(self, book: Book) -> None:
        try:
            self._write(book, self._deliver(book))
        except ClaimLost:
            log.info("another courier has the mail", extra={"detail": book.mail.id})
        except Exception:  # its claim ends by itself, and the next courier finds it as it was left
            log.exception("a mail was left where it stood")
        finally:
            with self._lock:
                self._active.pop(book.mail.id, None)

    def _deliver(self, book: Book) -> Outcome:
        mail = book.mail
        before = State.QUEUED if mail.state == State.CLAIMED else mail.state
        if before in _ENDS and self.milliseconds() - mail.due > GIVE_UP:
            return Outcome(_ENDS[before], "expired", mail.last_reply)
        try:
            if before == State.QUEUED and self.accounts.in_request(mail):
                return Outcome(before, "postponed", retry=True)
            ways = self.accounts.ways(mail)
            since = datetime.fromtimestamp(mail.created / 1000, UTC)
            again = mail.reason == "decided"
            sent = before == State.QUEUED and not again and self.accounts.by_request(mail)
            begun = State.IN_DATA if sent else mail.state  # then Sent says it, or nobody knows
            job = Job(mail.letter, begun, since, ways.lease, ways.submission, again=again)
            return _waiting(mail, deliver(job, book))
        except CannotSign as error:
            if error.reason == "credential" and before == State.QUEUED:  # it waits until its owner says so
                return Outcome(before, error.reason, retry=True)
            return Outcome(_ENDS.get(before, before), error.reason, retry=before not in _ENDS)
        except Withdrawn as error:
            return Outcome(before, "away", str(error), retry=True)
        except (RedisError, OutboxAway) as error:  # before the final dot, which was then not sent
            return Outcome(before, "postponed", type(error).__name__, retry=True)
        except Stopping:
            return Outcome(before, "stopping", mail.last_reply, retry=True)

    def _write(self, book: Book, outcome: Outcome) -> None:
        """Writes down where the mail stands now, as long as it takes SQL to be there."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                book.tell()
                return self._written(book, outcome)
            except OutboxAway:
                if time.monotonic() > end or self.ending.wait(1.0):
                    raise

    def _written(self, book: Book, outcome: Outcome) -> None:
        mail, now = book.mail, self.milliseconds()
        if not outcome.retry:
            queue.step(
                self.engine, mail, outcome.state, now=now,
                reason=outcome.reason, reply=outcome.reply or None, refusals=outcome.refusals,
            )  # fmt: skip
            self.accounts.ended(mail, outcome.state)
            log.info("mail %s", outcome.state, extra={"detail": f"{mail.id} {outcome.reason}"})
            return
        self._put_back(mail, outcome, now)

    def _put_back(self, mail: Mail, outcome: Outcome, now: int) -> None:
        longest = {"stopping": 0.0, "postponed": 10.0}.get(outcome.reason, GIVE_UP)  # our own SQL and Redis come back
        pause = min(longest, self.pauses[min(mail.tries, len(self.pauses) - 1)])
        parked = outcome.reason in ("credential", "sign-in", "account")  # nobody here can sign in for its owner
        queue.put_back(
            self.engine, mail, outcome.state, now=now, at=None if parked else now + round(pause * 1000),
            reason=outcome.reason, reply=outcome.reply or None,
            credential=None if parked else self.accounts.lasting(mail),
        )  # fmt: skip
        if parked or mail.tries + 1 == LATE_TRIES:
            self.accounts.tell(mail)


def _waiting(mail: Mail, outcome: Outcome) -> Outcome:
    """A scheduled mail whose password does not open any more is not refused: it waits for its owner."""
    if mail.scheduled and (outcome.state, outcome.reason) == (State.REFUSED, "sign-in"):
        return replace(outcome, state=State.QUEUED, retry=True)
    return outcome
