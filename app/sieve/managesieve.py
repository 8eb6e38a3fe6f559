"""ManageSieve (RFC 5804): scripts listed, fetched, checked and stored, over one connection a request, closed after it.

The lines are sievelib's. It decodes and rewrites the scripts that it carries, and waits without end: so scripts are
taken from the bytes as they came and sent as they are, and the socket that it gets bounds time, silence and size.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sievelib.managesieve import Client, Error, Literal, Response

from app.sieve.failures import (
    Away,
    BadName,
    BadScript,
    CannotDo,
    Fault,
    Late,
    NoScript,
    OverQuota,
    Refused,
    SieveError,
    SignInFailed,
    TooLarge,
    Unmet,
)

MOST_BYTES = 1_048_576  # of a script
_HEARD = 2 * MOST_BYTES  # bytes of an answer with a script
_TOLD = 262_144  # of any other: sievelib took 6 s of a thread for a list of 20,000 scripts
_NAME = 128  # characters; RFC 5804 §1.6 has servers take so many
_FAULTS, _TEXT = 50, 500
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029/\ud800-\udfff]|\A\.")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}\r\n")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n]|\\.)*)"')
_LINE = re.compile(r"\bline (\d{1,7})\b[:,.]? ?")

Secure = Callable[[socket.socket], socket.socket]


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in; `behalf`: whose scripts they are, where a master user signs in."""

    name: str
    password: str
    behalf: str = ""


@dataclass(frozen=True, slots=True)
class Scripts:
    """The names of an account's scripts, and the one that runs."""

    names: tuple[str, ...]
    active: str | None


class ManageSieve:
    """One signed-in connection. Every method raises the tree of failures.py."""

    def __init__(self, client: _Client, line: _Line) -> None:
        self._client, self._line = client, line
        self._wrote = False

    @property
    def extensions(self) -> frozenset[str]:
        """What scripts may `require` on this server."""
        return frozenset(self._client.told("SIEVE").split())

    def scripts(self) -> Scripts:
        """LISTSCRIPTS"""
        names, active = [], None
        for name, rest in _listed(self._ask("LISTSCRIPTS")):
            names.append(name)
            if rest.strip().upper() == b"ACTIVE":
                active = name
        return Scripts(tuple(names), active)

    def script(self, name: str) -> bytes:
        """GETSCRIPT: the script to the byte. NoScript where there is none."""
        return _string(self._ask("GETSCRIPT", _named(name)))[0]

    def check(self, text: bytes) -> None:
        """CHECKSCRIPT, or where the server is older than that (RFC 5804 §2.12), PUTSCRIPT under a name of its own.

        Raises BadScript."""
        if self._client.told("VERSION"):
            self._ask("CHECKSCRIPT", _literal(text), script=True)
            return
        name = f"check-{secrets.token_hex(8)}"
        self.store(name, text)
        self.remove(name)

    def store(self, name: str, text: bytes) -> None:
        """PUTSCRIPT, which takes the place of what was there. Raises BadScript, OverQuota: then nothing has changed."""
        self._ask("PUTSCRIPT", _named(name), _literal(text), script=True)

    def activate(self, name: str) -> None:
        """SETACTIVE"""
        self._ask("SETACTIVE", _named(name))

    def remove(self, name: str) -> None:
        """DELETESCRIPT"""
        self._ask("DELETESCRIPT", _named(name))

    def close(self) -> None:
        """Says LOGOUT, but waits for nothing."""
        self._line.farewell()

    def _ask(self, name: str, *arguments: bytes, script: bool = False) -> bytes:
        # How long a script is looked at is up to who wrote it: that must not count against the server.
        self._wrote = self._wrote or script or name == "SETACTIVE"
        try:
            code, heard = _asked(self._client, self._line, name, *arguments)
        except Late as error:
            if self._wrote:
                raise Away(error.text) from None
            raise
        if code != "OK":
            raise _refusal(self._client, script)
        return heard


