# ruff: noqa: E501  (attacks and answers stand on one line each)
"""A stage for attacks: a page with frames as the message page has them, and a trap that counts who comes.

The frames' documents are answered by the application's own `frame.answer`, with sanitised mail or with the attack as it
is; the trap listens on another port and counts connections and requests.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Literal
from zoneinfo import ZoneInfo

from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from app.mail.message import read_header
from app.mail.sanitize import Cleaned, frame_html
from app.web.headers import FIXED
from app.web.reading.alone import FRAMED, sheet
from app.web.reading.frame import SANDBOX, answer

Wall = Literal["sanitised", "policy", "none"]
HEADED = sheet(read_header(b"From: x@evil.example\r\nSubject: True\r\n\r\n"), ZoneInfo("UTC"), datetime(2026, 1, 1, tzinfo=UTC))
LISTENER = "<!doctype html><title>stage</title><script>window.heard=[];onmessage=e=>heard.push(e.data)</script>"


class _Silent(WSGIRequestHandler):
    def log_request(self, *_args: object) -> None:
        """A thousand frames are not worth a line each."""


@dataclass
class Trap:
    """Who came: number of connections, and the first line of each request."""

    port: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                came, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._hear, args=(came,), daemon=True).start()

    def _hear(self, came: socket.socket) -> None:
        with came:
            came.settimeout(5)
            try:
                line = came.recv(4096).split(b"\r\n")[0].decode("latin-1")
                if line:
                    self.requests.append(line)
                    came.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                return


@dataclass
class Stage:
    """Address of the stage, and its trap."""

    url: str
    trap: Trap


def _application(attacks: Mapping[str, str], trap: Trap) -> Flask:
    app = Flask("stage")
    names = list(attacks)

    def html(number: int) -> str:
        return attacks[names[number]].replace("http://hit.invalid/", f"http://127.0.0.1:{trap.port}/hit/{number}")

    def page() -> str:
        first, last, wall = int(request.args["first"]), int(request.args["last"]), request.args["wall"]
        sandbox = f' sandbox="{escape(SANDBOX)}"' if wall != "none" else ""
        frames = [
            f'<iframe{sandbox} referrerpolicy="no-referrer" width=90 height=60 src="/frame/{number}?{request.query_string.decode()}"></iframe>'
            for number in range(first, min(last, len(names)))
        ]
        return LISTENER + "".join(frames)

    def frame(number: int) -> Response:
        wall, remote = request.args["wall"], bool(request.args.get("remote"))
        if wall == "none":
            return Response(html(number), content_type="text/html; charset=utf-8")
        cleaned = frame_html(html(number)) if wall == "sanitised" else Cleaned(_encodable(html(number)), 0)
        response = answer(cleaned, remote=remote, sheet=HEADED if request.args.get("alone") else FRAMED)
        for name, value in FIXED.items():
            response.headers.setdefault(name, value)
        return response

    app.add_url_rule("/", "page", page)
    app.add_url_rule("/frame/<int:number>", "frame", frame)
    return app


def _encodable(html: str) -> str:
    return html.encode("utf-8", "replace").decode()


@contextmanager
def stage(attacks: Mapping[str, str]) -> Iterator[Stage]:
    """A running stage, on loopback ports of its own."""
    trap = Trap()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        trap.port = listening.getsockname()[1]
        threading.Thread(target=trap.serve, args=(listening,), daemon=True).start()
        server = make_server("127.0.0.1", 0, _application(attacks, trap), threaded=True, request_handler=_Silent)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Stage(f"http://127.0.0.1:{server.server_port}", trap)
        server.shutdown()
        thread.join()
        listening.shutdown(socket.SHUT_RDWR)
