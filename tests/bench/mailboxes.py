"""The benchmark's mailboxes: written once straight into Maildirs below a folder of the machine, then kept.

A mailbox of another size or version of the generator is another account, so what is there is never stale. Several
people share the files of one mailbox (each has connections of their own): 100,000 messages fill half a gigabyte.
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


def login(size: int, person: int = 0) -> str:
    """The account whose INBOX holds `size` messages."""
    return f"reader{person}-{size}-{_version()}@bench.example"


def ensure(server: Dovecot, size: int, people: int) -> None:
    """Make sure that the mailbox of `size` messages is there for so many accounts; 100,000 take some 15 seconds."""
    folder = server.maildir(login(size))
    home = folder.parent
    if not (home / "complete").exists():
        for old in home.parent.glob(f"reader*-{size}-*") if home.parent.exists() else ():
            old.unlink() if old.is_symlink() else shutil.rmtree(old)
        _write(folder, size)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", str(home)], check=True)
        (home / "complete").touch()
    for person in range(people):
        name = login(size, person)
        server.users[name] = PASSWORD
        link = home.with_name(name)
        if not link.exists():
            link.symlink_to(home.name)


def _write(folder: Path, size: int) -> None:
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    for number, message in enumerate(messages.messages(size)):
        wire = len(message.data) + message.data.count(b"\n")
        name = f"{message.arrived}.M{number:06}P1.bench,S={len(message.data)},W={wire}:2,{message.flags}"
        path = folder / "cur" / name
        path.write_bytes(message.data)
        os.utime(path, (message.arrived, message.arrived))
