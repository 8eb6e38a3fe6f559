"""From the connect to a submission server to the signed-in state: greeting, EHLO, STARTTLS, AUTH (RFC 4954).

Refuses what the IMAP login refuses too: a password in plain text where TLS was to be, words slipped in before TLS, a
certificate of another name.
"""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Sequence

from app.mail.errors import CannotDo, ServerAway, SignInRefused, SignInUnavailable
from app.mail.login import Credentials, plain_message
from app.mail.smtp import Line, Reply, away
from app.mail.tls import Endpoint, check_pin, context_for, server_name, untrusted


class Opening:
    """From the connect to the signed-in state, within so many seconds in all."""

    def __init__(self, line: Line, endpoint: Endpoint, seconds: float, ca_file: str | None) -> None:
        self.line, self.endpoint, self.ca_file = line, endpoint, ca_file
        self.end = time.monotonic() + seconds

    def capabilities(self, credentials: Credentials) -> dict[str, str]:
        """Signs in; returns what the server offers. Raises ServerAway, Untrusted, SignInRefused and their neighbours,
        and ConnectionLost.
        """
        found = self.offered()
        self._sign_in(credentials, found.get("AUTH", "").upper().split())
        return found

    def offered(self) -> dict[str, str]:
        """What the server offers before anybody signs in. Raises ServerAway, Untrusted, CannotDo, ConnectionLost."""
        if self.endpoint.security == "tls":
            self._secure()
        greeting = self._hear()
        if greeting.code != 220:
            raise ServerAway(greeting.words, code=str(greeting.code))
        found = self._hello()
        if self.endpoint.security == "starttls":
            if not self._ask(b"STARTTLS").good:
                raise CannotDo("STARTTLS is not offered")
            self._secure()
            found = self._hello()  # what was said before TLS does not count (RFC 3207 §4.2)
        return found

    def _left(self) -> float:
        return max(self.end - time.monotonic(), 0.01)

    def _hear(self) -> Reply:
        reply = self.line.reply(self._left())
        if reply.code == 421:
            raise away(reply)
        return reply

    def _ask(self, command: bytes) -> Reply:
        self.line.say(command + b"\r\n", self._left())
        return self._hear()

    def _hello(self) -> dict[str, str]:
        reply = self._ask(b"EHLO " + _own_name(self.line.sock))
        if reply.code != 250:
            raise CannotDo(f"EHLO: {reply.words}")
        words = (line.partition(" ") for line in reply.lines[1:])
        return {name.upper(): rest.strip() for name, _, rest in words if name}

    def _secure(self) -> None:
        if not self.line.quiet:
            raise ServerAway("something came in plain text where TLS was to begin")
        context = context_for(self.endpoint, ca_file=self.ca_file)
        self.line.sock.settimeout(self._left())
        try:
            secured = context.wrap_socket(
                self.line.sock, server_hostname=server_name(self.endpoint), do_handshake_on_connect=False
            )
            self.line.sock = secured
            secured.do_handshake()
        except ssl.SSLError as error:
            raise untrusted(error) from None
        except OSError as error:
            raise ServerAway(f"TLS: {error.strerror or 'timed out'}") from None
        check_pin(self.endpoint, secured.getpeercert(binary_form=True))

    def _sign_in(self, credentials: Credentials, mechanisms: Sequence[str]) -> None:
        if "PLAIN" in mechanisms:
            reply = self._ask(b"AUTH PLAIN " + base64.b64encode(plain_message(credentials)))
        elif "LOGIN" in mechanisms:
            reply = self._login(credentials)
        else:
            raise CannotDo("the submission server offers no way to sign in with a password")
        if reply.code == 235:
            return
        if reply.code in (530, 534, 538):
            raise CannotDo(reply.words, code=str(reply.code))
        raise (SignInRefused if reply.permanent else SignInUnavailable)(reply.words, code=str(reply.code))

    def _login(self, credentials: Credentials) -> Reply:
        """AUTH LOGIN, which no RFC describes: two prompts, name and password in base64."""
        login, password, master = credentials.login, credentials.password, credentials.master
        if master is not None:
            login, password = f"{login}{master.separator}{master.login}", master.password
        reply = self._ask(b"AUTH LOGIN")
        for word in (login, password):
            if reply.code != 334:
                return reply
            reply = self._ask(base64.b64encode(word.encode()))
        return reply


def _own_name(sock: socket.socket) -> bytes:
    """This end's address as a literal (RFC 5321 §4.1.4): a node needs no name in DNS."""
    host = str(sock.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{host}]".encode() if ":" in host else f"[{host}]".encode()
