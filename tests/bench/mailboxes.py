"""The benchmark's mailboxes: written once straight into Maildirs below a folder of the machine, then kept.

The newest thousand messages come through Dovecot, as mail does: of these it knows sizes and envelopes by heart
(`mail_always_cache_fields`), as in a mailbox some weeks after its files were moved there.

A mailbox of another size or version of the generator is another account, so what is there is never stale. Several
people share the files of one mailbox (each has connections of their own): 100,000 messages fill half a gigabyte.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from app.demo.dovecot import Dovecot
from tests.bench import messages
from tests.bench.wire import Wire

PASSWORD = "bench-password"
DELIVERED = 1000
_FLAGS = {"S": b"\\Seen", "R": b"\\Answered", "F": b"\\Flagged"}


def _version() -> str:
    sources = (messages.__file__, __file__)
    return hashlib.sha256(b"".join(Path(each).read_bytes() for each in sources)).hexdigest()[:8]


def login(size: int, person: int = 0) -> str:
    """The account whose INBOX holds `size` messages."""
    return f"reader{person}-{size}-{_version()}@bench.example"


def ensure(server: Dovecot, size: int, people: int) -> None:
    """Make sure that the files of the mailbox are there for so many accounts; 100,000 take some 15 seconds."""
    folder = server.maildir(login(size))
    home = folder.parent
    if not (home / "complete").exists():
        for old in home.parent.glob(f"reader*-{size}-*") if home.parent.exists() else ():
            old.unlink() if old.is_symlink() else shutil.rmtree(old)
        _write(folder, size)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", str(home)], check=True)
    for person in range(people):
        name = login(size, person)
        server.users[name] = PASSWORD
        link = home.with_name(name)
        if not link.exists():
            link.symlink_to(home.name)


def deliver(server: Dovecot, size: int) -> None:
    """Bring the newest messages, where they are not there yet; the server runs."""
    mark = server.maildir(login(size)).parent / "complete"
    if mark.exists():
        return
    wire = Wire(server.imap_port, login(size), PASSWORD)
    wire.ask(b"SELECT INBOX")
    for message in islice(messages.messages(size), size - DELIVERED, None):
        arrived = datetime.fromtimestamp(message.arrived, UTC).strftime("%d-%b-%Y %H:%M:%S +0000").encode()
        flags = b" ".join(_FLAGS[letter] for letter in message.flags)
        data = message.data.replace(b"\n", b"\r\n")
        wire.ask(b'APPEND INBOX (%b) "%b" {%d+}\r\n%b' % (flags, arrived, len(data), data))
    wire.close()
    mark.touch()


def _write(folder: Path, size: int) -> None:
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    for number, message in enumerate(islice(messages.messages(size), size - DELIVERED)):
        wire = len(message.data) + message.data.count(b"\n")
        name = f"{message.arrived}.M{number:06}P1.bench,S={len(message.data)},W={wire}:2,{message.flags}"
        path = folder / "cur" / name
        path.write_bytes(message.data)
        os.utime(path, (message.arrived, message.arrived))
