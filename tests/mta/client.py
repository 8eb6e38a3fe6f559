"""A client that speaks SMTP by a script and writes down what it was told."""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field

from tests.mta.namespace import Namespace

_REPLY = re.compile(r"(?P<code>\d\d\d)(?: (?P<dsn>[245]\.\d{1,3}\.\d{1,3})\b)?")


@dataclass(frozen=True)
class Reply:
    """The last line decides; `text` is all of them."""

    text: str

    @property
    def code(self) -> int:
        return int(self._last[:3])

    @property
    def dsn(self) -> str | None:
        found = _REPLY.match(self._last)
        return found["dsn"] if found else None

    @property
    def _last(self) -> str:
        return self.text.rpartition("\n")[2]


@dataclass
class Attempt:
    """One mail that a client tries to send, and what it was told. A message of None ends before DATA."""

    sender: str
    recipients: tuple[str, ...]
    message: str | None = None
    helo: str = "mail.sender.example"
    source: str = "127.0.0.1"
    options: str = ""  # of MAIL
    hasty: bool = False  # speaks before it is greeted
    login: str = ""  # signs in as
    eager: bool = False  # sends its message without having been asked for it
    told: dict[str, Reply] = field(default_factory=dict)  # the last reply that each recipient's mail got
    replies: dict[str, Reply] = field(default_factory=dict)  # by command

    @property
    def refused(self) -> dict[str, Reply]:
        """What was said of each recipient whose mail was not taken."""
        return {name: reply for name, reply in self.told.items() if reply.code >= 400}

    def make(self, port: int, host: str = "127.0.0.1", network: Namespace | None = None) -> None:
        """Sends it, as far as the server lets it."""
        if network is not None:
            opened = network.connect(port, self.source)
        else:
            opened = socket.create_connection((host, port), 20, source_address=(self.source, 0))
        with opened as connection:
            self._lines = connection.makefile("rb")
            self._connection = connection
            self._talk()
            with suppress(ConnectionError):  # where it was hung up on
                self._ask("NOOP")  # an Exim has all before it in its log by then, and answers QUIT 0.2 s later
                connection.sendall(b"QUIT\r\n")
            self._lines.close()

    def _talk(self) -> None:
        if self.hasty:
            self._connection.sendall(f"EHLO {self.helo}\r\n".encode())
        if not self._said("connect", ""):
            return
        if not self._hello() or not self._said("mail", f"MAIL FROM:<{self.sender}>{self.options}"):
            return
        taken = []
        for name in self.recipients:
            self.told[name] = self._ask(f"RCPT TO:<{name}>")
            if self.told[name].code < 400:
                taken.append(name)
            elif self.told[name].code == 421:
                return
        if not taken or self.message is None:
            return
        reply = self._ask("DATA\r\nToo early" if self.eager else "DATA")
        if reply.code == 354:
            stuffed = re.sub(r"(?m)^\.", "..", self.message).replace("\n", "\r\n")
            reply = self._ask(f"{stuffed}\r\n.")
        self.replies["data"] = reply
        self.told |= dict.fromkeys(taken, reply)

    def _hello(self) -> bool:
        if self.hasty and "\n250 " in self.replies["connect"].text:
            return True  # postscreen's greeting and its answer are one
        greeted = self._said("helo", "" if self.hasty else f"EHLO {self.helo}")
        if greeted and self.login:
            words = b64encode(b"\0" + self.login.encode() + b"\0x").decode()
            return self._said("auth", f"AUTH PLAIN {words}")
        return greeted

    def _said(self, name: str, command: str) -> bool:
        self.replies[name] = self._ask(command)
        return self.replies[name].code < 400

    def _ask(self, command: str) -> Reply:
        if command:
            self._connection.sendall(command.encode(errors="surrogateescape") + b"\r\n")
        lines = []
        while line := self._lines.readline():
            lines.append(line.decode(errors="replace").rstrip())
            if line[3:4] != b"-":
                return Reply("\n".join([*lines[:-1], lines[-1]]))
        return Reply("421 closed")


def message(subject: str = "Hello", body: str = "Text.", *fields: str) -> str:
    """A small mail with a Message-ID of its own."""
    name = abs(hash(subject))
    head = (f"From: <a@sender.example>\nSubject: {subject}\nMessage-ID: <{name}@sender.example>", *fields)
    return "\n".join((*head, "", body))
