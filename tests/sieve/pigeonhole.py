"""Dovecot's Sieve without a server: `sievec` says whether a script compiles, `sieve-test` what it does to a message."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

SIEVEC, SIEVE_TEST = "/usr/bin/sievec", "/usr/bin/sieve-test"
_FOLDER = re.compile(r"^ \* store message in folder: (\S+)", re.MULTILINE)


class Pigeonhole:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "dovecot.conf"
        uid, gid = os.getuid() or 65534, os.getgid() or 65534  # as root, no mail is read
        self.config.write_text(
            f"mail_location = maildir:{folder}/mail\nmail_uid = {uid}\nmail_gid = {gid}\n"
            "first_valid_uid = 1\n"
            "plugin {\n  sieve_max_actions = 0\n  sieve_max_redirects = 32\n  sieve_extensions = +vacation-seconds\n}\n"
        )

    def faults(self, script: bytes) -> str:
        """What the compiler says against a script; "" if it compiles."""
        done = self._run([SIEVEC, "-c", str(self.config), self._kept(script), str(self.folder / "out.svbin")])
        return (done.stdout + done.stderr) if done.returncode else ""

    def folders(self, script: bytes, message: bytes) -> set[str]:
        """Where a script files a message."""
        path = self.folder / "message.eml"
        path.write_bytes(message)
        done = self._run([SIEVE_TEST, "-c", str(self.config), self._kept(script), str(path)])
        assert "Performed actions" in done.stdout, (script, done.stdout, done.stderr)
        return {*_FOLDER.findall(done.stdout)}

    def _kept(self, script: bytes) -> str:
        path = self.folder / "script.sieve"
        path.write_bytes(script)
        return str(path)

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        clock = {"TZ": "UTC", "PATH": os.environ["PATH"]}
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=clock)
