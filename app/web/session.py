"""Who is signed in, and `imap()`, the only door to their mailbox.

The session is read once a request, in one round trip to Redis and no SQL. The account rides in it as JSON and is
resolved anew at most once a minute; while SQL is away the copy serves. Redis errors become the page of errors.py.
"""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from flask import Flask, g, request, session, url_for
from flask_login import LoginManager, UserMixin
from redis import ConnectionError as RedisAway
from redis import Redis, ResponseError
from redis import TimeoutError as RedisTimeout

from app.directory import resolve
from app.directory.account import Account, account_of
from app.directory.errors import DirectoryError
from app.keeper.lease import LEAST, Login
from app.mail.connection import Connection
from app.mail.errors import ServerAway
from app.store import notices
from app.store import session as records
from app.store.cache import AccountCache, open_cache
from app.store.clock import present
from app.store.seal import BrokenSeal
from app.store.session import Record
from app.web.brand import brand
from app.web.cookie import CookieSession
from app.web.resources import resources
from app.web.serving import metrics
from app.web.serving.log import described, logger
from app.web.serving.timing import elapsed, spend, timed

CHECK_SECONDS = 60
FOLLOW_SECONDS = 2  # where the mail server is away or refuses, perhaps because the mailbox was moved
AGENT_LENGTH = 200
POLLS = frozenset({"mailbox.changes", "blocked.news"})  # a page asks by itself: no session lives longer by it
BY_ITSELF = "news"  # so does the list for new mail: else strangers' mail would keep a forgotten browser signed in


class NotSignedIn(Exception):
    """A page was asked for that needs somebody signed in; `why` is a word for the sign-in page."""

    def __init__(self, why: str = "required") -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Current(UserMixin):
    """The signed-in session of this request: account, record in Redis, and what belongs to them."""

    account: Account
    record: Record
    secret: bytes = dataclasses.field(repr=False)
    redis: Redis = dataclasses.field(repr=False)

    @property
    def id(self) -> str:
        """The account's id, under which Flask-Login knows the person."""
        return self.account.id

    @property
    def digest(self) -> str:
        """The session's name in Redis."""
        return records.digest(self.secret)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The account's clock; UTC where none is known."""
        return self.account.zone

    @cached_property
    def cache(self) -> AccountCache:
        """The account's cache: a SummaryCache, and small JSON entries."""
        held = resources()
        server = self.account.server
        return open_cache(
            held.cache,
            held.ring.current,
            account_id=self.account.id,
            server=server.id if server else "",
            login=self.account.login or "",
            counters=held.cache_counters,
            near=held.near,
        )

    def login(self) -> Login:
        """What the keeper needs to lend a connection. Raises NotSignedIn where the password no longer opens."""
        try:
            password = records.unseal_password(resources().ring, self.secret, self.record)
        except BrokenSeal:
            raise NotSignedIn("ended") from None
        return login_of(self.account, password, self.record.epoch)


def home() -> str:
    """Where somebody who is signed in begins: their inbox; the log of their mail, for who only forwards it."""
    me = signed_in()
    if me is not None and me.account.server is None and brand().has("blocked"):
        return url_for("blocked.show")
    return url_for("mailbox.show", mailbox="INBOX")


def login_of(account: Account, password: str | None, epoch: str) -> Login:
    """The login of an account on its server, by the master user where one is set.

    Raises NoMailbox for an account that only forwards, Moving and Down where its server is out of service.
    """
    if account.server is None or account.login is None:
        raise NoMailbox(account.address)
    if account.server.state in OUT_OF_SERVICE:
        raise OUT_OF_SERVICE[account.server.state](retry_after=60)
    return Login(
        server=account.server,
        account_id=account.id,
        login=account.login,
        password=password or "",
        epoch=epoch,
        network=client_address(),
        master=resources().settings.master,
    )


class NoMailbox(Exception):
    """The account only forwards mail: it has no mailbox to open."""


class Moving(ServerAway):
    """The mailbox moves to another server: nothing may change it meanwhile."""


class Down(ServerAway):
    """The operator took the mail server out of service."""


class Draining(ServerAway):
    """The operator lets nobody sign in anew on the mail server; who is signed in goes on."""


OUT_OF_SERVICE: dict[str, type[ServerAway]] = {"moving": Moving, "down": Down}


def client_address() -> str:
    """The browser's address as the nearest trusted proxy tells it."""
    return request.remote_addr or "unknown"


def current() -> Current:
    """The signed-in session. Raises NotSignedIn, redis.RedisError."""
    found = signed_in()
    if found is None:
        raise NotSignedIn(g.get("why", "required"))
    return found


def signed_in() -> Current | None:
    """The signed-in session or None; read from Redis at most once a request. Raises redis.RedisError."""
    if "current" not in g:
        came = cookie().came
        g.current = _open(came) if came else None
    found: Current | None = g.current
    return found


def cookie() -> CookieSession:
    """Flask's session of this request, as the type that it is."""
    found = session._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(found, CookieSession)
    return found


def _open(secret: bytes) -> Current | None:
    held = resources()
    polls = request.endpoint in POLLS
    if held.gate.shut():
        raise RedisAway("Redis did not answer a moment ago")
    try:
        with timed("redis"):
            asked = not polls and request.headers.get("X-Postern-Fragment") != BY_ITSELF
            read = records.read_with_notice(held.redis, secret, now=int(time.time()), touch=asked)
    except (RedisAway, RedisTimeout):
        held.gate.failed()
        raise
    held.gate.answered()
    if read is None:
        g.why = "ended"
        return None
    record, g.notice = read
    account = _account(record)
    if account is None:
        return None
    if not held.ring.knows(record.key):  # the operator took it away: everybody signs in again
        g.why = "ended"
        return None
    found = Current(account, record, secret, held.redis)
    return found if polls else _resolved_anew(found, CHECK_SECONDS)