def opened(
    sock: socket.socket, login: Login, *, starttls: Secure | None = None, seconds: float = 15.0, silence: float = 5.0
) -> ManageSieve:
    """Signs in over a connected socket, on which TLS runs already or begins by `starttls`; all of it, and what is asked
    afterwards, within so many seconds. The socket is closed where that fails. Raises Away, Late, CannotDo,
    SignInFailed; Unmet where no greeting came."""
    line = _Line(sock, seconds, silence)
    client = _Client(line)
    try:
        try:
            with _as_ours():
                client.greet()
        except Away as error:
            raise Unmet(error.text) from None
        if starttls is not None:
            _secured(client, line, starttls)
        _sign_in(client, line, login)
        return ManageSieve(client, line)
    except BaseException:
        line.close()
        raise


def _secured(client: _Client, line: _Line, starttls: Secure) -> None:
    if not client.has_tls_support():
        raise CannotDo("STARTTLS is not offered")
    code, _ = _asked(client, line, "STARTTLS")
    if code != "OK":
        raise CannotDo("STARTTLS is refused")
    if client.unread:
        raise Away("something came in plain text where TLS was to begin")
    line.sock = starttls(line.sock)
    with _as_ours():
        client.greet()  # what was said before TLS does not count (RFC 5804 §2.2)


def _sign_in(client: _Client, line: _Line, login: Login) -> None:
    """SASL PLAIN (RFC 4616), which says what IMAP's login says."""
    words = (login.behalf, login.name, login.password)
    if any("\0" in word for word in words):
        raise SignInFailed("NUL in a login or password")
    if "PLAIN" not in client.told("SASL").upper().split():
        raise CannotDo("the server offers no way to sign in with a password")
    with _as_ours():
        line.begin()
        good = client._plain_authentication(*(word.encode() for word in (login.name, login.password, login.behalf)))
    if not good:
        raise SignInFailed(_words(client.errmsg), code=_words(client.errcode or b""))


@contextmanager
def _as_ours() -> Iterator[None]:
    """What sievelib raises over answers that it cannot read, as an error of ours."""
    try:
        yield
    except SieveError:
        raise
    except (Error, Literal, Response, ValueError, LookupError, AttributeError, TypeError) as error:
        raise Away(f"no answer of ManageSieve: {error}"[:_TEXT]) from None


def _asked(client: _Client, line: _Line, name: str, *arguments: bytes) -> tuple[str, bytes]:
    """OK or NO, and all that was heard before."""
    line.begin(_HEARD if name == "GETSCRIPT" else _TOLD)
    code = ""
    with _as_ours():
        code = client.command(name, arguments)
    return code, bytes(line.heard)


class _Client(Client):  # type: ignore[misc]  # sievelib has no types
    """sievelib's client over a socket of ours. Names with two underscores are its own: it is pinned, and tested."""

    def __init__(self, line: _Line) -> None:
        super().__init__("")
        self.sock = line

    @property
    def unread(self) -> bytes:
        """What has come and was not asked for."""
        rest: bytes = self._Client__read_buffer
        return rest

    def told(self, name: str) -> str:
        """A capability's words."""
        return str(self._Client__capabilities.get(name) or "")

    def greet(self) -> None:
        """Reads the capabilities that a server greets with."""
        self._Client__capabilities: dict[str, str | None] = {}
        if not self._Client__get_capabilities():
            raise Error("the server greets with NO")

    def command(self, name: str, arguments: tuple[bytes, ...]) -> str:
        """Asks; returns OK or NO."""
        self.errcode, self.errmsg = b"", b""
        code, data, _ = self._Client__send_command(name, list(arguments), withcontent=True)
        if (
            code == "OK" and data and (size := re.search(r"\{(\d{1,9})\+?\}\Z", data))
        ):  # OK (WARNINGS) {n}: sievelib leaves it unread
            self._Client__read_block(int(size[1]) + 2)
        return str(code)


