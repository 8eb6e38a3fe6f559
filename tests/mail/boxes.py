"""What the tests of the mail room share: connections, a scripted peer, letters, a cache in memory."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from app.directory.account import Endpoint
from app.mail.connection import Connection, Note
from app.mail.direct import close_direct, open_direct
from app.mail.login import Credentials


class Remembered(dict[tuple[str, int, int], bytes]):
    """A SummaryCache in memory."""

    def get_many(self, keys: Sequence[tuple[str, int, int]]) -> list[bytes | None]:
        return [self.get(key) for key in keys]

    def put_many(self, summaries: Mapping[tuple[str, int, int], bytes]) -> None:
        self.update(summaries)


@contextmanager
def opened(port: int, login: str, password: str) -> Iterator[Connection]:
    """A connection of its own to a server on this machine."""
    client = open_direct(Endpoint("127.0.0.1", port, "plain"), Credentials(login, password))
    try:
        yield client
    finally:
        close_direct(client)


def letter(
    subject: str = "Hello",
    *,
    sender: str = "Bob <bob@example.org>",
    body: str = "text\r\n",
    head: str = "",
    day: int = 1,
) -> bytes:
    """A plain message with CRLF lines."""
    return (
        f"From: {sender}\r\nTo: alice@example.org\r\nSubject: {subject}\r\n"
        f"Date: Mon, {day:02d} Jun 2026 10:00:00 +0000\r\nMessage-ID: <{abs(hash((subject, day)))}@example.org>\r\n"
        f"{head}\r\n{body}"
    ).encode()


class Spent:
    """Commands and bytes of a connection since it was made."""

    def __init__(self, client: Connection) -> None:
        self.client = client
        self.commands0, self.received0 = client.traffic.commands, client.traffic.received

    @property
    def commands(self) -> int:
        return self.client.traffic.commands - self.commands0

    @property
    def received(self) -> int:
        return self.client.traffic.received - self.received0


Reply = bytes | Callable[[bytes], bytes]


@contextmanager
def scripted(
    replies: Mapping[str, Reply],
    *,
    capabilities: str = "IMAP4REV1 LITERAL+",
    selected: str | None = None,
    exists: int = 0,
) -> Iterator[tuple[Connection, list[bytes]]]:
    """A connection to a peer that answers by a table, and the list of what it was sent, without tags.

    Keys are regular expressions on the command; the longest fitting one answers with its lines. A reply that lacks the
    tagged line gets OK; `%TAG` stands for the tag. Without a fitting key: OK.
    """
    ours, theirs = socket.socketpair()
    heard: list[bytes] = []
    thread = threading.Thread(target=_serve, args=(theirs, replies, heard), daemon=True)
    thread.start()
    note = Note(tuple(capabilities.split()), selected, uidvalidity=7 if selected else None, exists=exists)
    try:
        yield Connection.adopt(ours, note, tag_prefix="T", timeout=20), heard
    finally:
        ours.close()
        thread.join(5)


def _serve(sock: socket.socket, replies: Mapping[str, Reply], heard: list[bytes]) -> None:
    with sock, sock.makefile("rb") as lines:
        while line := lines.readline():
            while mark := re.search(rb"\{(\d+)\+\}\r\n\Z", line):
                line += lines.read(int(mark[1])) + lines.readline()
            tag, _, command = line.rstrip(b"\r\n").partition(b" ")
            heard.append(command)
            fitting = [key for key in replies if re.match(key.encode(), command, re.DOTALL)]
            reply = replies[max(fitting, key=len)] if fitting else b""
            text = (reply(command) if callable(reply) else reply).replace(b"%TAG", tag)
            if tag + b" " not in text:
                text += tag + b" OK done\r\n"
            try:
                sock.sendall(text)
            except OSError:
                return
