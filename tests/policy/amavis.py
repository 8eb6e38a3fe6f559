"""A quarantine that speaks AM.PDP: it releases what it keeps, for whom it is asked to, and remembers."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote


class Amavis:
    """`kept`: what there is, by mail_id. `asked`: the requests that came; `reply`: in place of its own answer."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self.reply: bytes | None = None
        self.address = ""

    def answer(self, request: dict[str, str]) -> bytes:
        self.asked.append(request)
        known = request.get("mail_id") in self.kept
        words = "250 2.0.0 Ok, id=rel-1, from MTA(smtp): 250 Ok" if known else "450 4.5.0 Failure: not found"
        return b"setreply=" + quote(words, safe=" ").encode() + b"\r\n\r\n" if self.reply is None else self.reply


@contextmanager
def amavis() -> Iterator[Amavis]:
    """One that listens on loopback."""
    kept = Amavis()

    class Dialogue(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            lines: list[str] = []
            while (line := self.rfile.readline().decode().rstrip("\r\n")) != "":
                lines.append(line)
            pairs = (line.partition("=") for line in lines)
            self.wfile.write(kept.answer({name: unquote(value) for name, _, value in pairs}))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Dialogue) as server:
        host, port = server.server_address[:2]
        kept.address = f"{host!s}:{port}"
        thread: Any = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield kept
        server.shutdown()
