"""The door to ManageSieve: one connection to the signed-in person's mail server for a block, closed after it.

Rare traffic, so nothing is pooled, and no script stays on the node: each page asks the server anew.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from app.directory.account import Endpoint
from app.mail.direct import connected
from app.mail.errors import ServerAway, Untrusted
from app.mail.tls import secured
from app.sieve.failures import Late, Unmet
from app.sieve.managesieve import Login, ManageSieve, opened
from app.store.connect import Gate
from app.web.resources import resources
from app.web.serving.timing import timed
from app.web.session import Current, current
from config.default import Settings

SECONDS = 10.0  # for all that one request asks
REST = 2.0  # while a server does not greet, or not in time say what it is asked, its people do not hold a thread each


class NoSieve(Exception):
    """The account's mail server keeps no filters that could be set from here."""


@contextmanager
def sieve() -> Iterator[ManageSieve]:
    """Raises NoSieve, the tree of app/sieve/failures.py, and of app/mail/errors.py what is said of certificates and of
    servers out of service."""
    me, settings = current(), resources().settings
    endpoint = me.account.server.sieve if me.account.server else None
    if endpoint is None:
        raise NoSieve
    gate = resources().sieve_gates.setdefault(endpoint, Gate(REST, trial=SECONDS))
    if gate.shut():
        raise Unmet("it did not answer a moment ago")
    with timed("sieve"), gate.asking(Unmet, Late):
        client = _opened(endpoint, _login(me), settings)
        try:
            yield client
        finally:
            client.close()


def _opened(endpoint: Endpoint, login: Login, settings: Settings) -> ManageSieve:
    secure = partial(
        secured, endpoint=endpoint, seconds=settings.login_seconds, ca_file=str(settings.ca_file or "") or None
    )
    try:
        sock: socket.socket = connected(endpoint, settings.connect_seconds)
        if endpoint.security == "tls":
            sock = secure(sock)
        starttls = secure if endpoint.security == "starttls" else None
        return opened(sock, login, starttls=starttls, seconds=SECONDS, silence=settings.first_byte_seconds)
    except Untrusted:
        raise
    except ServerAway as error:
        raise Unmet(error.text) from None


def _login(me: Current) -> Login:
    """What IMAP says, too: the password, or a master user's on behalf of the account."""
    known = me.login()
    if known.master is not None:
        return Login(known.master.login, known.master.password, behalf=known.login)
    return Login(known.login, known.password)
