"""A non-blocking connection to a mail server inside the event loop, plain or TLS.

asyncio's own streams take 299 KB a TLS connection, a non-blocking SSLSocket 29 KB; and the descriptor must stay ours
to lend. So readiness comes from add_reader and add_writer, the rest is here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from ipaddress import ip_address

from app.mail.errors import ConnectionLost, ServerAway
from app.mail.login import tune
from app.mail.response import REST_LIMIT, Response, Responses
from app.mail.tls import Endpoint, check_pin, context_for, server_name, untrusted

READ_SIZE = 65_536
_READS = 4  # at a time: a server that never stops talking must not have the event loop for itself
_AGAIN = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Channel:
    """One connection to a mail server. `responses` is what came in and was not taken yet."""

    __slots__ = ("_waiting", "loop", "responses", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.responses = Responses()
        self._waiting: asyncio.Future[None] | None = None
        self.loop = asyncio.get_running_loop()

    @property
    def secure(self) -> bool:
        return isinstance(self.sock, ssl.SSLSocket)

    async def upgrade(self, endpoint: Endpoint, ca_file: str | None) -> None:
        """Begins TLS, in an empty buffer. Untrusted, ServerAway."""
        if self.responses.buffer or not self.responses.between:
            raise ServerAway("something came in plain text where TLS was to begin")
        context = context_for(endpoint, ca_file=ca_file)
        try:
            secured = context.wrap_socket(
                self.sock, server_hostname=server_name(endpoint), do_handshake_on_connect=False
            )
            self.sock = secured
            await self._handshake(secured)
        except ssl.SSLError as error:
            raise untrusted(error) from None
        except OSError as error:
            raise ServerAway(f"TLS: {error.strerror or type(error).__name__}") from None
        check_pin(endpoint, secured.getpeercert(binary_form=True))

    async def _handshake(self, secured: ssl.SSLSocket) -> None:
        while True:
            try:
                return secured.do_handshake()
            except ssl.SSLWantReadError:
                await self._ready(write=False)
            except ssl.SSLWantWriteError:
                await self._ready(write=True)

    def read_now(self) -> bool:
        """Takes in what is there, a few reads of it: the rest leaves the descriptor readable. False at the end."""
        for _ in range(_READS):
            try:
                data = self.sock.recv(READ_SIZE)
            except _AGAIN:
                return True
            except OSError:
                return False
            if not data:
                return False
            self.responses.feed(data)
            if len(data) < READ_SIZE and not self.secure:
                return True
        return True

    def next_response(self) -> Response | None:
        """The next whole response of what came in. ConnectionLost on nonsense: nothing large is ever asked here."""
        response = self.responses.response()
        if response is None and len(self.responses.buffer) + sum(map(len, self.responses.parts)) > REST_LIMIT:
            raise ConnectionLost("more than was asked for")
        return response

    async def receive(self) -> Response:
        """The next whole response. ConnectionLost at the end. Only where no reader of another's is set."""
        while (response := self.next_response()) is None:
            before = len(self.responses.buffer)
            alive = self.read_now()
            if len(self.responses.buffer) > before:
                await asyncio.sleep(0)  # others have their turn, deadlines too
                continue
            if not alive:
                raise ConnectionLost("the server closed the connection")
            await self._ready(write=False)
        return response

    async def send(self, data: bytes) -> None:
        """All of it. ConnectionLost."""
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view) :]
            except _AGAIN:
                await self._ready(write=True)
            except OSError as error:
                raise ConnectionLost(f"sending: {error.strerror or type(error).__name__}") from None

    def send_now(self, data: bytes) -> bool:
        """Sends a short line at once or not at all; False where that is not possible."""
        try:
            return self.sock.send(data) == len(data)
        except OSError:
            return False

    async def _ready(self, *, write: bool) -> None:
        number = self.sock.fileno()
        if number < 0:
            raise ConnectionLost("closed")
        future: asyncio.Future[None] = self.loop.create_future()
        loop = self.loop
        add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
        add(number, _wake, future)
        self._waiting = future
        try:
            await future
        finally:
            self._waiting = None
            if self.sock.fileno() == number:  # else it was closed meanwhile, and the number may be another's by now
                remove(number)
        if self.sock.fileno() < 0:
            raise ConnectionLost("closed")

    def close(self) -> None:
        """Ends the TCP connection for every process that holds a copy of the descriptor."""
        number = self.sock.fileno()
        if number < 0:
            return
        self.loop.remove_reader(number)
        self.loop.remove_writer(number)
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        if self._waiting is not None:
            _wake(self._waiting)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def connected(endpoint: Endpoint, seconds: float) -> Channel:
    """A connected channel; every address of the host is tried, within `seconds` in all. ServerAway."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    reason = "timed out"
    try:
        async with asyncio.timeout_at(end):
            addresses = await _addresses(endpoint)
    except (OSError, TimeoutError) as error:
        raise ServerAway(f"no address: {getattr(error, 'strerror', None) or 'timed out'}") from None
    for tried, (family, address) in enumerate(addresses):
        try:
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:  # no IPv6 here, or no descriptor left
            reason = error.strerror or reason
            continue
        try:
            async with asyncio.timeout((end - loop.time()) / (len(addresses) - tried)):
                await loop.sock_connect(sock, address)
            tune(sock)
            return Channel(sock)
        except (OSError, TimeoutError) as error:
            sock.close()
            reason = getattr(error, "strerror", None) or "timed out"
        except BaseException:
            sock.close()
            raise
    raise ServerAway(f"cannot connect: {reason}")


async def _addresses(endpoint: Endpoint) -> list[tuple[int, tuple[str, int] | tuple[str, int, int, int]]]:
    try:
        version = ip_address(endpoint.host).version
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (endpoint.host, endpoint.port))]
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]
