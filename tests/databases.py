"""Throw-away PostgreSQL and MariaDB for tests: own folders, Unix sockets only, stopped by their own pid.

What they answered for survives their kill -9, as each commit is written before its answer, but no loss of power, as
nothing is synced. Both refuse to run as root: then they run as whatever unprivileged user the machine has.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

UNPRIVILEGED = ("postgres", "mysql", "nobody")


def unprivileged(*preferred: str) -> list[str]:
    """The words before a command that make it run as another user; none needed when we are not root."""
    return [] if os.geteuid() != 0 else ["setpriv", *_identity(*preferred), "--clear-groups"]


def _identity(*preferred: str) -> list[str]:
    user = _user(*preferred)
    return [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"]


def _user(*preferred: str) -> pwd.struct_passwd:
    for name in (*preferred, *UNPRIVILEGED):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"none of the users {UNPRIVILEGED} exists")


def programs(*names: str) -> list[Path] | None:
    """Where the programs lie, Debian's folder of PostgreSQL included; None when one is missing."""
    folders = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), os.environ.get("PATH", "")]
    found = [shutil.which(name, path=os.pathsep.join([*folders, "/usr/sbin", "/usr/local/sbin"])) for name in names]
    return [Path(path) for path in found if path] if all(found) else None


def _fast_folder() -> str:
    """Memory where there is enough: on a busy disk, removing MariaDB's files alone took a minute."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return str(memory) if roomy else "/tmp"


def _runs(pid: str) -> bool:
    """Whether a process is there that is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class DatabaseServer:
    """A server in a folder of its own, with a short path (a socket's has 107 bytes at most). `with` starts it."""

    NAMES: tuple[str, ...] = ()
    USER = ""
    STOP = signal.SIGTERM
    THROW_AWAY = signal.SIGKILL

    def __init__(self, folder: str | None = None, options: Mapping[str, str] | None = None) -> None:
        """`folder`: below which its files lie; memory otherwise. `options`: settings of the server's own."""
        paths = programs(*self.NAMES)
        if paths is None:
            raise FileNotFoundError(f"needs {', '.join(self.NAMES)}")
        self.programs = paths
        self.folder = Path(tempfile.mkdtemp(prefix="postern-sql-", dir=folder or _fast_folder()))
        self.options = dict(options or {})
        if os.geteuid() == 0:
            user = _user(self.USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.process: subprocess.Popen[bytes] | None = None
        self.words: Sequence[str | Path] = ()
        self.databases = 0

    def run(self, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run one command as the server's user."""
        line = [*unprivileged(self.USER), *map(str, words)]
        done = subprocess.run(line, capture_output=True, timeout=60, cwd=self.folder)
        if check and done.returncode:
            raise RuntimeError(f"{line}: {(done.stdout + done.stderr).decode(errors='replace')[-2000:]}")
        return done

    def spawn(self, words: Sequence[str | Path]) -> None:
        """Start the server itself and wait until it answers, 30 s at most."""
        self.words = words
        with open(self.folder / "log", "ab") as log:
            line = [*unprivileged(self.USER), *map(str, words)]
            self.process = subprocess.Popen(line, stdout=log, stderr=log, cwd=self.folder)
        end = time.monotonic() + 30
        while not self.answers():
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    @property
    def socket(self) -> Path:
        """The server's socket."""
        return self.folder / "socket"

    def answers(self) -> bool:
        """Whether a client gets an answer."""
        raise NotImplementedError

    def start(self) -> None:
        """Make the data and start the server."""
        raise NotImplementedError

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        raise NotImplementedError

    def restart(self) -> None:
        """Stop the server, which closes all its connections, and start it again on the same data."""
        self.halt()
        self.spawn(self.words)

    def halt(self) -> None:
        """Stop the server without waiting for its clients."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.STOP)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def kill(self) -> None:
        """kill -9 of all processes of the server at once, its children's too; they are gone when this returns."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)  # it starts no further child, and none of them hears of the others
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        self.process.kill()
        self.process.wait(10)
        while any(_runs(child) for child in children):
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop the server at once, as nothing of it is needed again, and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.THROW_AWAY)
            self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> DatabaseServer:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class PostgreSQL(DatabaseServer):
    """PostgreSQL, superuser `postern` without a password."""

    NAMES = ("initdb", "postgres", "psql")
    USER = "postgres"
    STOP = signal.SIGINT  # "fast": SIGTERM would wait until every client has gone
    THROW_AWAY = signal.SIGQUIT  # "immediate"; its children end too, as they would not with SIGKILL

    def start(self) -> None:
        """Debian's usual locale is not C: the tests must see what an order by language does to keys."""
        initdb, postgres, _ = self.programs
        self.run(initdb, "--no-sync", "-A", "trust", "-U", "postern", "-E", "UTF8", "--locale=C.UTF-8", "-D", "data")
        # fsync=off: commits are written all the same (synchronous_commit), and outlive the process
        options = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "fsync": "off"}
        options["dynamic_shared_memory_type"] = "mmap"  # files in its own folder, so that none is left behind
        words = [word for name, value in {**options, **self.options}.items() for word in ("-c", f"{name}={value}")]
        self.spawn([postgres, "-D", self.folder / "data", *words])

    @property
    def socket(self) -> Path:
        """The server's socket."""
        return self.folder / ".s.PGSQL.5432"

    def psql(self, line: str, *, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run one line of SQL in the server's own database."""
        words = ("-h", self.folder, "-U", "postern", "-d", "postgres", "-qAtc", line)
        return self.run(self.programs[2], *words, check=check)

    def answers(self) -> bool:
        """Whether `SELECT 1` is answered."""
        return self.psql("SELECT 1", check=False).returncode == 0

    def new_database(self) -> str:
        """An empty database."""
        self.databases += 1
        name = f"test{self.databases}"
        self.psql(f"CREATE DATABASE {name}")
        return f"postgresql://postern@/{name}?host={quote(str(self.folder), safe='')}"


class MariaDB(DatabaseServer):
    """MariaDB, root without a password. Its usual order of text (which ignores case) is left as it is."""

    NAMES = ("mariadb-install-db", "mariadbd", "mariadb")
    USER = "mysql"

    def start(self) -> None:
        """`--no-defaults` has to come first; it keeps the machine's own settings out."""
        install, server, _ = self.programs
        data = f"--datadir={self.folder / 'data'}"
        own = f"--tmpdir={self.folder}"  # two that are made at once take each other's temporary tables from /tmp
        self.run(install, "--no-defaults", data, own, "--auth-root-authentication-method=normal", "--skip-test-db")
        # 2: the log is written at each commit and synced each second; with 0 a kill would take a second's commits along
        flags = ("--skip-networking", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M")
        more = (f"--{name}={value}" for name, value in self.options.items())
        self.spawn([server, "--no-defaults", data, own, f"--socket={self.socket}", *flags, *more])

    def client(self, line: str, *, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run one line of SQL."""
        return self.run(
            self.programs[2], "--no-defaults", f"--socket={self.socket}", "-u", "root", "-e", line, check=check
        )

    def answers(self) -> bool:
        """Whether `SELECT 1` is answered."""
        return self.client("SELECT 1", check=False).returncode == 0

    def new_database(self) -> str:
        """An empty database."""
        self.databases += 1
        name = f"test{self.databases}"
        self.client(f"CREATE DATABASE {name}")
        return f"mariadb://root@localhost/{name}?unix_socket={quote(str(self.socket), safe='')}"
