"""A line to PostgreSQL or MariaDB that knows statements, and strikes at the boundary of a chosen one.

It reads what clients say as far as it takes to cut it into requests (a statement with its values, a COMMIT, a ping) and
to give each a name. An answer of this project's statements fits into one write of the server, which is passed on whole.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from app.directory.engine import open_engine
from app.outbox import queue
from app.outbox.errors import OutboxAway
from app.outbox.mail import Mail
from tests.databases import DatabaseServer, PostgreSQL
from tests.proxy import Proxy

# before: the request never reaches the server · during: it does, and nobody waits for what comes of it · unanswered:
# the server has answered, and nobody hears it · torn: half of the answer is heard · after: all of it is
MOMENTS = ("before", "during", "unanswered", "torn", "after")

_STATES = rb"queued|claimed|in_data|accepted|filed|done|cancelled|refused|unknown"
_SET = re.compile(rb"UPDATE outbox SET (.*?) WHERE", re.DOTALL)
_STATE = re.compile(rb"(?<![a-z_])(" + _STATES + rb")(?![a-z_])")
_NAMES = (
    (rb"INSERT INTO outbox", "put"),
    (rb"DELETE FROM outbox", "forget"),
    (rb"SELECT min\(", "next look"),
    (rb"FROM outbox\s+WHERE outbox.until <=", "look"),
    (rb"FROM outbox", "ask"),
    (rb"ROLLBACK", "rollback"),
    (rb"BEGIN", "begin"),
    (rb"INSERT INTO|UPDATE \w+ SET|DELETE FROM", "profile"),
    (rb"SET ", "session"),
    (rb"SELECT .*FROM", "directory"),
)


def name_of(request: bytes, before: str) -> str:
    """What a request is about. `before`: the name of the statement before it on the same connection."""
    if b"COMMIT" in request[:12]:
        return f"{before} commit"
    if found := _SET.search(request):
        state = _STATE.search(request, found.end(1)) if b"$" in found[1] else _STATE.search(request)
        return state[1].decode() if state and b"state" in found[1] else "renew"
    return next((name for pattern, name in _NAMES if re.search(pattern, request, re.DOTALL)), "other")


class StatementLine(Proxy):
    """Strikes once: at a request of a name, or at the n-th of all from the moment on when `plan` was set."""

    def __init__(self, server: DatabaseServer) -> None:
        super().__init__(0)
        self.socket = server.socket
        self.requests = _postgresql if isinstance(server, PostgreSQL) else _mysql
        self.heard: list[str] = []
        self.plan: tuple[str | int, str] | None = None
        self.blow: Callable[[], None] = lambda: None
        self.silent = False  # nobody learns of the end: the connection stays open, and nothing comes any more
        self.struck = threading.Event()
        self.struck_at = ""

    def url(self, direct: str) -> str:
        """The URL of a database of the server, reached through this line."""
        target = urlsplit(direct)
        options = "?sslmode=disable&gssencmode=disable" if target.scheme == "postgresql" else ""
        return f"{target.scheme}://{target.username}@127.0.0.1:{self.port}{target.path}{options}"

    def strike_at(self, where: str | int, moment: str) -> None:
        """A name, or how many requests from now on pass before."""
        assert moment in MOMENTS
        with self._lock:
            self.struck.clear()
            self.plan = (len(self.heard) + where if isinstance(where, int) else where, moment)

    def _reach(self) -> socket.socket:
        reached = socket.socket(socket.AF_UNIX)
        try:
            reached.connect(str(Path(self.socket)))
        except OSError:
            reached.close()
            raise
        return reached

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        dialogue = _Dialogue(self, client, server)
        up = threading.Thread(target=dialogue.up, daemon=True)
        up.start()
        dialogue.down()
        up.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def moment_of(self, request: bytes, before: str) -> tuple[str, str]:
        """The name of a request, and what happens at it; "" for nothing."""
        name = name_of(request, before)
        with self._lock:
            number = len(self.heard)
            self.heard.append(name)
            if self.plan is None or self.plan[0] not in (name, number):
                return name, ""
            moment, self.plan = self.plan[1], None
        self.struck_at = name
        return name, moment

    def strike(self) -> None:
        """Whatever `blow` does; then the event is set."""
        self.blow()
        self.struck.set()


class _Dialogue:
    """One connection: its requests, each with the answer that comes before the next one."""

    def __init__(self, line: StatementLine, client: socket.socket, server: socket.socket) -> None:
        self.line, self.client, self.server = line, client, server
        self.moment = ""  # what happens at the next answer
        self.mute = False

    def up(self) -> None:
        with suppress(OSError):
            self._ask()
        with suppress(OSError):
            while self.mute and self.client.recv(65536):  # until the client has enough of it
                pass
        self._end()

    def down(self) -> None:
        with suppress(OSError):
            self._answer()
        if not self.mute:
            self._end()

    def _ask(self) -> None:
        statement = ""
        for request in self.line.requests(self.client):
            name, moment = self.line.moment_of(request, statement)
            statement = statement if name in ("begin", "rollback") else name.removesuffix(" commit")
            if moment == "before":
                return self._strike()
            self.moment = moment
            self.server.sendall(request)
            if moment == "during":
                return self._strike()

    def _answer(self) -> None:
        while answer := self.server.recv(65536):
            moment, self.moment = self.moment, ""
            if moment in ("", "torn", "after"):
                self.client.sendall(answer[: len(answer) // 2] if moment == "torn" else answer)
            if moment and moment != "during":
                return self._strike()
            if moment:
                return None
        return None

    def _strike(self) -> None:
        self.mute = self.line.silent
        self.line.strike()
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)

    def _end(self) -> None:
        for sock in (self.client, self.server):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _postgresql(client: socket.socket) -> Iterator[bytes]:
    """Messages up to the one that wants an answer (PostgreSQL's documentation, "Message Formats")."""
    buffer, request, first = b"", b"", True
    while data := client.recv(65536):
        buffer += data
        while len(buffer) >= (head := 4 if first else 5):
            size = int.from_bytes(buffer[head - 4 : head], "big") + head - 4
            if len(buffer) < size:
                break
            message, buffer = buffer[:size], buffer[size:]
            request += message
            if first or message[:1] in b"QSXp":
                yield request
                request = b""
            first = False


def _mysql(client: socket.socket) -> Iterator[bytes]:
    """One packet each (MariaDB's documentation, "Client/Server Protocol")."""
    buffer = b""
    while data := client.recv(65536):
        buffer += data
        while len(buffer) >= 4 and len(buffer) >= (size := int.from_bytes(buffer[:3], "little") + 4):
            request, buffer = buffer[:size], buffer[size:]
            yield request


@dataclass
class Database:
    """A server with a migrated database, and the line to it."""

    server: DatabaseServer
    direct: str
    line: StatementLine

    def __post_init__(self) -> None:
        self.engine = open_engine(self.direct)
        self.outage: threading.Thread | None = None

    def kill(self, *, away: float) -> None:
        """kill -9; after a while the server is started again on what it has written."""
        self.server.kill()
        self.outage = threading.Thread(target=self._restart, args=(away,))
        self.outage.start()

    def _restart(self, away: float) -> None:
        time.sleep(away)
        self.server.spawn(self.server.words)

    def mail(self, account_id: str, number: str) -> Mail | None:
        """The row, as it is written; None while the server is away."""
        with suppress(OutboxAway):
            return queue.one(self.engine, account_id, number)
        return None

    @property
    def up(self) -> bool:
        """Whether it was not killed, or is there again."""
        return self.outage is None or not self.outage.is_alive()

    def close(self) -> None:
        """Waits until the server is there again."""
        if self.outage:
            self.outage.join(40)
        self.engine.dispose()
