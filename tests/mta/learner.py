"""What learns from moved mail: a real Rspamd controller, a real spamd, and the shipped script that Dovecot runs, with a
syslog that writes what `logger` says into a file.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from app.demo.process import answers, end, find_program, free_port, spawn, wait_until

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "config/dovecot"
RULES, SITE = Path("/usr/share/spamassassin"), Path("/etc/spamassassin")
SECRET = 'se"cret'
_CONTROLLER: Final = """\
options {{ pidfile = "{folder}/pid"; filters = ""; url_tld = "{folder}/tld"; cache_file = "{folder}/cache";
  dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }} disable_hyperscan = true; }}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "info"; }}
worker "controller" {{ bind_socket = "127.0.0.1:{port}"; count = 1; enable_password = "se\\"cret"; password = "other";
  secure_ip = []; }}
classifier "bayes" {{
  tokenizer {{ name = "osb"; }} backend = "redis"; servers = "127.0.0.1:{redis}"; min_tokens = 11; cache {{ }}
  statfile {{ symbol = "BAYES_HAM"; spam = false; }} statfile {{ symbol = "BAYES_SPAM"; spam = true; }}
}}
"""
_SPAMD: Final = "util_rb_tld example\nbayes_path {folder}/bayes/b\nbayes_file_mode 0777\nbayes_auto_learn 0\n"


class Syslog:
    """Takes what `logger` sends to `socket`, and appends it to `file`."""

    def __init__(self, folder: Path) -> None:
        self.file, self.socket = folder / "mail.log", folder / "syslog"
        self.file.touch()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listener.bind(str(self.socket))
        self.socket.chmod(0o777)

    def __enter__(self) -> Self:
        threading.Thread(target=self._write, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _write(self) -> None:
        with suppress(OSError), self.file.open("ab", buffering=0) as log:
            while data := self._listener.recv(65536):
                log.write(data.rstrip(b"\n") + b"\n")

    def said(self) -> list[str]:
        """The lines so far, without their beginnings."""
        return [line.partition("postern-learn: ")[2] for line in self.file.read_text().splitlines()]


def install(folder: Path, log: Path, **chosen: str) -> Path:
    """Puts the shipped script there as an operator does; `chosen` are its settings. Returns its path."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "spool").mkdir(exist_ok=True)
    (folder / "spool").chmod(0o1777)
    (folder / "controller-password").write_text(f"{SECRET}\n")
    text = (SHIPPED / "sieve/postern-learn").read_text().replace("/etc/dovecot/sieve", str(folder))
    text = text.replace("logger -p", f"logger -u {log} -p")
    for name, value in {"spool": folder / "spool", **chosen}.items():
        line = next(each for each in text.splitlines() if each.startswith(f"{name}="))
        text = text.replace(line, f"{name}={value}")
    script = folder / "bin/postern-learn"
    script.write_text(text)
    script.chmod(0o755)
    return script


class Controller:
    """Rspamd's controller and nothing else of it, with its statistics in a Redis. `with` starts it."""

    def __init__(self, folder: Path, redis_port: int) -> None:
        self.folder, self.port = folder, free_port()
        folder.chmod(0o777)
        (folder / "tld").write_text("example\n")
        config = _CONTROLLER.format(folder=folder, port=self.port, redis=redis_port)
        (folder / "rspamd.conf").write_text(config)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        who = ["-u", "nobody", "-g", "nogroup"] if os.geteuid() == 0 else []
        with open(self.folder / "out", "wb") as output:
            self.process = spawn(["rspamd", "-f", *who, "-c", str(self.folder / "rspamd.conf")], output=output)
        wait_until(lambda: answers(self.port), self.process, "rspamd", self.folder / "out", seconds=30)
        return self

    def __exit__(self, *_error: object) -> None:
        end(self.process)


class Spamd:
    """spamd that may be taught, with few of Debian's rules. `with` starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        for name in ("rules", "site", "bayes"):
            (folder / name).mkdir(parents=True)
        (folder / "bayes").chmod(0o777)
        for name in ("10_default_prefs.cf", "60_welcomelist.cf", "23_bayes.cf"):
            shutil.copy(RULES / name, folder / "rules")
        for file in (*SITE.glob("v*.pre"), SITE / "init.pre"):
            shutil.copy(file, folder / "site")
        (folder / "site/local.cf").write_text(_SPAMD.format(folder=folder))

    @property
    def rules(self) -> tuple[str, str]:
        """Where its own programs find the same configuration."""
        return f"--configpath={self.folder}/rules", f"--siteconfigpath={self.folder}/site"

    def __enter__(self) -> Self:
        user = "nobody" if os.geteuid() == 0 else getpass.getuser()
        words = ["/usr/sbin/spamd", "-x", "-u", user, "-L", "-i", "127.0.0.1", "-p", str(self.port), "-m", "1"]
        words += ["--min-children=1", "--min-spare=1", "--max-spare=1", "-s", "stderr", "-H", "/tmp", "--allow-tell"]
        with open(self.folder / "log", "wb") as log:
            self.process = spawn([*words, *self.rules], output=log)
        wait_until(lambda: answers(self.port), self.process, "spamd", self.folder / "log")
        return self

    def __exit__(self, *_error: object) -> None:
        end(self.process)


def missing() -> str:
    """Why nothing of this can be started here, or ""."""
    absent = [name for name in ("rspamd", "spamc", "sa-learn", "curl", "logger") if find_program(name) is None]
    return f"needs {', '.join(absent)}" if absent else ""


def teach(script: Path, kind: str, login: str, mail: bytes) -> int:
    """Runs the script as Dovecot does."""
    return subprocess.run([script, kind, login], input=mail).returncode
