"""An Exim of one's own on a loopback port, unpacked beside Postfix by .ci/exim. Needs root; its spool and logs lie in a
folder that is thrown away. Its user is known to it alone: /etc/passwd is another file in its own mount namespace.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from app.demo.process import free_port

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "var/cache/exim/usr/sbin/exim4"
USER = 64_999
_AS_ITSELF = """\
mount --bind {folder}/passwd /etc/passwd
mount --bind {folder}/group /etc/group
exec {binary} -C {folder}/exim.conf "$@"
"""
_BEGINNING = """\
exim_path = {binary}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
keep_environment =
tls_advertise_hosts =
timezone = UTC
log_timezone = true
primary_hostname = mx.isp.example
local_interfaces = 127.0.0.1
"""


class Exim:
    """Listens on `port`. `config` follows the settings that every Exim of the tests has; `inside` are words before
    the command that starts it: another namespace's. `without`: settings of every Exim that this one has itself.
    `address`: where it listens; several with a space between."""

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        inside: Sequence[str] = (),
        address: str = "127.0.0.1",
        without: Sequence[str] = (),
    ) -> None:
        self.folder, self.port, self.address, self._inside = folder, free_port(), address, tuple(inside)
        self.binary = binary()
        assert self.binary
        for name in ("spool", "log"):
            (folder / name).mkdir(parents=True)
            os.chown(folder / name, USER, USER)
        for name, own in (
            ("passwd", f"Debian-exim:x:{USER}:{USER}::/nonexistent:/bin/false"),
            ("group", f"Debian-exim:x:{USER}:"),
        ):
            (folder / name).write_text(f"{Path('/etc', name).read_text()}{own}\n")
        lines = _BEGINNING.format(binary=self.binary, folder=folder).splitlines(keepends=True)
        beginning = "".join(each for each in lines if each.split()[0] not in without)
        (folder / "exim.conf").write_text(f"{beginning}{config}")

    def __enter__(self) -> Self:
        listen = "<;" + ";".join(f"[{each}]:{self.port}" for each in self.address.split())
        words = self._words("-bdf", "-oX", listen, "-oP", f"{self.folder}/pid")
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(words, stdout=output, stderr=output)
        end = time.monotonic() + 30
        while not (self.folder / "pid").exists():
            assert self._process.poll() is None and time.monotonic() < end, (self.folder / "output").read_text()
            time.sleep(0.02)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)

    def _words(self, *options: str) -> list[str]:
        script = _AS_ITSELF.format(folder=self.folder, binary=self.binary)
        return [*self._inside, "unshare", "--mount", "sh", "-ec", script, "exim", *options]

    def ask(self, *options: str, said: str = "") -> str:
        """What another run of it prints, with the same configuration; `said`: what it is told."""
        done = subprocess.run(
            self._words(*options), input=said, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr

    def log(self, name: str = "main") -> Path:
        """Where its mainlog or rejectlog lies."""
        return self.folder / "log" / f"{name}log"

    def settled(self, *texts: str, completed: int = 0, within: float = 30) -> None:
        """Waits until its mainlog has all of these, and so many messages are done with."""
        end = time.monotonic() + within
        while True:
            text = self.log().read_text(errors="replace")
            missing = [each for each in texts if each not in text]
            if not missing and text.count(" Completed\n") >= completed:
                return
            assert time.monotonic() < end, (missing, text.count(" Completed\n"))
            time.sleep(0.02)


def binary() -> str | None:
    """Where .ci/exim unpacked it; None where it did not."""
    return str(BINARY) if BINARY.exists() else None


def missing() -> str | None:
    """Why there can be none here; None where there can."""
    if os.geteuid() != 0:
        return "Exim starts as root only"
    return None if binary() else "Exim is not unpacked: .ci/exim does it"
