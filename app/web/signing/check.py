"""Whether a password is the account's: asked of its mail server, counted, and answered alike whatever is wrong.

An attempt is counted before it is made. At most a quarter of a worker's threads are in such questions, so that a flood
of them stops no reader.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import RedisError

from app.directory import resolve
from app.directory.account import Account
from app.directory.errors import DirectoryError
from app.directory.password import verify_password
from app.mail import errors as mail
from app.store import throttle
from app.store.throttle import Ticket, TooMany
from app.web import session
from app.web.fault import Busy
from app.web.resources import resources
from app.web.serving import metrics
from app.web.serving.log import logger
from app.web.session import Current

PASSWORD_BYTES = 1024
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
# Nobody guessed wrong where one of these came. Everything else counts, also a server that hangs up on a wrong password.
BLAMELESS = (mail.ServerAway, mail.TooManyConnections, mail.SignInUnavailable, DirectoryError, RedisError)


class Refused(Exception):
    """Wrong address or password: one answer for both."""


@contextmanager
def slot() -> Iterator[None]:
    """One of the places for sign-ins; Busy where all are taken, or those that one network may have."""
    places, network = resources().sign_ins, _network()
    if not places.take(network):
        raise Busy
    try:
        yield
    finally:
        places.give_back(network)


@contextmanager
def evenly(account: str) -> Iterator[None]:
    """Counts the attempt, and answers a refusal no sooner than all others. Raises TooMany, redis.RedisError."""
    held, network, began = resources(), _network(), time.monotonic()
    held.throttle.admit(account, network)
    try:
        ticket = throttle.admit(held.redis, account, network, _limits())
    except (TooMany, RedisError):
        held.throttle.forgive(account, network)
        raise
    try:
        yield
    except (mail.SignInRefused, Refused) as error:
        _refuse(ticket, began, asked=isinstance(error, mail.SignInRefused))
    except BLAMELESS:
        held.throttle.forgive(account, network)
        throttle.forgive(held.redis, ticket, known=False)
        raise
    held.throttle.forgive(account, network)
    throttle.forgive(held.redis, ticket, known=True)


def _refuse(ticket: Ticket, began: float, *, asked: bool) -> None:
    """Waits until a refusal may be told. A wrong password took `pace` on the mail server; so does a wrong address."""
    metrics.sign_in("refused")
    logger.warning("sign-in refused", extra={"network": session.client_address()})
    if asked:
        throttle.remember_pace(resources().redis, ticket, time.monotonic() - began)
    floor = max(resources().settings.failure_seconds, 0.0 if asked else ticket.pace)
    time.sleep(max(0.0, floor - (time.monotonic() - began)))
    raise Refused


def _network() -> str | None:
    address = session.client_address()
    return None if throttle.is_exempt(address, resources().settings.throttle_exempt) else throttle.network_of(address)


def _limits() -> throttle.Limits:
    settings = resources().settings
    return throttle.Limits(settings.account_failures, settings.network_failures, settings.failure_window)


def check_password(account: Account, password: str, epoch: str) -> None:
    """Asks the account's mail server; for an account that only forwards, its hash. Raises Refused, mail.MailError."""
    if account.server is None:
        if not verify_password(account.password_hash, password):
            raise Refused
        return
    try:
        resources().borrower.sign_in(session.login_of(account, password, epoch))
    except mail.BadArgument:
        raise Refused from None


def proved(me: Current, password: str) -> Account:
    """The account of who is signed in, whose password this is: asked once more, and counted as a sign-in. Raises
    Refused, Busy, TooMany, DirectoryError, mail.MailError, redis.RedisError."""
    owner: Account | None = me.account
    if me.account.server is None:  # a session holds no hash
        owner = resolve.refresh(resources().directory, me.account)
    with slot(), evenly(me.account.id):
        if owner is None or not 0 < len(password.encode()) <= PASSWORD_BYTES or _CONTROLS.search(password):
            raise Refused
        check_password(owner, password, me.record.epoch)
    return owner
