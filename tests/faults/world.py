"""What the tests of faults share: a node with a Redis and a directory of its own, and people behind breakable lines.

Everybody has a mail server's row of their own, so that one test's circuit breaker is not another's.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import unescape
from pathlib import Path

from sqlalchemy import update

from app.demo import directory
from app.demo.dovecot import Dovecot
from app.demo.node import Node
from app.directory.tables import ServerRow
from tests.conftest import MailAccount, Site
from tests.visitor import Answer, Visitor

INBOX = "/mail/INBOX/"
MESSAGE = re.compile(r'href="(/mail/[^"/]+/\d+/(\d+))(?:\?[^"]*)?"')


def eventually(true: Callable[[], object], *, seconds: float = 20.0, every: float = 0.05) -> float:
    """Seconds until `true()`; an AssertionError where it never is."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(every)
    return time.monotonic() - began


def timed(ask: Callable[[], Answer]) -> tuple[Answer, float]:
    """An answer and the seconds that it took."""
    began = time.monotonic()
    answer = ask()
    return answer, time.monotonic() - began


def title(answer: Answer) -> str:
    """The heading of an error page."""
    found = re.search(r'data-testid="error-title">(.*?)</h1>', answer.text)
    return unescape(found[1]) if found else f"no error page: {answer.status} {answer.text[:300]}"


def said(answer: Answer) -> str:
    """The sentence over the sign-in form."""
    found = re.search(r'data-testid="sign-in-error">.*?<p>(.*?)</p>', answer.text, re.DOTALL)
    return unescape(found[1]) if found else ""


def toasts(answer: Answer) -> str:
    """The words of the notices on a page."""
    return unescape(" ".join(re.findall(r'class="toast[^"]*".*?<p>(.*?)</p>', answer.text, re.DOTALL)))


def letter(subject: str = "Hello", text: str = "some text\n") -> bytes:
    """A plain message with CRLF."""
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "Carol <carol@shop.example>", "alice@one.example"
    made["Date"] = "Mon, 05 Jan 2026 10:00:00 +0100"
    made.set_content(text)
    return made.as_bytes().replace(b"\n", b"\r\n")


@dataclass
class Person:
    """Somebody with an address, a mailbox, and a browser at the node."""

    address: str
    mail: MailAccount
    visitor: Visitor
    server: str  # the row of the directory

    def sign_in(self) -> Answer:
        """The answer of the form."""
        return self.visitor.sign_in(self.address, self.mail.password)

    def signed_in(self) -> Person:
        answer = self.sign_in()
        assert answer.status == 303, f"{answer.status}: {said(answer)} {answer.text[:500]}"
        return self

    def list(self) -> Answer:
        return self.visitor.get(INBOX)

    def paths(self, mailbox: str = INBOX) -> list[str]:
        """The pages of the messages that a list shows, the newest first."""
        answer = self.visitor.get(mailbox)
        assert answer.status == 200, f"{answer.status} {answer.location}: {title(answer)}"
        return list(dict.fromkeys(path for path, _ in MESSAGE.findall(answer.text)))

    def act(self, action: str, *paths: str, token: str | None = None, **fields: str) -> Answer:
        """Do something with messages of INBOX; the answer of the POST."""
        validity = paths[0].split("/")[3]
        form = [("csrf_token", token or self.visitor.token(INBOX)), ("uidvalidity", validity), ("action", action)]
        chosen = [("uid", path.rsplit("/", 1)[1]) for path in paths]
        return self.visitor.post("/mail/INBOX/actions", form + chosen + list(fields.items()))


@dataclass
class World:
    """A site with one node."""

    site: Site
    node: Node
    people: list[Person] = field(default_factory=list)

    def person(
        self,
        mail: MailAccount,
        *,
        host: str | None = None,
        port: int | None = None,
        security: str = "plain",
        ca: str | None = None,
    ) -> Person:
        """Somebody whose mail server is reached at `port` (a proxy's, a scripted peer's), else directly."""
        name = f"server-{secrets.token_hex(4)}"
        address = f"alice.{mail.login}@one.example"
        with self.site.engine.begin() as connection:
            ports = {"imap": port or mail.server.imap_port, "submission": self.site.smtp.port}
            row = directory.put_server(connection, name, ports)
            name_of_host = host or ("localhost" if ca else "127.0.0.1")
            values = {"imap_security": security, "tls_ca": ca, "imap_host": name_of_host}
            connection.execute(update(ServerRow).where(ServerRow.server_id == row).values(**values))
            directory.put_account(connection, address, mail.login, row)
        self.site.smtp.logins[mail.login] = mail.password
        return Person(address, mail, Visitor(self.node.url), name)

    def stranger(self) -> Visitor:
        """A browser that nobody has signed in with."""
        return Visitor(self.node.url)

    def workers(self) -> list[int]:
        """Process ids of gunicorn's workers."""
        assert self.node.process
        master = self.node.process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return [int(pid) for pid in children if b"wsgi:app" in Path(f"/proc/{pid}/cmdline").read_bytes()]


class Memory:
    """How far the memory of the workers grows from now on, at its peak, in MB."""

    def __init__(self, world: World) -> None:
        self.pids = world.workers()
        assert self.pids, "no workers"
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM
        self.before = {pid: _kilobytes(pid, "VmRSS") for pid in self.pids}

    def grown(self) -> float:
        """Of the worker that grew most; an AssertionError where one died."""
        return max(_kilobytes(pid, "VmHWM") - self.before[pid] for pid in self.pids) / 1024


def _kilobytes(pid: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found, f"no {name} of {pid}: it is gone"
    return int(found[1])


def unused(server: Dovecot) -> MailAccount:
    """A mailbox name for a peer that is no Dovecot."""
    return MailAccount(server, f"box{secrets.randbelow(10**9)}", "the-password")


class Work:
    """Seconds of processor time that the workers spend from now on: the same on a busy machine."""

    def __init__(self, world: World) -> None:
        self.pids = world.workers()
        self.before = self._ticks()

    def _ticks(self) -> int:
        stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids)
        return sum(int(stat[11]) + int(stat[12]) for stat in stats)  # utime, stime: proc(5) counts from the pid

    def seconds(self) -> float:
        return (self._ticks() - self.before) / os.sysconf("SC_CLK_TCK")
