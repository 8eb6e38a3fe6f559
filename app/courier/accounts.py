"""How a courier acts for the owner of a mail: their account as it is now, its two servers, and its credential."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from redis import Redis, RedisError

from app.directory.account import Account, Server
from app.directory.errors import DirectoryError
from app.directory.resolve import Directory, refresh
from app.keeper.lease import Borrower, Login
from app.mail.connection import Connection
from app.mail.errors import CannotDo
from app.mail.login import Credentials, MasterUser
from app.mail.submission import Patience, Submission, open_submission
from app.outbox.errors import OutboxAway
from app.outbox.mail import Letter, Mail, State
from app.store import credential, sending
from app.store.clock import Clock
from app.store.credential import Bound, Credential
from app.store.notices import bump_notice, epoch_key, parse_epoch
from app.store.seal import BrokenSeal, Keyring

REQUEST_SECONDS = 300  # longer than any request that sends a mail by itself


class NoSubmission(CannotDo):
    """The account's mail server has no submission endpoint: nothing can be sent, and an operator has to say where."""


class Withdrawn(Exception):
    """The operator moves the account's mail server or has taken it out of service: nothing may be changed there now."""


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


def slot(number: str, letter: Letter) -> str:
    """Where a credential lies in Redis: a second press of Send, with other bytes, never covers the first one's."""
    return f"{number}:{letter.sha256[:16]}"


def bound(account_id: str, server: Server, letter: Letter) -> Bound:
    """What the credential of a mail is sealed for."""
    return Bound(account_id, servers_of(server), letter.message_id, letter.sha256)


class Accounts:
    """The courier's side: a mail's account as it is now, and its credential."""

    def __init__(self, directory: Directory, redis: Redis, keys: Keys, borrower: Borrower) -> None:
        self.directory, self.redis, self.keys, self.borrower = directory, redis, keys, borrower
        self.clock = Clock(redis)

    def ways(self, mail: Mail) -> Ways:
        """Raises CannotSign, Withdrawn, RedisError, OutboxAway where the directory is away."""
        account = self._account(mail)
        if account.server is None or account.login is None:
            raise CannotSign("account")
        if account.server.state in ("moving", "down"):
            raise Withdrawn(account.server.state)
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
        sealed_for = bound(mail.account_id, server, mail.letter)
        kept = credential.kept(self.redis, slot(mail.id, mail.letter))
        for ring, sealed in ((self.keys.server, kept), (self.keys.outbox, mail.credential)):
            if ring is None or sealed is None:
                continue
            with suppress(BrokenSeal):
                found = credential.open_credential(ring, sealed, sealed_for)
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
                sealed_for = bound(mail.account_id, account.server, mail.letter)
                return credential.seal_credential(self.keys.outbox, secret, sealed_for)
        return None

    def in_request(self, mail: Mail) -> bool:
        """Whether a request sends it just now: SQL took the row, and could not tell it so. Raises RedisError."""
        young = self.clock.milliseconds() - mail.created < REQUEST_SECONDS * 1000
        return young and sending.is_guarded(self.redis, mail.id)

    def by_request(self, mail: Mail) -> bool:
        """Whether a request may have sent it before its row was there: another press of Send, SQL being back. Raises
        RedisError."""
        return sending.was_guarded(self.redis, mail.id)

    def tell(self, mail: Mail) -> None:
        """Open pages of the account look again."""
        with suppress(RedisError):
            bump_notice(self.redis, mail.account_id)

    def ended(self, mail: Mail, state: State) -> None:
        """The mail has left the queue: its credential goes, and open pages of the account look again."""
        with suppress(RedisError):
            if state != State.UNKNOWN:  # a late 250 is still to be filed
                credential.wipe(self.redis, slot(mail.id, mail.letter))
            if state in (State.REFUSED, State.CANCELLED):
                sending.unguard(self.redis, mail.id)
        self.tell(mail)
