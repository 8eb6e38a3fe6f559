"""A Dovecot 2.3 of one's own on loopback ports, started as root or as an ordinary user, thrown away afterwards.

Accounts are one file each, so that any number of them can be added while it runs. The configuration lies in
dovecot_config.py; how it was found out is told there.
"""

from __future__ import annotations

import imaplib
import os
import re
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from imapclient import imap_utf7

from app.demo.certificate import Certificate
from app.demo.dovecot_config import Layout, configuration
from app.demo.process import StartError, answers, end, find_program, free_port, kill_group, spawn, wait_until

_STARTS = 5  # a free port may be taken by somebody else between asking and binding


def missing() -> list[str]:
    """Return the Debian packages that are needed and not installed."""
    needed = {"dovecot-imapd": "imap", "dovecot-lmtpd": "lmtp", "dovecot-managesieved": "managesieve"}
    lacking = [package for package, binary in needed.items() if not Path("/usr/lib/dovecot", binary).exists()]
    return lacking if find_program("dovecot") else sorted({*lacking, "dovecot-imapd"})


class Dovecot:
    """One mail server; `users` maps logins to passwords. Its files lie in `folder`.

    Started by root, mail belongs to nobody, who must be able to enter `folder` (not so below a 0700 directory).
    `quota` is a size such as "10M"; `master` a (user, password) who signs in as `login*master`; `options` is
    appended to the configuration and wins over it. `accounts`: passdb and userdb other than ours.
    """

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, str] | None = None,
        *,
        tls: Certificate | None = None,
        sieve: bool = False,
        quota: str | None = None,
        master: tuple[str, str] | None = None,
        hibernate: bool = False,
        sasl: bool = False,
        options: str = "",
        accounts: str = "",
    ) -> None:
        self.folder = folder
        self.users = dict(users or {})
        self.tls, self.sieve, self.quota, self.master = tls, sieve, quota, master
        self.hibernate, self.sasl, self.options, self.accounts = hibernate, sasl, options, accounts
        self.ports: dict[str, int] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self._run: Path | None = None

    @property
    def imap_port(self) -> int:
        """Plain IMAP; offers STARTTLS where `tls` was given."""
        return self.ports["imap"]

    @property
    def imaps_port(self) -> int:
        """IMAP over TLS (only with `tls`)."""
        return self.ports["imaps"]

    @property
    def lmtp_port(self) -> int:
        """Where mail is delivered (RFC 2033)."""
        return self.ports["lmtp"]

    @property
    def sieve_port(self) -> int:
        """ManageSieve (only with `sieve`)."""
        return self.ports["sieve"]

    @property
    def sasl_port(self) -> int:
        """Where a Postfix asks whether a password is right (only with `sasl`)."""
        return self.ports["sasl"]

    @property
    def log_file(self) -> Path:
        """Everything that Dovecot logged since the first start."""
        return self.folder / "dovecot.log"

    def log(self) -> str:
        """Return the log's text."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def logins(self, login: str | None = None) -> int:
        """Count the IMAP logins that succeeded, of one login or of all."""
        # Dovecot 2.4 writes "Logged in:" where 2.3 writes "Login:".
        name = re.escape(login) if login else "[^>]*"
        return len(re.findall(rf"imap-login: Info: (?:Login|Logged in): user=<{name}>", self.log()))

    def start(self) -> Self:
        """Start on new ports the first time, on the same ones again; raise StartError when it does not answer."""
        self._prepare()
        for _ in range(_STARTS if not self.ports else 1):
            ports = self.ports or self._choose_ports()
            try:
                self._start(ports)
            except StartError:
                if self.ports or "Address already in use" not in self.log():
                    raise
            else:
                self.ports = ports
                return self
        raise StartError(f"no free ports for Dovecot: {self.log()[-500:]}")

    def stop(self) -> None:
        """End it in order; connections get BYE."""
        if self.process:
            end(self.process, seconds=2)  # it waits 6 s for a process that has just started
        self._forget_run()

    def kill(self) -> None:
        """End it and all of its processes at once: connections break without a word."""
        if self.process:
            kill_group(self.process)
        self._forget_run()

    def add_user(self, login: str, password: str) -> None:
        """Add an account or change its password. Dovecot rereads a file at most once a second."""
        target = self.folder / "accounts" / login
        if target.exists() and self.process:
            time.sleep(1.05 - time.time() % 1)
        fresh = target.with_name(f".{login}.new")
        fresh.write_text(f"{login}:{{PLAIN}}{password}\n")
        fresh.chmod(0o644)
        fresh.rename(target)
        self.users[login] = password

    def maildir(self, login: str, mailbox: str = "INBOX") -> Path:
        """Return the Maildir folder of a mailbox."""
        root = self.folder / "mail" / login / "Maildir"
        name = imap_utf7.encode(mailbox)
        return root if mailbox == "INBOX" else root / (name.decode() if isinstance(name, bytes) else name)

    def deliver(self, login: str, *messages: bytes, sender: str = "sender@example.org") -> None:
        """Deliver by LMTP, as a mail server would: Sieve runs, and watchers hear of it."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port) as client:
            for message in messages:
                client.sendmail(sender, [login], message)

    def append(
        self,
        login: str,
        message: bytes,
        *,
        mailbox: str = "INBOX",
        flags: Sequence[str] = (),
        arrived: datetime | None = None,
    ) -> None:
        """Put one message into a mailbox by IMAP APPEND, creating the mailbox if need be."""
        name = b'"' + imap_utf7.encode(mailbox).replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        client = imaplib.IMAP4("127.0.0.1", self.imap_port)
        client.login(login, self.users[login])
        if mailbox != "INBOX":
            client._simple_command("CREATE", name)  # "already exists" is as good as OK
        when = imaplib.Time2Internaldate(arrived or datetime.now(UTC))
        client.literal = message  # type: ignore[assignment]  # imaplib takes bytes here
        status, answer = client._simple_command("APPEND", name, f"({' '.join(flags)})", when)
        client.logout()
        if status != "OK":
            raise ValueError(f"APPEND refused: {answer!r}")

    def fill(self, login: str, messages: Iterable[bytes], *, mailbox: str = "INBOX", flags: str = "") -> int:
        """Write messages straight into the Maildir (for thousands); `flags` are Maildir's letters such as "S".

        Returns the number written. Nobody may have the mailbox open yet.
        """
        folder = self.maildir(login, mailbox)
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        stamp, count = time.time_ns(), 0
        for count, message in enumerate(messages, 1):
            data = message.replace(b"\r\n", b"\n")
            wire = len(data) + data.count(b"\n")
            base = f"{(stamp + count) // 10**9}.M{stamp}P{count:07}.demo,S={len(data)},W={wire}"
            (folder / "cur" / f"{base}:2,{flags}").write_bytes(data)
        self._give_away(self.folder / "mail" / login)
        return count

    def configuration(self, layout: Layout) -> str:
        """Return the text of dovecot.conf."""
        return configuration(layout)

    def program(self, name: str) -> list[str | Path]:
        """The words that start one of its programs."""
        found = find_program(name)
        if found is None:
            raise FileNotFoundError("Dovecot is not installed: apt install " + " ".join(missing()))
        return [found]

    def _choose_ports(self) -> dict[str, int]:
        wanted = {"imaps": self.tls, "sieve": self.sieve, "sasl": self.sasl}
        return {name: free_port() for name in ("imap", "lmtp", *(name for name in wanted if wanted[name]))}

    def _prepare(self) -> None:
        for name in ("mail", "accounts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            _check_path(self.folder)
            shutil.chown(self.folder / "mail", "nobody", "nogroup")
        for login, password in self.users.items():
            if not (self.folder / "accounts" / login).exists():
                self.add_user(login, password)
        if self.master:
            (self.folder / "masters").write_text("{}:{{PLAIN}}{}\n".format(*self.master))

    def _start(self, ports: dict[str, int]) -> None:
        self._forget_run()
        self._run = self._run_folder()
        layout = Layout(
            self.folder, self._run, ports, self.tls, self.quota, bool(self.master), self.hibernate, self.options,
            self.accounts,
        )  # fmt: skip
        config = self.folder / "dovecot.conf"
        config.write_text(self.configuration(layout))
        self.process = spawn([*self.program("dovecot"), "-F", "-c", config])
        ready = self.process, "Dovecot", self.log_file
        wait_until(lambda: answers(ports["imap"], greeting=b"* OK") and answers(ports["lmtp"]), *ready)

    def _run_folder(self) -> Path:
        """Where sockets lie: a Unix socket's path holds 107 bytes at most, of which Dovecot's names take 40."""
        run = self.folder.resolve() / "run"
        if len(str(run)) <= 60:
            shutil.rmtree(run, ignore_errors=True)
            run.mkdir()
        else:
            run = Path(tempfile.mkdtemp(prefix="postern-dovecot-"))
        run.chmod(0o755)
        return run

    def _forget_run(self) -> None:
        if self._run:
            shutil.rmtree(self._run, ignore_errors=True)
            self._run = None

    def _give_away(self, folder: Path) -> None:
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", str(folder)], check=True)


def _check_path(folder: Path) -> None:
    for parent in folder.resolve().parents:
        if not parent.stat().st_mode & 0o001:
            raise StartError(f"{parent} is closed to other users, but Dovecot started by root reads mail as nobody")
