"""The demo's two mail servers, its two accounts, and the mail in them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from imapclient import IMAPClient

from app.demo.dovecot import Dovecot, missing
from app.demo.filters import give
from app.demo.follower import MailLog
from app.demo.incoming import Border
from app.demo.messages import FOLDERS, Mailbag, Sample
from app.demo.process import StartError, free_port
from app.demo.pymap import Pymap
from app.demo.submission import Submission
from app.demo.words import Person
from app.directory.account import Role


@dataclass(frozen=True)
class Resident:
    """An account of the demo. `login` is its name on the mail server number `server` and tells nothing about it."""

    person: Person
    password: str
    login: str
    server: int
    size: float
    role: Role = "user"

    @property
    def username(self) -> str:
        """The local part of the address."""
        return self.person.address.split("@")[0]


RESIDENTS = (
    Resident(Person("Alice Moreau", "alice@example.org"), "demo-alice", "box1017", 0, 1.0, "isp_admin"),
    Resident(Person("Bob Hartmann", "bob@example.net"), "demo-bob", "box2042", 1, 0.4),
)


def mail_folder(wanted: Path) -> Path:
    """Return `wanted`, or a folder under /var/tmp where root's Dovecot, reading mail as nobody, cannot get there."""
    wanted.mkdir(parents=True, exist_ok=True)
    closed = any(not parent.stat().st_mode & 0o001 for parent in [wanted, *wanted.resolve().parents])
    if os.getuid() != 0 or not closed:
        return wanted
    name = hashlib.sha256(str(wanted.resolve()).encode()).hexdigest()[:12]
    folder = Path(f"/var/tmp/postern-demo-{name}")
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.stat().st_uid != 0:
        raise StartError(f"{folder} belongs to somebody else")
    return folder


class MailServers:
    """Two Dovecots, or two pymaps where Dovecot is missing, and a submission server in front of both."""

    def __init__(self, folder: Path) -> None:
        self.lacking = missing()
        self.folder = mail_folder(folder) / ("pymap" if self.lacking else "dovecot")
        self.folder.mkdir(exist_ok=True)
        if not (self.folder / "filled").exists():  # the first start, or one that was ended while it wrote messages
            for number in (1, 2):
                shutil.rmtree(self.folder / f"server{number}", ignore_errors=True)
        users = [{each.login: each.password for each in RESIDENTS if each.server == number} for number in (0, 1)]
        self.servers = [self._server(self.folder / f"server{number + 1}", users[number]) for number in (0, 1)]
        self.submission: Submission | None = None
        self.of_scripts: Submission | None = None
        self.submission_port = 0
        self.border: Border | None = None
        self.log: MailLog | None = None

    def _server(self, folder: Path, users: Mapping[str, str]) -> Dovecot | Pymap:
        return Pymap(folder, users) if self.lacking else Dovecot(folder, users, sieve=True)

    def start(self) -> None:
        """Start everything, on the same ports as last time where they are free: sessions remember them."""
        ports, self.submission_port = self._remembered_ports()
        addresses = frozenset(each.person.address for each in RESIDENTS)
        said = (self.log.say,) if self.log else ()
        self.of_scripts = Submission(free_port(), {}, addresses, self._deliver, *said)
        self.of_scripts.start()
        for server, kept in zip(self.servers, ports, strict=True):
            server.ports = kept
            if isinstance(server, Dovecot):
                server.options = f"submission_host = 127.0.0.1:{self.of_scripts.controller.port}\n"
            server.start()
        logins = {each.login: each.password for each in RESIDENTS}
        self.submission = Submission(self.submission_port, logins, addresses, self._deliver, *said)
        self.submission.start()
        if self.log:
            self.border = Border(2525 if _free(2525) else free_port(), addresses, self._deliver, self.log)
            self.border.start()
        self._remember_ports()

    def stop(self) -> None:
        """Stop everything."""
        for each in (self.submission, self.border, self.of_scripts):
            if each:
                each.stop()
        for server in self.servers:
            server.stop()

    def fill(self, notice: str | None = None) -> int:
        """Put the demo's messages into empty accounts; returns how many were written (0 on a second start)."""
        done = self.folder / "filled"
        if done.exists():
            return 0
        count = 0
        share = 0.4 if self.lacking else 1.0  # pymap needs 70 ms for each
        for resident in RESIDENTS:
            samples = Mailbag(resident.person, now=datetime.now(UTC), size=share * resident.size).samples()
            count += self._fill(resident, [*samples, *([_notice(resident, notice)] if notice else [])])
        with_rules, server = RESIDENTS[0], self.servers[RESIDENTS[0].server]
        if isinstance(server, Dovecot):
            give(server.sieve_port, with_rules.login, with_rules.password)
        done.write_text(f"{count}\n")
        return count

    def _fill(self, resident: Resident, samples: Sequence[Sample]) -> int:
        with IMAPClient("127.0.0.1", self.servers[resident.server].imap_port, ssl=False) as client:
            client.login(resident.login, resident.password)
            present = {name for _, _, name in client.list_folders()}
            for mailbox in [*FOLDERS, *(sample.mailbox for sample in samples)]:
                if mailbox not in present:
                    client.create_folder(mailbox)
                    present.add(mailbox)
            for sample in samples:
                client.append(sample.mailbox, sample.message, sample.flags, sample.arrived)
        return len(samples)

    def _deliver(self, address: str, message: bytes, sender: str = "sender@example.org") -> None:
        resident = next(each for each in RESIDENTS if each.person.address == address)
        server = self.servers[resident.server]
        if isinstance(server, Dovecot):
            server.deliver(resident.login, message, sender=sender)
        else:
            server.append(resident.login, message)

    def _remembered_ports(self) -> tuple[list[dict[str, int]], int]:
        """The servers' ports by name and the submission port; empty and a new one where they are taken or unknown."""
        try:
            kept = json.loads((self.folder / "ports.json").read_text())
            ports: list[dict[str, int]] = kept["servers"]
            submission: int = kept["submission"]
        except (OSError, ValueError, KeyError):
            return [{}, {}], free_port()
        everything = [*(port for each in ports for port in each.values()), submission]
        return (ports, submission) if all(map(_free, everything)) else ([{}, {}], free_port())

    def _remember_ports(self) -> None:
        kept = {"servers": [server.ports for server in self.servers], "submission": self.submission_port}
        (self.folder / "ports.json").write_text(json.dumps(kept))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _notice(resident: Resident, text: str) -> Sample:
    now = datetime.now(UTC)
    message = (
        f"From: Postern demo <demo@example.org>\r\nTo: <{resident.person.address}>\r\n"
        f"Subject: What this demo lacks\r\nDate: {now:%a, %d %b %Y %H:%M:%S +0000}\r\n\r\n{text}\r\n"
    )
    return Sample("INBOX", now, (), message.encode())
