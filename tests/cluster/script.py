"""What a person does: lists, messages, frames, polls, searches. Every answer is checked."""

from __future__ import annotations

import http.client
import re
import threading
import time
from html import unescape

from tests.visitor import Answer, Visitor

FRAME_URL = re.compile(r'<iframe[^>]* src="([^"]+)"')
MESSAGE_URL = re.compile(r'href="(/mail/[^"/]+/\d+/\d+)"')


def mail(number: int) -> bytes:
    """A small message with HTML beside its text."""
    return (
        f"From: Carol <carol@example.org>\r\nTo: <somebody@example.com>\r\nSubject: Message {number}\r\n"
        f"Message-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\ntext {number}\r\n"
        f"--b\r\nContent-Type: text/html\r\n\r\n<p>html {number}</p>\r\n--b--\r\n"
    ).encode()


class Reader:
    """A signed-in person who reads; `requests` counts what was asked since signing in."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.requests = 0
        self.failures: list[str] = []

    def get(self, path: str) -> Answer:
        """Ask for a page that must be there."""
        self.requests += 1
        try:
            answer = self.visitor.get(path)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{path}: {error!r}")
            raise
        if answer.status != 200:
            self.failures.append(f"{path}: {answer.status} {answer.location} {answer.text[:300]}")
        return answer

    def round(self) -> None:
        """Ten requests: list, pages, three messages with frames, a search, two polls."""
        page = self.get("/mail/INBOX/")
        links = [unescape(link) for link in MESSAGE_URL.findall(page.text)]
        if not links:
            self.failures.append("/mail/INBOX/: no messages in the list")
        for link in list(dict.fromkeys(links))[:3]:
            frames = FRAME_URL.findall(self.get(link).text)
            if not frames:
                self.failures.append(f"{link}: no frame")
            for frame in frames:
                self.get(unescape(frame))
        self.get("/changes")
        self.get("/mail/INBOX/?q=Message")
        self.get("/changes")


class Load(threading.Thread):
    """A reader who goes on until told to stop."""

    def __init__(self, reader: Reader) -> None:
        super().__init__(daemon=True)
        self.reader = reader
        self.leave = threading.Event()

    def run(self) -> None:
        while not self.leave.is_set():
            try:
                self.reader.round()
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)

    def stop(self) -> None:
        """Finish the round and end."""
        self.leave.set()
        self.join(60)
