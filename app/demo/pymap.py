"""A mail server in Python, for a demo on machines where Dovecot cannot be installed.

It is a bare IMAP4rev1 server: no special folders, no sorting, no threads, no Sieve, and keywords are dropped.
"""

from __future__ import annotations

import imaplib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from imapclient import imap_utf7
from pysasl.hashing import BuiltinHash

from app.demo.process import answers, end, free_port, spawn, wait_until


class Pymap:
    """One such server; `users` maps logins to passwords. The same names as Dovecot's, as far as the demo needs them."""

    def __init__(self, folder: Path, users: Mapping[str, str]) -> None:
        self.folder = folder
        self.users = dict(users)
        self.ports: dict[str, int] = {}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def imap_port(self) -> int:
        """Plain IMAP."""
        return self.ports["imap"]

    def start(self) -> Self:
        """Start and wait for the greeting."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_accounts()
        self.ports = self.ports or {"imap": free_port()}
        program = Path(sys.executable).parent / "pymap"
        # Its ManageSieve would listen on port 4190 of all addresses, so that a second one could not even start.
        listen = ["--host", "127.0.0.1", "--port", str(self.imap_port), "--no-tls", "--no-service", "managesieve"]
        log = self.folder / "pymap.log"
        with log.open("ab") as output:
            self.process = spawn([program, *listen, "maildir", self.folder], output=output)
        wait_until(lambda: answers(self.imap_port, greeting=b"* OK"), self.process, "pymap", log)
        return self

    def stop(self) -> None:
        """End it."""
        if self.process:
            end(self.process, seconds=3)

    def append(
        self,
        login: str,
        message: bytes,
        *,
        mailbox: str = "INBOX",
        flags: Sequence[str] = (),
        arrived: datetime | None = None,
    ) -> None:
        """Put one message into a mailbox."""
        client = imaplib.IMAP4("127.0.0.1", self.imap_port)
        client.login(login, self.users[login])
        name = b'"' + imap_utf7.encode(mailbox).replace(b'"', b'\\"') + b'"'
        when = imaplib.Time2Internaldate(arrived or datetime.now(UTC))
        client.append(name.decode(), f"({' '.join(flags)})", when, message)
        client.logout()

    def _write_accounts(self) -> None:
        """The three files of pymap's maildir backend; the hash takes 100 ms, so they are written once."""
        shadow = self.folder / "pymap-etc-shadow"
        if shadow.exists():
            return
        hashing = BuiltinHash()
        (self.folder / "pymap-etc-passwd").write_text("".join(f"{user}:x::::{user}:\n" for user in self.users))
        (self.folder / "pymap-etc-group").write_text("")
        shadow.write_text("".join(f"{user}:{hashing.hash(word)}:::::::\n" for user, word in self.users.items()))
        shadow.chmod(0o600)
