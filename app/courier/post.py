"""What the web asks of the outbox: put a mail in, take it out, tell how mails stand, send one without SQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from redis import Redis, RedisError
from sqlalchemy import Engine

from app.courier.accounts import Keys, NoSubmission, Ways, bound, slot, ways_of
from app.courier.deliver import Job, Outcome, deliver
from app.courier.filing import bring_back, mark, there, uncover
from app.directory.account import Account
from app.keeper.lease import Borrower, Login
from app.mail.connection import Connection
from app.mail.errors import CannotDo, MailError
from app.mail.submission import Patience
from app.outbox import queue
from app.outbox.mail import IN_DATA, LATE_TRIES, Letter, Mail, Place, Refusal, State, mail_id
from app.store import credential, sending
from app.store.clock import Clock
from app.store.credential import Credential

IN_REQUEST = Patience(connect=5.0, login=10.0, reply=20.0, silence=20.0, verdict=30.0)


class NoCredential(CannotDo):
    """Nothing may keep the password as long as the mail is to wait: no POSTERN_OUTBOX_KEY and no master user."""


@dataclass
class _Marks:
    """The ledger of a mail sent in the request: a keyword at its final bytes, before the final dot."""

    ways: Ways
    letter: Letter

    def in_data(self) -> None:
        with self.ways.lease() as client:
            mark(client, self.letter.place, IN_DATA, on=True)

    def accepted(self, reply: str, refusals: Sequence[Refusal] = ()) -> None:
        """The filing, which follows at once, writes it down."""

    def filed(self, reason: str) -> None:
        """Likewise."""


class Post:
    """The web's side; one per worker. Times are seconds."""

    def __init__(self, engine: Engine, redis: Redis, keys: Keys, borrower: Borrower) -> None:
        self.engine, self.redis, self.keys, self.borrower = engine, redis, keys, borrower
        self.clock = Clock(redis)

    def enqueue(
        self, compose_id: str, account: Account, login: Login, letter: Letter, *, wait: float, at: float | None = None
    ) -> tuple[str, bool]:
        """Puts a mail in, to be sent after `wait` seconds (undo) or `at` a time of the epoch; returns its id, and
        whether it is this call that put it in.

        Raises NoSubmission, NoCredential, OutboxAway (then `send_now` does it) and redis.RedisError.
        """
        if login.server.submission is None:
            raise NoSubmission("the account's mail server has no submission endpoint")
        number, now = mail_id(account.id, compose_id), self.clock()
        due = now + wait if at is None else max(at, now + wait)
        sealed = self._sealed(number, login, letter, seconds=due - now)
        sending.putting(self.redis, number)
        put = queue.put(
            self.engine, number, account.id, account.to_json(), letter,
            due=round(due * 1000), now=round(now * 1000), credential=sealed,
        )  # fmt: skip
        with suppress(RedisError):
            sending.hold(self.redis, number)
        self._wake(number)
        return number, put

    @property
    def can_wait(self) -> bool:
        """Whether mails can be sent later: something may keep the credential, or none is needed."""
        return self.keys.master is not None or self.keys.outbox is not None

    def reschedule(self, login: Login, number: str, *, at: float | None = None) -> bool:
        """Sends a mail that waits at once, or `at` another time; False where it is too late.

        Raises NoCredential, OutboxAway, RedisError.
        """
        mail, now = queue.one(self.engine, login.account_id, number), self.clock()
        if mail is None or mail.state != State.QUEUED:
            return False
        due = max(now, at or now)
        sealed = self._sealed(number, login, mail.letter, seconds=due - now)
        moments = {"due": round(due * 1000), "now": round(now * 1000)}
        done = queue.reschedule(self.engine, login.account_id, number, **moments, credential=sealed)
        self._wake(number)
        return done

    def to_others(self, login: Login, number: str) -> bool:
        """Sends a mail, some of whose recipients were refused, to the others; False where that is settled already.

        Raises OutboxAway, RedisError.
        """
        mail = queue.one(self.engine, login.account_id, number)
        if mail is None or not mail.others:
            return False
        self._sealed(number, login, mail.letter, seconds=0)
        done = queue.to_others(self.engine, mail, now=self.clock.milliseconds())
        self._wake(number)
        return done

    def _sealed(self, number: str, login: Login, letter: Letter, *, seconds: float) -> bytes | None:
        """The credential for the row; in Redis only where the mail is soon sent, and a few tries have time."""
        if self.keys.master is not None:
            return None
        secret = Credential(login.password, login.epoch)
        sealed_for = bound(login.account_id, login.server, letter)
        if seconds > credential.MOST_SECONDS / 2 + 1:  # the longest time for undo, however floats round
            if self.keys.outbox is None:
                raise NoCredential("sending later needs POSTERN_OUTBOX_KEY or a master user")
            return credential.seal_credential(self.keys.outbox, secret, sealed_for)
        sealed = credential.seal_credential(self.keys.server, secret, sealed_for)
        credential.keep(self.redis, slot(number, letter), sealed)
        return None

    def _wake(self, number: str) -> None:
        with suppress(RedisError):
            sending.wake(self.redis, number)

    def undo(
        self, account_id: str, number: str, login: Login, *, state: State = State.QUEUED
    ) -> Mail | None:  # fmt: skip
        """Takes a mail out that waits, or one that was refused; its draft, where `letter.draft` says, is as before.

        None where it is too late. Raises OutboxAway, MailError.
        """
        mail = queue.undo(self.engine, account_id, number, now=self.clock.milliseconds(), state=state)
        if mail is None:
            return None
        with suppress(RedisError):
            credential.wipe(self.redis, slot(number, mail.letter))
            sending.unguard(self.redis, number)
        return replace(mail, letter=replace(mail.letter, draft=self.bring_back(mail, login)))

    def bring_back(self, mail: Mail, login: Login) -> Place | None:
        """Makes sure that the draft of a mail that was not sent stands as before; returns where. Raises MailError."""
        with self.borrower.lease(login) as client:
            return bring_back(client, mail.letter)

    def lost(self, client: Connection, mail: Mail) -> bool:
        """Takes a mail out that waits while its final bytes are gone, as those are that a request could not put in for
        certain. Raises OutboxAway, MailError."""
        if mail.state != State.QUEUED or there(client, mail.letter.place):
            return False
        return queue.undo(self.engine, mail.account_id, mail.id, now=self.clock.milliseconds()) is not None

    def uncover(self, client: Connection, account_id: str, mailbox: str, *, before: date) -> int:
        """Final bytes of before that day that no mail of the account names are drafts again; how many.

        Raises OutboxAway, MailError.
        """
        return uncover(client, mailbox, queue.places(self.engine, account_id), before=before)

    def mails(self, account_id: str) -> tuple[Mail, ...]:
        """The account's mails that are on their way or need their owner, the newest first. Raises OutboxAway."""
        return queue.of_account(self.engine, account_id)

    def standing(self, account_id: str) -> tuple[int, int, int]:
        """How many of them wait, are stopped, or have ended with something to be told. Raises OutboxAway."""
        return queue.standing(self.engine, account_id, tries=LATE_TRIES)

    def read(self, account_id: str, number: str) -> bool:
        """The owner has read what there was to be told of a mail that has ended. Raises OutboxAway."""
        return queue.read(self.engine, account_id, number)

    def made_of(self, account_id: str, compose_id: str) -> Mail | None:
        """The mail that this form of writing became, however it stands; None for none. Raises OutboxAway."""
        return queue.one(self.engine, account_id, mail_id(account_id, compose_id))

    def decide(self, login: Login, number: str, state: State) -> bool:
        """What the owner says of an UNKNOWN mail: QUEUED sends it again under the same Message-ID, ACCEPTED files it,
        CANCELLED brings the draft back. False where it is too late. Raises OutboxAway, RedisError, MailError.
        """
        mail = queue.one(self.engine, login.account_id, number)
        if mail is None or mail.state != State.UNKNOWN:
            return False
        if state != State.CANCELLED:
            self._sealed(number, login, mail.letter, seconds=0)
        done = queue.decide(self.engine, login.account_id, number, state, now=self.clock.milliseconds())
        if done and state == State.CANCELLED:
            with suppress(RedisError):
                sending.unguard(self.redis, number)
            self.bring_back(mail, login)
        self._wake(number)
        return done

    def revive(self, login: Login) -> int:
        """At a sign-in: mails that were sent but could not be filed for want of a credential are filed now.

        Raises OutboxAway, RedisError.
        """
        waiting = queue.revive(self.engine, login.account_id, now=self.clock.milliseconds())
        for number in waiting:
            mail = queue.one(self.engine, login.account_id, number)
            if mail is not None:
                self._sealed(number, login, mail.letter, seconds=0)
                self._wake(number)
        return len(waiting)

    def forget_credentials(self, account_id: str) -> None:
        """At a change of the password or signing out everywhere: scheduled mails lose theirs. Raises OutboxAway."""
        queue.wipe_credentials(self.engine, account_id, now=self.clock.milliseconds())

    def send_now(self, compose_id: str, login: Login, letter: Letter, *, again: bool = False) -> Outcome | None:
        """Sends in this request, while SQL is away; None where another request has done or is doing so.

        `again`: the owner wants a mail sent whose outcome is unknown. Raises NoSubmission, redis.RedisError.
        """
        ways = ways_of(login, self.borrower, patience=IN_REQUEST)
        number = mail_id(login.account_id, compose_id)
        if not again and not sending.guard(self.redis, number):
            return None
        job = Job(letter, State.QUEUED, datetime.now(UTC), ways.lease, ways.submission, again=again)
        outcome = deliver(job, _Marks(ways, letter))
        if outcome.state in (State.QUEUED, State.REFUSED, State.CANCELLED):
            with suppress(MailError), ways.lease() as client:
                mark(client, letter.place, IN_DATA, on=False)
            sending.unguard(self.redis, number)
        elif outcome.state == State.DONE:
            with suppress(RedisError):
                sending.sent(self.redis, number)
        return replace(outcome, state=State.REFUSED) if outcome.state == State.QUEUED else outcome