def _account(record: Record) -> Account | None:
    try:
        return account_of(record.account)
    except ValueError:
        return None


def follow() -> bool:
    """Whether the mailbox of who is signed in lies elsewhere by now, which the rest of the request then knows."""
    found = signed_in()
    if found is None:
        return False
    now = _resolved_anew(found, FOLLOW_SECONDS)
    if now is None or (now.account.server, now.account.login) == (found.account.server, found.account.login):
        return False
    g.current = now
    return True


def _resolved_anew(found: Current, seconds: int) -> Current | None:
    """The account as the directory has it now, asked so seldom; a disabled one is signed out everywhere."""
    now = int(time.time())
    if abs(now - found.record.checked) < seconds:  # or another node's clock is far ahead
        return found
    account = _ask_directory(found.account)
    if account is None:
        records.end_everywhere(found.redis, found.account.id)
        g.why = "disabled"
        return None
    try:
        record = records.resealed(resources().ring, found.secret, found.record, account.to_json(), checked=now)
    except BrokenSeal:
        g.why = "ended"
        return None
    with suppress(ResponseError):  # Redis is full or a replica: reading goes on, and the directory is asked again
        records.rewrite(found.redis, found.secret, record)
    return dataclasses.replace(found, account=account, record=record)


def _ask_directory(account: Account) -> Account | None:
    """The account by its id, or the copy at hand while SQL is away: then nobody asks again for a second."""
    held = resources()
    if held.directory_gate.shut():
        return account
    try:
        with timed("sql"):
            found = resolve.refresh(held.directory, account)
    except DirectoryError as error:
        logger.warning("the directory does not answer; sessions go on with their copies", extra=described(error))
        held.directory_gate.failed()
        return account
    held.directory_gate.answered()
    return found


def begin(account: Account, password: str | None, epoch: str, *, keep: bool) -> None:
    """Signs the browser in with a new secret; a session that it had before ends. Raises redis.RedisError."""
    held = resources()
    settings, now = held.settings, int(present(held.redis))
    kept = settings.session_keep if keep else 0
    before = cookie().came
    secret = cookie().rotate(max_age=kept or None)
    told = account.to_json()
    kept_password = "" if settings.master_user else password or ""
    record = Record(
        account_id=account.id,
        account=told,
        created=now,
        until=now + (kept or settings.session_absolute),
        idle=kept or settings.session_idle,
        epoch=epoch,
        checked=now,
        network=client_address(),
        agent=str(request.user_agent)[:AGENT_LENGTH],
        key=held.ring.current_id,
        sealed=records.seal_password(held.ring, secret, told, kept_password),
    )
    records.create(held.redis, secret, record)
    if before:
        _end_quietly(before)
    g.current = Current(account, record, secret, held.redis)
    g.pop("notice", None)  # it may be that of who was signed in here before


def _end_quietly(secret: bytes) -> None:
    """The browser's session from before the sign-in: of whomever it was, nobody can use it now."""
    redis = resources().redis
    found = records.read(redis, secret, now=int(time.time()), touch=False)
    if found is not None:
        records.end(redis, records.digest(secret), found.account_id)


def finish() -> None:
    """Signs the browser out: the record first, then the cookie. Raises redis.RedisError, and then nothing is done."""
    found = signed_in()
    if found is not None:
        records.end(found.redis, found.digest, found.account.id)
    cookie().end()
    g.current = None


@contextmanager
def imap(*, patient: bool = False) -> Iterator[Connection]:
    """A connection to the signed-in person's mailbox, lent for this block. Raises the tree of app/mail/errors.py.

    `patient`: for downloads, whose bytes may pause for longer than a page can.
    """
    login, held = current().login(), resources()
    began = time.perf_counter()
    seconds = held.settings.first_byte_seconds
    if request.method == "GET" and not patient:
        seconds = max(seconds - elapsed(), LEAST)  # a page's second connection has what is left of its time
    with held.borrower.lease(login, seconds=seconds, patient=patient) as client:
        lent = time.perf_counter()
        metrics.leased(lent - began)
        client.io.watch(request.environ.get("gunicorn.socket"))  # who hangs up over a search stops it
        try:
            yield client
        finally:
            spend("imap", lent - began + client.traffic.seconds)
            metrics.commands(client.traffic.by_name)


@contextmanager
def imap_of(account: Account, *, seconds: float) -> Iterator[Connection]:
    """A connection to somebody's mailbox by the site's master user, for numbers and never for mail. Raises NoMailbox
    where there is no master user, and the tree of app/mail/errors.py."""
    held = resources()
    if not held.settings.master_user:
        raise NoMailbox(account.address)
    login = login_of(account, None, notices.epochs(held.redis, [account.id])[account.id])
    with held.borrower.lease(login, seconds=seconds) as client:
        yield client


def install_login(login_manager: LoginManager, app: Flask) -> None:
    """Flask-Login over our sessions: no cookie of its own, nothing stored by it."""
    login_manager.session_protection = None
    login_manager.request_loader(lambda _request: signed_in())
    login_manager.init_app(app, add_context_processor=False)  # would read Redis for error pages too
