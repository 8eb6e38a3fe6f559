"""What worker and keeper say to each other: one JSON line each way on a Unix socket, the IMAP socket beside the reply.

A lease is one control connection. `lease`, `sign_in`, `watch` and `status` are asked; `granted`, `wait`, `error` and
`done` are answered; the worker then says `renew` and at the end `back` with the note, or just closes.
"""

from __future__ import annotations

import array
import hashlib
import hmac
import json
import os
import socket
import struct
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

from app.directory.account import Endpoint, Server
from app.mail import errors
from app.mail.errors import MailError, ServerAway
from app.mail.login import MasterUser
from app.mail.stream import sent_at_once

VERSION = 1
MESSAGE_LIMIT = 262_144  # bytes; a note with 64 KB of rest in base64 is 90 KB
RECEIVE = 65_536

Message: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str, str, str, str]


class Limits(Protocol):
    """Numbers of connections; seconds."""

    @property
    def account_per_node(self) -> int: ...
    @property
    def account_total(self) -> int: ...
    @property
    def server_total(self) -> int: ...
    @property
    def park_after(self) -> float: ...
    @property
    def lease_timeout(self) -> float: ...
    @property
    def relogin_after(self) -> float: ...


class Deadlines(Protocol):
    """Seconds; config/default.py says of what."""

    @property
    def connect(self) -> float: ...
    @property
    def login(self) -> float: ...
    @property
    def sign_in(self) -> float: ...
    @property
    def first_byte(self) -> float: ...
    @property
    def silence(self) -> float: ...


_ENDPOINT = tuple(each.name for each in fields(Endpoint))


@lru_cache(maxsize=8)
def _keeper_key(secret_key: bytes) -> bytes:
    return hmac.digest(secret_key, b"postern keeper", "sha256")


