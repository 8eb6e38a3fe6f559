"""Carries bytes between a TLS connection, whose state cannot be handed to another process, and a pair of sockets.

The worker gets one end of the pair. The keeper keeps a copy of that end, so that after the hand-back it can take out
what the worker had not read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

READ_SIZE = 65_536
HIGH_WATER = 262_144  # bytes waiting in one direction before its source is read no further
_AGAIN = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Pump:
    """Runs from its making until `finish` or `close`. `lent` is the end that goes to the worker."""

    __slots__ = ("_closed", "_down", "_ended", "_full_down", "_full_up", "_up", "lent", "loop", "ours", "secure")

    def __init__(self, secure: socket.socket) -> None:
        self.loop = asyncio.get_running_loop()
        self.secure = secure
        self.ours, self.lent = socket.socketpair()
        self.ours.setblocking(False)
        self._down = bytearray()  # from the server, not yet taken by the pair
        self._up = bytearray()
        self._ended = self._closed = self._full_down = self._full_up = False
        self.loop.add_reader(self.secure.fileno(), self._from_server)
        self.loop.add_reader(self.ours.fileno(), self._from_worker)
        self.loop.call_soon(self._from_server)  # what OpenSSL holds already makes no descriptor readable

    # -- down: server → worker ---------------------------------------------------------------------------------------

    def _from_server(self) -> None:
        if self._closed or self._full_down:
            return
        while not self._ended and len(self._down) < HIGH_WATER:
            data = _receive(self.secure)
            if data is None:
                break
            if not data:
                self._end_server()
            self._down += data
        self._flush_down()

    def _end_server(self) -> None:
        self._ended = True
        self.loop.remove_reader(self.secure.fileno())

    def _flush_down(self) -> None:
        """Sends what the pair takes; reads the server no further while the worker does not."""
        if not _send(self.ours, self._down):
            self._end_server()
            self._down.clear()
        self._watch(self.ours, bool(self._down), self._flush_down)
        if self._ended and not self._down:
            _shut(self.ours)
        was_full, self._full_down = self._full_down, len(self._down) >= HIGH_WATER
        if self._full_down and not was_full:
            self.loop.remove_reader(self.secure.fileno())
        elif was_full and not self._full_down and not self._ended:
            self.loop.add_reader(self.secure.fileno(), self._from_server)
            self.loop.call_soon(self._from_server)

    # -- up: worker → server -----------------------------------------------------------------------------------------

    def _from_worker(self) -> None:
        while not self._closed and len(self._up) < HIGH_WATER:
            data = _receive(self.ours)
            if data is None:
                break
            if not data:
                self.loop.remove_reader(self.ours.fileno())
                break
            self._up += data
        self._flush_up()

    def _flush_up(self) -> None:
        if self._closed:
            return
        if not _send(self.secure, self._up):
            self._end_server()
            self._up.clear()
            _shut(self.ours)
        self._watch(self.secure, bool(self._up), self._flush_up)
        was_full, self._full_up = self._full_up, len(self._up) >= HIGH_WATER
        if self._full_up and not was_full:
            self.loop.remove_reader(self.ours.fileno())
        elif was_full and not self._full_up:
            self.loop.add_reader(self.ours.fileno(), self._from_worker)

    def _watch(self, sock: socket.socket, wanted: bool, call: Callable[[], None]) -> None:
        if wanted:
            self.loop.add_writer(sock.fileno(), call)
        else:
            self.loop.remove_writer(sock.fileno())

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self) -> bytes | None:
        """Ends an orderly lease. Out: what the worker had not read; None where the connection must not be reused."""
        self.lent.setblocking(False)  # the worker's settimeout(None) would make this drain block the loop
        unread = bytearray()
        while data := _receive(self.lent):
            unread += data
        unread += self._down
        dirty = self._ended or bool(self._up) or bool(_receive(self.ours))
        self.close()
        return None if dirty else bytes(unread)

    def close(self) -> None:
        """Ends the pair; whoever still holds the worker's end sees the end of file. The TLS connection stays."""
        if self._closed:
            return
        self._closed = True
        for sock in (self.secure, self.ours):
            if sock.fileno() >= 0:
                self.loop.remove_reader(sock.fileno())
                self.loop.remove_writer(sock.fileno())
        _shut(self.ours)
        self.ours.close()
        self.lent.close()


def _receive(sock: socket.socket) -> bytes | None:
    """Bytes; b"" at the end of the connection or on an error; None where there is nothing now."""
    try:
        return sock.recv(READ_SIZE)
    except _AGAIN:
        return None
    except OSError:
        return b""


def _send(sock: socket.socket, waiting: bytearray) -> bool:
    """Sends as much as goes, taking it out of `waiting`. False on an error."""
    while waiting:
        try:
            sent = sock.send(bytes(waiting[:READ_SIZE]))
        except _AGAIN:
            return True
        except OSError:
            return False
        del waiting[:sent]
    return True


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
