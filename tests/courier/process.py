"""A courier as a process of its own, with the settings of a world."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from app.demo.node import environment
from tests.courier.world import SECRET, World

ROOT = Path(__file__).resolve().parents[2]


def settings(world: World) -> dict[str, str]:
    """The settings of a node for this world."""
    return environment(
        {
            "POSTERN_SECRET_KEY": SECRET.hex(),
            "POSTERN_DATABASE_URL": world.url,
            "POSTERN_REDIS_URL": world.redis_url,
            "POSTERN_KEEPER_SOCKET": str(world.folder / "none" / "socket"),
            "POSTERN_IMAP_URL": f"imap+plain://127.0.0.1:{world.imap}",
            "POSTERN_SUBMISSION_URL": f"smtp+plain://127.0.0.1:{world.submission}",
        }
    )


class Process:
    """A courier of its own; its log is a file."""

    def __init__(self, environ: Mapping[str, str], log: Path, *, claim: float | None = None) -> None:
        module = ["-m", "app.courier"] if claim is None else ["-m", "tests.courier.run", str(claim)]
        self.log = log
        with log.open("ab") as file:
            self.child = subprocess.Popen([sys.executable, *module], cwd=ROOT, env=dict(environ), stderr=file)

    def said(self, text: str, *, seconds: float = 15.0) -> bool:
        end = time.monotonic() + seconds
        while text not in self.log.read_text():
            if time.monotonic() > end or self.child.poll() is not None:
                return False
            time.sleep(0.05)
        return True

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.child.wait(20)