@dataclass(frozen=True, slots=True)
class Login:
    """Who borrows. `epoch` is the session's; `network` the client's address; with `master` no password is needed."""

    server: Server
    account_id: str
    login: str
    password: str = field(repr=False)
    epoch: str = "0"
    network: str | None = None
    master: MasterUser | None = None

    def digest(self, secret_key: bytes) -> str:
        """What a kept connection is found by in place of the password."""
        secret = f"master\0{self.master.login}\0{self.master.password}" if self.master else f"user\0{self.password}"
        return hmac.new(_keeper_key(secret_key), secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def message(self, operation: str, secret_key: bytes) -> Message:
        """The first line of a control connection. It holds the digest, never the password."""
        return {
            "v": VERSION,
            "op": operation,
            "server": self.server.id,
            "endpoint": {name: getattr(self.server.imap, name) for name in _ENDPOINT},
            "account": self.account_id,
            "login": self.login,
            "digest": self.digest(secret_key),
            "epoch": self.epoch,
            "network": self.network,
        }

    def secret(self, *, sign_in: bool = False) -> Message:
        """The line that is sent only when the keeper has to log in. A sign-in always proves the user's own password."""
        master = asdict(self.master) if self.master and not sign_in else None
        return {"password": "" if master else self.password, "master": master}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A worker's first line as the keeper reads it.

    `key` is what a kept connection must match in every part: server, where and how it is trusted, account, login,
    password.
    `place` is the mail server as limits and breaker know it.
    """

    endpoint: Endpoint
    account: str
    login: str
    epoch: str
    network: str | None
    key: Key
    place: str

    @classmethod
    def parse(cls, message: Message) -> Wanted:
        """ValueError, TypeError or KeyError where it is not one."""
        server, account, login, digest, epoch = (message[name] for name in _TEXTS)
        if not all(isinstance(text, str) for text in (server, account, login, digest, epoch)):
            raise ValueError("not a request")
        endpoint = Endpoint(**message["endpoint"])
        trust = hashlib.sha256(json.dumps(message["endpoint"], sort_keys=True).encode()).hexdigest()
        place = f"{server} {endpoint.host}:{endpoint.port}"
        return cls(endpoint, account, login, epoch, message["network"], (server, trust, account, login, digest), place)


_TEXTS = ("server", "account", "login", "digest", "epoch")


_json = json.JSONEncoder(separators=(",", ":"))  # json.dumps would make one for each message


def encode(message: Message) -> bytes:
    """A message as its line."""
    return _json.encode(message).encode() + b"\n"


def decode(line: bytes) -> Message:
    """ValueError on anything but one JSON object."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message


def error_message(error: MailError) -> Message:
    """An error of the tree as a reply."""
    retry_after = error.retry_after if isinstance(error, ServerAway) else None
    return {"error": type(error).__name__, "text": error.text, "code": error.code, "retry_after": retry_after}


def error_from(message: Message) -> MailError:
    """The error that a reply carries."""
    kind = getattr(errors, str(message.get("error")), MailError)
    text, code = str(message.get("text", "")), str(message.get("code", ""))
    if not (isinstance(kind, type) and issubclass(kind, MailError)):
        return MailError(text, code=code)
    if issubclass(kind, ServerAway):
        return kind(text, code=code, retry_after=float(message.get("retry_after") or 10.0))
    return kind(text, code=code)


def own_user(sock: socket.socket) -> bool:
    """Whether the other end of a Unix socket is a process of ours, or root's."""
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return uid in (0, os.geteuid())


class Control:
    """The worker's end of a control connection: blocking, one line at a time, descriptors only where they are read.

    Never a makefile or readline: the descriptor would be dropped without a word.
    """

    _descriptor: int | None = None  # came, and its line was not taken yet
    _begins = 0  # where that line begins in the buffer

    def __init__(self, path: str, *, timeout: float) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._buffer = b""
        try:
            self.sock.settimeout(timeout)
            self.sock.connect(path)
        except BaseException:
            self.sock.close()
            raise

    def send(self, message: Message) -> None:
        """One line. OSError."""
        data = encode(message)
        if (sent := sent_at_once(self.sock, data)) < len(data):
            self.sock.sendall(data[sent:])

    def receive(self, timeout: float) -> tuple[Message, int | None]:
        """One line and the descriptor that came with it, if any. OSError on silence and end, ValueError on nonsense."""
        if self.sock.gettimeout() != timeout:
            self.sock.settimeout(timeout)
        try:
            while b"\n" not in self._buffer:
                self._fill()
            line, _, self._buffer = self._buffer.partition(b"\n")
            return decode(line), self._taken(len(line) + 1)
        except BaseException:
            self._drop()
            raise

    def _fill(self) -> None:
        data, found = self._receive()
        if found is not None:
            # Linux reads what was sent before in the same piece, and nothing of what was sent later: the descriptor
            # belongs to the last line that begins in it.
            self._drop()
            self._descriptor = found
            self._begins = len(self._buffer) + data.rfind(b"\n", 0, len(data) - 1) + 1
        if not data:
            raise ConnectionResetError("the keeper closed the connection")
        self._buffer += data
        if len(self._buffer) > MESSAGE_LIMIT:
            raise ValueError("a message beyond all bounds")

    def _taken(self, size: int) -> int | None:
        """The descriptor of a line of so many bytes that was at the beginning of the buffer."""
        if self._begins >= size:
            self._begins -= size
            return None
        descriptor, self._descriptor = self._descriptor, None
        return descriptor

    def _drop(self) -> None:
        if self._descriptor is not None:
            socket.close(self._descriptor)
            self._descriptor = None

    def _receive(self) -> tuple[bytes, int | None]:
        size = array.array("i").itemsize
        # MSG_CMSG_CLOEXEC: without it the descriptor would be inherited by whatever this process starts.
        data, ancillary, _, _ = self.sock.recvmsg(RECEIVE, socket.CMSG_SPACE(size), socket.MSG_CMSG_CLOEXEC)
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and len(payload) >= size:
                numbers = array.array("i", payload[:size])
                return data, numbers[0]
        return data, None

    def close(self) -> None:
        self._drop()
        self.sock.close()


def status(path: str | None, *, seconds: float = 2.0) -> Message | None:
    """The state of the keeper that listens at `path`; None where none does, or none answers within so many seconds."""
    if path is None:
        return None
    control: Control | None = None
    try:
        control = Control(path, timeout=min(1.0, seconds))
        control.send({"v": VERSION, "op": "status"})
        found = control.receive(seconds)[0].get("status")
        return found if isinstance(found, dict) else None
    except (OSError, ValueError):
        return None
    finally:
        if control is not None:
            control.close()
