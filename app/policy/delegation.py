"""Postfix' policy delegation (SMTPD_POLICY_README): requests of `name=value` lines up to an empty one, one answer each.

Postfix keeps its connections and asks one thing after another on each. Lines, requests, connections and silence are
bounded. What is no request ends its connection; Postfix then asks again, and goes on without an answer. Who begins with
POST speaks HTTP, on the same port and within the same bounds (settingsmap.py); who begins with a digit is a
postscreen (socketmap.py).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from app.policy import socketmap

LINE: Final = 4096  # bytes of an attribute; Postfix' own line_length_limit is 2,048
REQUEST: Final = 16_384  # Postfix' are of 1 KB, unless somebody wrote long addresses
CONNECTIONS: Final = 3000  # Postfix has 100 processes unless told otherwise, with three each
IDLE: Final = 600.0  # seconds; Postfix leaves after 300
NOTHING: Final = "DUNNO"  # the answer that there is none
HOST: Final = "host"  # the context of what postscreen asks
KNOWN: Final = (
    *("protocol_state", "policy_context", "helo_name", "sender", "recipient", "client_address", "client_name"),
    *("sasl_username", "instance", "author"),
)
_KNOWN: Final = {f"{each}=".encode(): each for each in KNOWN}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, as far as it is of use. `context` tells places of the configuration apart (policy_context).
    `author`: of the visible From, which Postfix does not know, but a filter of content does."""

    protocol_state: str = ""
    policy_context: str = ""
    helo_name: str = ""
    sender: str = ""
    recipient: str = ""
    client_address: str = ""
    client_name: str = ""
    sasl_username: str = ""
    instance: str = ""
    author: str = ""

    @property
    def people(self) -> int:
        """For how many it is asked: a filter of content names all recipients of a message, with commas between."""
        return 1 + self.recipient.count(",")


class BadRequest(Exception):
    """What came is no request of Postfix."""


def request_of(raw: bytes) -> Request:
    """A request without its empty line. Raises BadRequest."""
    found = {}
    for line in raw.split(b"\n"):
        name, equals, value = line.partition(b"=")
        if not equals or len(line) > LINE:
            raise BadRequest
        if known := _KNOWN.get(name + equals):
            found[known] = printable(value.decode(errors="replace"))
    return Request(**found)


def printable(text: str) -> str:
    """A blank for what no eye sees; in a domain nothing, as it means nothing there (UTS 46). Without all of its value a
    mail would be from or for nobody, whom no rule names."""
    if text.isprintable():
        return text
    rest, at, domain = text.rpartition("@")
    head, domain = (rest, domain) if at else (domain, "")
    words = "".join(each if each.isprintable() else " " for each in head)
    return words + at + "".join(filter(str.isprintable, domain))


@dataclass(frozen=True, slots=True)
class Wire:
    """How somebody asks: `cut` takes the first request off what came, with its length in bytes; None: there is more to
    come. Raises BadRequest. `told` writes an answer."""

    cut: Callable[[bytes], tuple[Request, int] | None]
    told: Callable[[str], bytes]


def _cut(came: bytes) -> tuple[Request, int] | None:
    end = came.find(b"\n\n")
    return None if end < 0 else (request_of(came[:end]), end + 2)


def _cut_host(came: bytes) -> tuple[Request, int] | None:
    try:
        found = socketmap.question(came)
    except socketmap.BadQuestion:
        raise BadRequest from None
    return found and (Request(policy_context=HOST, client_address=printable(found[0])), found[1])


POSTFIX: Final = Wire(_cut, lambda action: f"action={action}\n\n".encode())
POSTSCREEN: Final = Wire(_cut_host, lambda action: socketmap.reply("" if action == NOTHING else action))
HTTP: Final = b"POST "
Answer = Callable[[Request], Awaitable[str]]


class Connection(asyncio.Protocol):
    """One smtpd, or another who asks. It is not read on while it waits for an answer."""

    def __init__(self, answer: Answer, open_ones: set[Connection], http: Wire) -> None:
        self.answer, self.open_ones, self.http = answer, open_ones, http
        self._came = bytearray()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self.heard = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refused at once where there are too many."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.heard = transport, asyncio.get_running_loop().time()
        if len(self.open_ones) >= CONNECTIONS:
            transport.abort()
        else:
            self.open_ones.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """What it asked is answered to nobody."""
        self.open_ones.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Bytes, which end anywhere."""
        self._came += data
        self.heard = asyncio.get_running_loop().time()
        if len(self._came) > REQUEST:
            self.close()
        elif self._task is None:
            self._next()

    def close(self) -> None:
        """Ends it."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def waits(self) -> bool:
        """Whether it has asked and was not answered yet."""
        return self._task is not None

    def _next(self) -> None:
        if self._transport is None:
            return
        wire = self._wire()
        try:
            found = wire.cut(bytes(self._came))
        except BadRequest:
            self.close()
            return
        if found is None:
            self._transport.resume_reading()
            return
        request, length = found
        del self._came[:length]
        self._transport.pause_reading()
        self._task = asyncio.ensure_future(self._tell(request, wire))

    def _wire(self) -> Wire:
        if self._came.startswith(HTTP):
            return self.http
        return POSTSCREEN if self._came[:1].isdigit() else POSTFIX

    async def _tell(self, request: Request, wire: Wire) -> None:
        try:
            action = await self.answer(request)
        finally:
            self._task = None
        if self._transport is not None:
            self._transport.write(wire.told(action))
            if self._transport.get_write_buffer_size() > REQUEST:
                self.close()  # it asks and does not read
            self._next()


async def listen(at: str, answer: Answer, http: Wire = POSTFIX) -> tuple[asyncio.Server, set[Connection]]:
    """Listens on `host:port` or `unix:/path`, where any user of the machine may ask; and what is connected. `http`:
    how who begins with POST is understood."""
    loop, open_ones = asyncio.get_running_loop(), set[Connection]()

    def make() -> Connection:
        return Connection(answer, open_ones, http)

    if at.startswith("unix:"):
        path = at.removeprefix("unix:")
        server = await loop.create_unix_server(make, path)
        os.chmod(path, 0o666)  # Postfix is another user
        return server, open_ones
    host, _, port = at.rpartition(":")
    return await loop.create_server(make, host.strip("[]"), int(port), backlog=256), open_ones


def close_idle(open_ones: set[Connection], now: float) -> None:
    """Ends connections that have said nothing for long, or do not end what they say."""
    for each in list(open_ones):
        if not each.waits and now - each.heard > IDLE:
            each.close()
