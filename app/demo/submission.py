"""Takes mail that the demo's accounts send, and delivers it to the demo's mail servers."""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import Callable, Mapping
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Deliver = Callable[[str, bytes, str], None]


class Submission:
    """SMTP on a loopback port, with AUTH where `logins` maps logins to passwords: mail servers, which send what scripts
    answer and forward, have none. `deliver(address, message, sender)` stores a copy.

    Mail to addresses outside `addresses` is refused: nothing ever leaves the machine.
    """

    def __init__(
        self,
        port: int,
        logins: Mapping[str, str],
        addresses: frozenset[str],
        deliver: Deliver,
        say: Callable[[str, str], None] = lambda _program, _text: None,
    ) -> None:
        self.say, self.count = say, int(time.time() * 16)
        self.logins = logins
        self.addresses = addresses
        self.deliver = deliver
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=port,
            authenticator=self._authenticate,
            auth_required=bool(logins),
            auth_require_tls=False,
            decode_data=False,
            enable_SMTPUTF8=True,
        )

    def start(self) -> None:
        """Listen, in a thread of its own."""
        # Passwords without TLS are fine here: loopback only.
        warnings.filterwarnings("ignore", message="Requiring AUTH", module="aiosmtpd")
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self.controller.start()

    def stop(self) -> None:
        """Stop listening."""
        self.controller.stop()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and self.logins.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=good, handled=False, auth_data=data)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept only the demo's own addresses."""
        if address.lower() not in self.addresses:
            return "550 5.1.1 the demo delivers to its own accounts only"
        envelope.rcpt_tos.append(address.lower())
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Deliver to each recipient."""
        content = envelope.content
        message = content if isinstance(content, bytes) else str(content).encode()
        number = self._note(session, envelope, message)
        for address in envelope.rcpt_tos:
            # In a thread: a script there may send to here.
            await asyncio.to_thread(self.deliver, address, message, envelope.mail_from or "")
            said = f"dsn=2.0.0, status=sent (250 2.0.0 <{address}> Saved)"
            self.say("postfix/lmtp", f"{number}: to=<{address}>, relay=127.0.0.1[127.0.0.1]:24, delay=0.1, {said}")
        self.say("postfix/qmgr", f"{number}: removed")
        return "250 2.0.0 Ok: delivered"

    def _note(self, session: Session, envelope: Envelope, message: bytes) -> str:
        """Write down as Postfix does who sends what; returns the queue id."""
        self.count += 1
        number, login = f"{self.count:X}", session.login_data
        user = login.login.decode() if isinstance(login, LoginPassword) else ""
        client = f"localhost[127.0.0.1], sasl_method=PLAIN, sasl_username={user}"
        self.say("postfix/submission/smtpd", f"{number}: client={client}")
        name = " ".join(str(message_from_bytes(message[:50_000]).get("Message-ID", "")).split())
        self.say("postfix/cleanup", f"{number}: message-id={name}")
        sender, count = envelope.mail_from or "", len(envelope.rcpt_tos)
        self.say("postfix/qmgr", f"{number}: from=<{sender}>, size={len(message)}, nrcpt={count} (queue active)")
        return number
