"""A content filter that speaks spamd's protocol: what has `viagra` in it scores 17.2."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class Spamd:
    """Answers on a listening socket, one message after the other."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                with peer:
                    self._answer(peer)

    def _answer(self, peer: socket.socket) -> None:
        """Exim closes its half when the message is through."""
        message = b""
        while data := peer.recv(65536):
            message += data
        score = "17.2" if b"viagra" in message else "0.1"
        report = f"{score}/5.0\r\nreport\r\n"
        peer.sendall(f"SPAMD/1.1 0 EX_OK\r\nContent-length: {len(report)}\r\n\r\n{report}".encode())
