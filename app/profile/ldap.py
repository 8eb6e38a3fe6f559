"""People of the site's LDAP directory (RFC 4511), for suggestions only.

One that is slow or away costs nobody their other suggestions: its answer is waited for 0.3 s and, where it comes later,
is there for the next key; two questions are under way at once; after a failure nobody asks for a while. ldap3 is
imported by the first question: it takes 16 MB.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

from app.profile.contact import plausible
from app.profile.suggest import Suggestion
from app.profile.words import line

MOST: Final = 8
WAIT: Final = 0.3  # seconds that suggestions wait for the directory
SILENCE: Final = 2  # seconds, whole ones, after which a question is given up
KEPT_SECONDS: Final = 60.0
_KEPT: Final = 500  # questions whose answers are remembered
_AT_ONCE: Final = 2
_PATIENCE: Final = 3  # late answers in a row after which nobody waits until one is in time
_PAUSES: Final = (5.0, 60.0)  # seconds after failures: the first, the longest
_FOUND: Final = frozenset({0, 3, 4, 32})  # success, limits of time and size, no such base (RFC 4511 §4.1.9)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the directory is, and how it is asked. `filter` holds {typed}, and may hold {domain} of who asks; `name`
    and `mail` are attributes. Without `bind_dn` it is asked anonymously."""

    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    base: str
    filter: str
    bind_dn: str = ""
    password: str = field(default="", repr=False)
    name: str = "cn"
    mail: str = "mail"
    ca_file: str | None = None


class Ldap:
    """The directory as one worker asks it. `tell` hears of failures; `clock` in seconds."""

    def __init__(
        self, source: Source, tell: Callable[[Exception], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source, self._tell, self._clock = source, tell, clock
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "ldap")
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[float, tuple[Suggestion, ...]]] = {}
        self._idle: list[Any] = []
        self._late = 0
        self._pause = _PAUSES[0]
        self._shut_until = float("-inf")

    def suggestions(self, typed: str, domain: str) -> tuple[Suggestion, ...]:
        """People whose name or address begins as typed; none where they are not there in time. Never raises."""
        question = line(typed, 100).casefold(), domain
        if len(question[0]) < 2:
            return ()
        kept = self._kept.get(question)
        if kept and self._clock() - kept[0] < KEPT_SECONDS:
            return kept[1]
        if self._clock() < self._shut_until or not self._places.acquire(blocking=False):
            return ()
        answer = self._threads.submit(self._look_up, question)
        try:
            found = answer.result(WAIT if self._late < _PATIENCE else 0)
        except NotYet:
            self._late += 1
            return ()
        self._late = 0
        return found

    def close(self) -> None:
        """Ends its threads and connections."""
        self._threads.shutdown()
        while self._idle:
            close(self._idle.pop())

    def _look_up(self, question: tuple[str, str]) -> tuple[Suggestion, ...]:
        """In a thread of its own; what is found is remembered."""
        began = self._clock()
        try:
            found = self._asked(*question)
        except Exception as error:  # ldap3 lets errors of many kinds through
            self._shut_until = self._clock() + self._pause
            self._pause = min(2 * self._pause, _PAUSES[1])
            self._tell(error)
            return ()
        finally:
            self._places.release()
        self._pause = _PAUSES[0]
        if self._clock() - began < WAIT:
            self._late = 0
        with self._lock:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[question] = (self._clock(), found)
        return found

    def _asked(self, typed: str, domain: str) -> tuple[Suggestion, ...]:
        """Over a kept connection; over a fresh one where that was closed meanwhile."""
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept is not None:
            with suppress(Exception):
                return self._over(kept, typed, domain)
        return self._over(opened(self._source), typed, domain)

    def _over(self, connection: Any, typed: str, domain: str) -> tuple[Suggestion, ...]:
        """The connection is kept if it answered, and closed if not."""
        try:
            found = found_over(connection, self._source, typed, domain)
        except BaseException:
            close(connection)
            raise
        with self._lock:
            self._idle.append(connection)
        return found


def found_over(connection: Any, source: Source, typed: str, domain: str) -> tuple[Suggestion, ...]:
    """What the directory finds. Raises what ldap3, ssl and socket raise, and ConnectionRefusedError."""
    connection.search(
        source.base, written(source, typed, domain), attributes=[source.name, source.mail],
        size_limit=MOST, time_limit=SILENCE,
    )  # fmt: skip
    if connection.result["result"] not in _FOUND:
        raise ConnectionRefusedError(f"the directory answers {connection.result['description']}")
    entries = [each["raw_attributes"] for each in connection.response or () if "raw_attributes" in each]
    return tuple(each for entry in entries if (each := person(source, entry)))[:MOST]


def written(source: Source, typed: str, domain: str) -> str:
    """The filter, with what somebody typed as a value and never as syntax (RFC 4515 §3)."""
    from ldap3.utils.conv import escape_filter_chars

    values = {"{typed}": escape_filter_chars(typed), "{domain}": escape_filter_chars(domain)}
    # In one pass: what was put in is not looked at again.
    return re.sub(r"\{typed\}|\{domain\}", lambda found: values[found[0]], source.filter)


def person(source: Source, entry: Any) -> Suggestion | None:
    """An entry, believed no more than anybody: one line each, and an address that may be one."""
    values = {str(name).casefold(): [bytes(each).decode("utf-8", "replace") for each in entry[name]] for name in entry}
    name, address = (line(next(iter(values.get(each.casefold(), ())), "")) for each in (source.name, source.mail))
    return Suggestion(name, address, "directory") if plausible(address) else None


def opened(source: Source) -> Any:
    """A connection that is signed in. TLS is checked against the host's name, and no referral is followed: it would
    carry the password to wherever the directory says. Raises what ldap3, ssl and socket raise."""
    import ldap3

    tls = _checked_tls(source) if source.security != "plain" else None
    server = ldap3.Server(
        source.host, source.port, source.security == "tls", get_info=ldap3.NONE, tls=tls, connect_timeout=SILENCE
    )
    connection = ldap3.Connection(
        server, source.bind_dn or None, source.password or None, read_only=True, auto_referrals=False,
        check_names=False, receive_timeout=SILENCE, authentication=ldap3.SIMPLE if source.bind_dn else ldap3.ANONYMOUS,
    )  # fmt: skip
    try:
        connection.open()
        if source.security == "starttls" and not connection.start_tls():
            raise ConnectionRefusedError("the directory refuses STARTTLS")
        if not connection.bind():
            raise ConnectionRefusedError(f"the directory refuses the sign-in: {connection.result['description']}")
    except BaseException:
        close(connection)
        raise
    return connection


@lru_cache(maxsize=4)
def _context(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def _checked_tls(source: Source) -> Any:
    """ldap3's own reads all authorities anew for each connection, and checks names by itself."""
    import ldap3

    context = _context(source.ca_file)

    class Checked(ldap3.Tls):  # type: ignore[misc]
        def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
            plain: socket.socket = connection.socket
            connection.socket = context.wrap_socket(
                plain, server_hostname=source.host, do_handshake_on_connect=do_handshake
            )

    return Checked(validate=ssl.CERT_REQUIRED)


def close(connection: Any) -> None:
    """Without a word more: the socket is closed, whatever state it is in."""
    with suppress(Exception):
        connection.strategy.close()
