"""What the web asks of the outbox: put a mail in, take it out, tell how mails stand, send one without SQL; and how a
courier comes by the account of a mail and by its credential.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from redis import Redis, RedisError
from sqlalchemy import Engine

from app.courier.deliver import Job, Outcome, deliver
from app.courier.filing import bring_back, mark
from app.directory.account import Account, Server
from app.directory.errors import DirectoryError
from app.directory.resolve import Directory, refresh
from app.keeper.lease import Borrower, Login
from app.mail.connection import Connection
from app.mail.errors import CannotDo, MailError
from app.mail.login import Credentials, MasterUser
from app.mail.submission import Patience, Submission, open_submission
from app.outbox import queue
from app.outbox.errors import OutboxAway
from app.outbox.mail import IN_DATA, Letter, Mail, Place, Refusal, State, mail_id
from app.store import credential, sending
from app.store.credential import Bound, Credential
from app.store.notices import bump_notice, epoch_key, parse_epoch
from app.store.seal import BrokenSeal, Keyring

LATE_TRIES = 5  # from then on a mail that waits is told of on every page: about three minutes after it was due
IN_REQUEST = Patience(connect=5.0, login=10.0, reply=20.0, silence=20.0, verdict=30.0)


class NoSubmission(CannotDo):
    """The account's mail server has no submission endpoint: nothing can be sent, and an operator has to say where."""


class NoCredential(CannotDo):
    """Nothing may keep the password as long as the mail is to wait: no POSTERN_OUTBOX_KEY and no master user."""


class CannotSign(Exception):
    """A courier has no way to act for the account. `reason`: "credential", "account" or "no-submission"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Ways:
    """How to reach the two servers of an account as its owner."""

    lease: Callable[[], AbstractContextManager[Connection]]
    submission: Callable[[], Submission]


@dataclass(frozen=True, slots=True)
class Keys:
    """`server` seals what lies in Redis, `outbox` (or None) what lies in SQL; with `master` nothing is kept at all."""

    server: Keyring
    outbox: Keyring | None = None
    master: MasterUser | None = None


def servers_of(server: Server) -> str:
    """The endpoints to which a credential may be sent, as text: in another place it does not open."""
    places = [server.imap, *([server.submission] if server.submission else [])]
    return " ".join([server.id, *(f"{each.host}:{each.port}:{each.security}" for each in places)])


def ways_of(login: Login, borrower: Borrower, *, patience: Patience | None = None) -> Ways:
    """The ways of somebody whose login is at hand. Raises NoSubmission."""
    endpoint = login.server.submission
    if endpoint is None:
        raise NoSubmission("the account's mail server has no submission endpoint")
    credentials = Credentials(login.login, login.password, master=login.master)
    return Ways(
        lambda: borrower.lease(login),
        lambda: open_submission(endpoint, credentials, patience=patience, ca_file=borrower.ca_file),
    )


def _slot(number: str, letter: Letter) -> str:
    """Where a credential lies in Redis: a second press of Send, with other bytes, never covers the first one's."""
    return f"{number}:{letter.sha256[:16]}"


def _bound(account_id: str, server: Server, letter: Letter) -> Bound:
    return Bound(account_id, servers_of(server), letter.message_id, letter.sha256)


