"""The demo's mail log, and the follower that reads it into the block log."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.demo.blocked import History
from app.demo.node import ROOT
from app.demo.process import end, spawn

NODE = "mx.example.org"


class MailLog:
    """A log in `folder` as the mail servers' syslog writes it, and the process that follows it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "mail.log"
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def source(self) -> str:
        """The log as POSTERN_BLOCKLOG_SOURCES names it."""
        return f"{NODE}:{self.file}"

    def begin(self, addresses: Sequence[str]) -> None:
        """Some days of history, where there is none yet."""
        if not self.file.exists():
            self._write(History(addresses, datetime.now(UTC)).lines())

    def say(self, program: str, text: str) -> None:
        """One more line, now."""
        self._write([(datetime.now(UTC), program, text)])

    def follow(self, environ: Mapping[str, str]) -> None:
        """Start the follower; its own log lies beside the mail log."""
        wanted = {"POSTERN_OWN_NAMES": "127.0.0.1", **environ, "POSTERN_BLOCKLOG_SOURCES": self.source}
        with self.file.with_name("follower.log").open("ab") as output:
            command = [sys.executable, "-m", "app.blocklog.follow"]
            self.process = spawn(command, output=output, environ=wanted, folder=ROOT)

    def stop(self) -> None:
        """Stop the follower."""
        if self.process is not None:
            end(self.process)

    def _write(self, lines: Iterable[tuple[datetime, str, str]]) -> None:
        with self.lock, self.file.open("a") as log:
            for at, program, text in lines:
                log.write(f"{at.isoformat(timespec='milliseconds')} mx {program}[4711]: {text}\n")
