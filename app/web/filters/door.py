"""The door to ManageSieve: one connection to the signed-in person's mail server for a block, closed after it.

Rare traffic, so nothing is pooled, and no script stays on the node: each page asks the server anew.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from app.mail.direct import connected
from app.mail.errors import ServerAway, Untrusted
from app.mail.tls import secured
from app.sieve.failures import Away
from app.sieve.managesieve import Login, ManageSieve, opened
from app.web.resources import resources
from app.web.serving.timing import timed
from app.web.session import Current, current

SECONDS = 10.0  # for all that one request asks


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
    login = _login(me)
    secure = partial(
        secured, endpoint=endpoint, seconds=settings.login_seconds, ca_file=str(settings.ca_file or "") or None
    )
    with timed("sieve"):
        try:
            sock: socket.socket = connected(endpoint, settings.connect_seconds)
            if endpoint.security == "tls":
                sock = secure(sock)
            client = opened(
                sock,
                login,
                starttls=secure if endpoint.security == "starttls" else None,
                seconds=SECONDS,
                silence=settings.first_byte_seconds,
            )
        except Untrusted:
            raise
        except ServerAway as error:
            raise Away(error.text) from None
        try:
            yield client
        finally:
            client.close()


def _login(me: Current) -> Login:
    """What IMAP says, too: the password, or a master user's on behalf of the account."""
    known = me.login()
    if known.master is not None:
        return Login(known.master.login, known.master.password, behalf=known.login)
    return Login(known.login, known.password)
