"""Asks amavis to release a message from its quarantine, for one recipient (AM.PDP, its README.protocol).

A request and its answer are lines of `name=value`, values percent-encoded, ended by an empty line. amavis puts the
message back into the mail system behind its filters, with its own envelope sender.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from app.policy.errors import PolicyError

SECONDS: Final = 10.0
_LARGEST: Final = 8192
_KIND: Final = r"(?:archive|badh|banned|clean|infected|spam|virus)-"  # how amavis begins the names of files
_FILE: Final = re.compile(rf"(?:[A-Za-z0-9]/)?(?:{_KIND})?([A-Za-z0-9+_-]{{6,32}}?)(\.gz)?")
_MAIL_ID: Final = re.compile(rf"(?!{_KIND})[A-Za-z0-9+_-]{{6,32}}")
_SAFE: Final = "!\"#$&'()+*,-./:;<=>?@[]^_`{|}~ "


class NotReleased(PolicyError):
    """amavis did not put the message back; the text is for logs."""


class QuarantineAway(NotReleased):
    """amavis did not answer: nobody knows, and asking again is right."""


def release(at: str, kept: str, recipient: str, *, file: str = "", by: str = "", seconds: float = SECONDS) -> str:
    """Releases what is kept under a mail_id, or as a file of that name, for that recipient alone; amavis' words.

    `at`: `host:port` or `unix:/path`. `file` is the name that a mail_id has in a quarantine of files; without one it
    is asked of SQL. Raises NotReleased, QuarantineAway.
    """
    request = {"request": "release", **_where(kept, file), "requested_by": by, "recipient": f"<{recipient}>"}
    try:
        with _connected(at, seconds) as sock:
            sock.sendall(_written(request))
            answer = _answer(sock)
    except OSError as error:
        raise QuarantineAway(f"{type(error).__name__}: {error.strerror or error}") from None
    words = answer.get("setreply", "")
    if not words.startswith("2"):
        raise NotReleased(words or "no answer")
    return words


def _where(kept: str, file: str) -> dict[str, str]:
    """Which message: by the id in SQL, or by the name of its file, from which amavis reads where to look."""
    named = file or ("" if _MAIL_ID.fullmatch(kept) else kept)
    found = _FILE.fullmatch(named)
    mail_id = kept if _MAIL_ID.fullmatch(kept) else found[1] if found else ""
    if not mail_id or (named and not found):
        raise NotReleased("nothing that amavis would keep a message as")
    if not found:
        return {"mail_id": mail_id, "quar_type": "Q"}
    return {"mail_id": mail_id, "quar_type": "Z" if found[2] else "F", "mail_file": named}


def _written(request: Mapping[str, str]) -> bytes:
    lines = [f"{name}={quote(value, safe=_SAFE)}" for name, value in request.items() if value]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _connected(at: str, seconds: float) -> socket.socket:
    if at.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds)
        try:
            sock.connect(at.removeprefix("unix:"))
        except OSError:
            sock.close()
            raise
        return sock
    host, _, port = at.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)


def _answer(sock: socket.socket) -> dict[str, str]:
    """The fields of the answer, up to its empty line."""
    came = b""
    while b"\r\n\r\n" not in came and b"\n\n" not in came and len(came) < _LARGEST:
        piece = sock.recv(4096)
        if not piece:
            break
        came += piece
    pairs = (line.partition("=") for line in came.decode("ascii", "replace").splitlines())
    return {name: unquote(value) for name, _, value in pairs if name}