class _Line:
    """The socket as sievelib knows it. Keeps what came since the last `begin`."""

    def __init__(self, sock: socket.socket, seconds: float, silence: float) -> None:
        self.sock: socket.socket = sock
        self.heard = bytearray()
        self._most = _TOLD
        self._end, self._silence = time.monotonic() + seconds, silence

    def begin(self, most: int = _TOLD) -> None:
        self.heard.clear()
        self._most = most

    def recv(self, size: int) -> bytes:
        try:
            self._wait()
            data = self.sock.recv(min(size, 65_536))
        except TimeoutError:
            raise Late("reading: timed out") from None
        except OSError as error:
            raise Away(f"reading: {error.strerror}") from None
        if not data:
            raise Away("the server closed the connection")
        self.heard += data
        if len(self.heard) > self._most:
            raise Away("an answer beyond all bounds")
        return data

    def sendall(self, data: bytes) -> None:
        try:
            self._wait()
            self.sock.sendall(data)
        except TimeoutError:
            raise Late("sending: timed out") from None
        except OSError as error:
            raise Away(f"sending: {error.strerror}") from None

    def farewell(self) -> None:
        try:
            self.sock.settimeout(0.1)
            self.sock.sendall(b"LOGOUT\r\n")
        except OSError:
            pass
        finally:
            self.close()

    def close(self) -> None:
        self.sock.close()

    def _wait(self) -> None:
        self.sock.settimeout(max(min(self._silence, self._end - time.monotonic()), 0.01))


def _named(name: str) -> bytes:
    """A script's name as an argument. Raises BadName."""
    if not 0 < len(name) <= _NAME or _UNFIT.search(name):
        raise BadName("no name for a script")
    return name.encode()


def _literal(text: bytes) -> bytes:
    """A script as an argument. Raises TooLarge."""
    if len(text) > MOST_BYTES:
        raise TooLarge(f"{len(text)} bytes")
    return b"{%d+}\r\n%b" % (len(text), text)


def _refusal(client: _Client, script: bool) -> Refused:
    code, text = _words(client.errcode or b"").upper(), client.errmsg.decode("utf-8", "replace")
    kind = code.partition("/")[0]
    if kind == "QUOTA":
        return OverQuota(_short(text), code=code)
    if kind == "NONEXISTENT":
        return NoScript(_short(text), code=code)
    if script and not kind:
        return BadScript(_short(text), tuple(_faults(text)))
    return Refused(_short(text), code=code)


def _faults(text: str) -> Iterator[Fault]:
    """A compiler's complaints by line: Pigeonhole and Cyrus write each as "…line 3: …" and more below."""
    for line in [each for each in text.splitlines() if each.strip()][:_FAULTS]:
        found = _LINE.search(line)
        number = int(found[1]) if found else 0
        yield Fault(number, _short((line[found.end() :] if found else line).removeprefix("error: ")))


def _words(text: bytes) -> str:
    return _short(text.decode("utf-8", "replace"))


def _short(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip()[:_TEXT]


def _listed(heard: bytes) -> Iterator[tuple[str, bytes]]:
    """Each name of a list of scripts, and the rest of its line."""
    at = 0
    while heard[at : at + 1] in (b'"', b"{"):
        name, end = _string(heard, at)
        at = found + 2 if (found := heard.find(b"\r\n", end)) >= 0 else len(heard)
        yield name.decode("utf-8", "replace"), heard[end:at]


def _string(heard: bytes, at: int = 0) -> tuple[bytes, int]:
    """The string at that place of an answer, quoted or a literal, and where it ends."""
    if found := _LITERAL.match(heard, at):
        end = found.end() + int(found[1])
        return heard[found.end() : end], end
    if found := _QUOTED.match(heard, at):
        return re.sub(rb"\\(.)", rb"\1", found[1]), found.end()
    raise Away("no answer of ManageSieve: a string is missing")
