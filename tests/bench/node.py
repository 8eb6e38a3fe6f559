"""A node as an operator starts it, with or without its keeper, and people signed in to it."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.demo.process import end, free_port, spawn, wait_until
from app.directory.engine import open_engine
from app.migrations.change import upgrade

_WITHOUT_KEEPER = """\
bind = "127.0.0.1:{port}"
workers = 2
worker_class = "gthread"
threads = 32
control_socket_disable = True
keepalive = 75
"""


class Node:
    """gunicorn with two workers; its files in `folder`, its settings the given ones beside its own."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, keeper: bool = True) -> None:
        self.folder, self.keeper = folder, keeper
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        for part in ("keeper", "spool"):
            (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "WEB_CONCURRENCY": "2",
            "POSTERN_SECRET_KEY": secrets.token_hex(32),
            "POSTERN_BIND": f"127.0.0.1:{self.port}",
            "POSTERN_KEEPER_SOCKET": str(folder / "keeper" / "socket"),
            "POSTERN_SPOOL": str(folder / "spool"),
            "POSTERN_DRAIN_FILE": str(folder / "drain"),
            "POSTERN_DATABASE_URL": f"sqlite:///{folder}/postern.sqlite",
            "POSTERN_LOG_LEVEL": "warning",
            # On a busy machine a fresh connection's first look into 100,000 messages takes longer than 3 s.
            "POSTERN_FIRST_BYTE_SECONDS": "30",
            "POSTERN_LOGIN_SECONDS": "30",
            **settings,
        }

    def start(self) -> Node:
        """Migrate an empty database, start, wait until it is ready."""
        upgrade(open_engine(self.environ["POSTERN_DATABASE_URL"]))
        config = Path("config/gunicorn.conf.py")
        if not self.keeper:
            config = self.folder / "gunicorn.conf.py"
            config.write_text(_WITHOUT_KEEPER.format(port=self.port))
        log = self.folder / "node.log"
        with log.open("ab") as output:
            command = [sys.executable, "-m", "gunicorn", "-c", str(config), "wsgi:app"]
            self.process = spawn(command, output=output, environ=self.environ)
        wait_until(self.ready, self.process, "gunicorn", log, seconds=60)
        return self

    def ready(self) -> bool:
        """Ask /readyz."""
        try:
            return _get(self.port, "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self) -> None:
        """End it in order."""
        if self.process:
            end(self.process, seconds=20)

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "node.log").read_text(errors="replace")

    def workers(self) -> list[int]:
        """The process ids of gunicorn's workers."""
        assert self.process
        return [pid for pid in children(self.process.pid) if "gunicorn" in command_line(pid)]

    def processor(self) -> float:
        """Milliseconds of processor that workers and keeper have used so far."""
        assert self.process
        return sum(processor(pid) for pid in descendants(self.process.pid))

    def keeper_process(self) -> int | None:
        """The process id of the keeper itself."""
        assert self.process
        found = [pid for pid in descendants(self.process.pid) if "app.keeper" in command_line(pid)]
        return max(found, key=memory) if found else None


def command_line(pid: int) -> str:
    """The command of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    """The direct children of a process."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    return [found for child in children(pid) for found in (child, *descendants(child))]


def processor(pid: int) -> float:
    """Milliseconds of processor that a process has used so far, its threads counted; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Resident memory of a process in MB, shared pages counted whole (VmRSS)."""
    try:
        return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024
    except (OSError, IndexError):
        return 0.0


@dataclass(frozen=True)
class Person:
    """Somebody signed in: what a browser sends with each request."""

    port: int
    cookie: str

    def request(self, path: str) -> bytes:
        """The bytes of a GET on a kept-alive connection."""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"
        return f"{head}Sec-Fetch-Site: same-origin\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\r\n".encode()

    def get(self, path: str) -> str:
        """The text of a page; raise ValueError unless it is 200."""
        status, text, _ = _get(self.port, path, self.cookie)
        if status not in (200, 204):
            raise ValueError(f"{path}: {status} {text[:500]}")
        return text


def sign_in(port: int, address: str, password: str) -> tuple[Person, list[float]]:
    """Sign in as a browser does; returns the person and the milliseconds of form, sign-in, first list."""
    times = [time.perf_counter()]
    status, page, cookie = _get(port, "/login")
    token = re.search(r'name="?csrf_token"?[^>]*?value="?([^">\s]+)', page)
    if status != 200 or not token:
        raise ValueError(f"/login: {status} {page[:500]}")
    times.append(time.perf_counter())
    form = urllib.parse.urlencode({"address": address, "password": password, "csrf_token": token[1]})
    status, text, fresh = _get(port, "/login", cookie, form)
    if status not in (302, 303):
        raise ValueError(f"sign-in of {address}: {status} {text[:800]}")
    times.append(time.perf_counter())
    person = Person(port, fresh or cookie)
    person.get("/mail/INBOX/")
    times.append(time.perf_counter())
    return person, [(after - before) * 1000 for before, after in zip(times, times[1:], strict=False)]


def _get(port: int, path: str, cookie: str = "", form: str | None = None) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://127.0.0.1:{port}", "Cookie": cookie}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request("GET" if form is None else "POST", path, form, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        fresh = "; ".join(value.split(";")[0] for value in answer.headers.get_all("Set-Cookie", []))
        return answer.status, text, fresh
    finally:
        connection.close()
