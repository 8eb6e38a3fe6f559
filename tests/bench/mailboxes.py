"""The benchmark's mailboxes: written once straight into Maildirs below a folder of the machine, then kept.

A mailbox of another seed, size or version of the generator is another account, so what is there is never stale.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from app.demo.dovecot import Dovecot
from tests.bench import messages

PASSWORD = "bench-password"


def _version() -> str:
    return hashlib.sha256(Path(messages.__file__).read_bytes()).hexdigest()[:8]


def login(size: int) -> str:
    """The account whose INBOX holds `size` messages."""
    return f"reader-{size}-{_version()}@bench.example"


def ensure(server: Dovecot, size: int) -> str:
    """Make sure that the mailbox of `size` messages is there; returns its login. 100,000 take about half a minute."""
    name = login(size)
    folder = server.maildir(name)
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _write(folder, size)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", str(folder.parent)], check=True)
        (folder / "complete").touch()
    server.users[name] = PASSWORD
    return name


def _write(folder: Path, size: int) -> None:
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    for number, message in enumerate(messages.messages(size)):
        wire = len(message.data) + message.data.count(b"\n")
        name = f"{message.arrived}.M{number:06}P1.bench,S={len(message.data)},W={wire}:2,{message.flags}"
        path = folder / "cur" / name
        path.write_bytes(message.data)
        os.utime(path, (message.arrived, message.arrived))