class Accounts:
    """The courier's side: a mail's account as it is now, and its credential."""

    def __init__(self, directory: Directory, redis: Redis, keys: Keys, borrower: Borrower) -> None:
        self.directory, self.redis, self.keys, self.borrower = directory, redis, keys, borrower

    def ways(self, mail: Mail) -> Ways:
        """Raises CannotSign, RedisError, OutboxAway where the directory is away."""
        account = self._account(mail)
        if account.server is None or account.login is None:
            raise CannotSign("account")
        epoch = parse_epoch(self.redis.get(epoch_key(mail.account_id)))
        password = "" if self.keys.master else self._password(mail, account.server, epoch)
        login = Login(account.server, mail.account_id, account.login, password, epoch, master=self.keys.master)
        try:
            return ways_of(login, self.borrower)
        except NoSubmission:
            raise CannotSign("no-submission") from None

    def _account(self, mail: Mail) -> Account:
        try:
            account = refresh(self.directory, Account.from_json(mail.account))
        except DirectoryError as error:
            raise OutboxAway(str(error)) from error
        except ValueError:
            account = None
        if account is None or account.id != mail.account_id:
            raise CannotSign("account")
        return account

    def _password(self, mail: Mail, server: Server, epoch: str) -> str:
        """From the row, else from Redis; of this epoch only, as signing out everywhere takes credentials back."""
        bound = _bound(mail.account_id, server, mail.letter)
        kept = credential.kept(self.redis, _slot(mail.id, mail.letter))
        for ring, sealed in ((self.keys.server, kept), (self.keys.outbox, mail.credential)):
            if ring is None or sealed is None:
                continue
            with suppress(BrokenSeal):
                found = credential.open_credential(ring, sealed, bound)
                if found.epoch == epoch:
                    return found.password
        raise CannotSign("credential")

    def lasting(self, mail: Mail) -> bytes | None:
        """The credential of a mail that is tried again, for its row, as Redis forgets its own after ten minutes; None
        where the row has one, needs none, or may hold none."""
        if self.keys.outbox is None or self.keys.master is not None or mail.credential is not None:
            return None
        with suppress(RedisError, OutboxAway, CannotSign):
            account = self._account(mail)
            epoch = parse_epoch(self.redis.get(epoch_key(mail.account_id)))
            if account.server is not None:
                secret = Credential(self._password(mail, account.server, epoch), epoch)
                bound = _bound(mail.account_id, account.server, mail.letter)
                return credential.seal_credential(self.keys.outbox, secret, bound)
        return None

    def ended(self, mail: Mail, *, wipe: bool) -> None:
        """The mail has left the queue: its credential goes, and open pages of the account look again."""
        with suppress(RedisError):
            if wipe:
                credential.wipe(self.redis, _slot(mail.id, mail.letter))
            bump_notice(self.redis, mail.account_id)


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

    def enqueue(
        self, compose_id: str, account: Account, login: Login, letter: Letter, *, wait: float, at: float | None = None
    ) -> tuple[str, bool]:
        """Puts a mail in, to be sent after `wait` seconds (undo) or `at` a time of the epoch; returns its id, and
        whether it is this call that put it in.

        Raises NoSubmission, NoCredential, OutboxAway (then `send_now` does it) and redis.RedisError.
        """
        if login.server.submission is None:
            raise NoSubmission("the account's mail server has no submission endpoint")
        number, now = mail_id(account.id, compose_id), time.time()
        due = now + wait if at is None else max(at, now + wait)
        sealed = self._sealed(number, login, letter, seconds=due - now)
        put = queue.put(
            self.engine, number, account.id, account.to_json(), letter,
            due=round(due * 1000), now=round(now * 1000), credential=sealed,
        )  # fmt: skip
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
        mail, now = queue.one(self.engine, login.account_id, number), time.time()
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
        done = queue.to_others(self.engine, mail, now=round(time.time() * 1000))
        self._wake(number)
        return done

    def _sealed(self, number: str, login: Login, letter: Letter, *, seconds: float) -> bytes | None:
        """The credential for the row; in Redis only where the mail is soon sent, and a few tries have time."""
        if self.keys.master is not None:
            return None
        secret = Credential(login.password, login.epoch)
        bound = _bound(login.account_id, login.server, letter)
        if seconds > credential.MOST_SECONDS / 2 + 1:  # the longest time for undo, however floats round
            if self.keys.outbox is None:
                raise NoCredential("sending later needs POSTERN_OUTBOX_KEY or a master user")
            return credential.seal_credential(self.keys.outbox, secret, bound)
        credential.keep(self.redis, _slot(number, letter), credential.seal_credential(self.keys.server, secret, bound))
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
        mail = queue.undo(self.engine, account_id, number, now=round(time.time() * 1000), state=state)
        if mail is None:
            return None
        with suppress(RedisError):
            credential.wipe(self.redis, _slot(number, mail.letter))
        return replace(mail, letter=replace(mail.letter, draft=self.bring_back(mail, login)))

    def bring_back(self, mail: Mail, login: Login) -> Place | None:
        """Makes sure that the draft of a mail that was not sent stands as before; returns where. Raises MailError."""
        with self.borrower.lease(login) as client:
            return bring_back(client, mail.letter)

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
        done = queue.decide(self.engine, login.account_id, number, state, now=round(time.time() * 1000))
        if done and state == State.CANCELLED:
            self.bring_back(mail, login)
        self._wake(number)
        return done

    def revive(self, login: Login) -> int:
        """At a sign-in: mails that were sent but could not be filed for want of a credential are filed now.

        Raises OutboxAway, RedisError.
        """
        waiting = queue.revive(self.engine, login.account_id, now=round(time.time() * 1000))
        for number in waiting:
            mail = queue.one(self.engine, login.account_id, number)
            if mail is not None:
                self._sealed(number, login, mail.letter, seconds=0)
                self._wake(number)
        return len(waiting)

    def forget_credentials(self, account_id: str) -> None:
        """At a change of the password or signing out everywhere: scheduled mails lose theirs. Raises OutboxAway."""
        queue.wipe_credentials(self.engine, account_id, now=round(time.time() * 1000))

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
        return replace(outcome, state=State.REFUSED) if outcome.state == State.QUEUED else outcome
