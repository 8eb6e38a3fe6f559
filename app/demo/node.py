"""Starts a node as an administrator would: migrations, then gunicorn with its keeper, settings by environment.

Used by `make run` and by the tests that need a whole node.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from app.demo.process import StartError, end, free_port, kill_group, spawn, wait_until
from app.directory.engine import open_engine
from app.migrations.change import upgrade

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without settings of Postern's own, and with `settings` instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    return {**kept, **settings}


def bring_up_to_date(database_url: str) -> None:
    """Migrate a database, as `flask --app wsgi database upgrade` does, a second sooner."""
    engine = open_engine(database_url, timeout=None)
    upgrade(engine)
    engine.dispose()


class Node:
    """One node with its keeper: `environ` is its whole environment; its log lies in `folder`."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self.environ = {
            **environ,
            "POSTERN_BIND": f"127.0.0.1:{self.port}",
            "POSTERN_KEEPER_SOCKET": str(folder / "keeper" / "socket"),
            "POSTERN_SPOOL": str(folder / "spool"),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of the node, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """What gunicorn, its workers and the keeper wrote."""
        return self.folder / "node.log"

    def log(self) -> str:
        """Return the log's text."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self, *, seconds: float = 45) -> Self:
        """Start and wait until /readyz says yes; raise StartError otherwise."""
        (self.folder / "keeper").mkdir(mode=0o700, exist_ok=True)
        (self.folder / "spool").mkdir(mode=0o700, exist_ok=True)
        command = [str(BIN / "gunicorn"), "-c", "config/gunicorn.conf.py", "wsgi:app"]
        with self.log_file.open("ab") as output:
            self.process = spawn(command, output=output, environ=self.environ, folder=ROOT)
        try:
            wait_until(self.ready, self.process, "The node", self.log_file, seconds=seconds)
        except StartError:
            end(self.process)
            raise
        return self

    def ready(self) -> bool:
        """Ask /readyz."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=3) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self, *, seconds: float = 15) -> None:
        """End it in order: requests in flight are finished."""
        if self.process:
            end(self.process, seconds=seconds)

    def kill(self) -> None:
        """Kill master, workers, supervisor and keeper at once, as if the host had lost power."""
        if self.process:
            pids = [pid for pid, _ in self._processes()]
            kill_group(self.process)
            for pid in pids:
                _kill(pid)

    def keeper_pids(self) -> list[int]:
        """Process ids of this node's keepers (usually one), without their supervisor."""
        return [pid for pid, command in self._processes() if b"app.keeper" in command]

    def _processes(self) -> list[tuple[int, list[bytes]]]:
        """This node's processes, known by the socket in their environment."""
        wanted = f"POSTERN_KEEPER_SOCKET={self.folder}/keeper/socket".encode()
        return [(pid, command) for pid, command in _all_processes() if wanted in _read(pid, "environ").split(b"\0")]

    def keeper_answers(self) -> bool:
        """Tell whether a keeper takes connections on the node's socket."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.environ["POSTERN_KEEPER_SOCKET"])
            except OSError:
                return False
        return True

    def kill_keeper(self) -> None:
        """Kill the keeper at once; its supervisor starts another."""
        for pid in self.keeper_pids():
            _kill(pid)


def _all_processes() -> list[tuple[int, list[bytes]]]:
    """Process ids and words of the command of everything that runs."""
    pids = [int(entry) for entry in os.listdir("/proc") if re.fullmatch(r"\d+", entry)]
    return [(pid, _read(pid, "cmdline").split(b"\0")) for pid in pids]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
