"""Child processes that never outlive the process that started them, and free ports on the loopback.

Every server of the demo and of the tests is started here, so that Ctrl-C, a failing test or `kill -9` of the parent
leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO


class StartError(Exception):
    """A server did not start; the text says which one and the end of what it printed."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_program(name: str) -> str | None:
    """Return the path of a program in PATH or in the sbin folders, which an ordinary user's PATH lacks on Debian."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")


def spawn(
    command: Sequence[str | Path],
    *,
    output: IO[bytes] | int = subprocess.DEVNULL,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, to be ended by TERM when this process dies.

    The death signal comes from setpriv(1) and not from a preexec_fn, which may deadlock in a process with threads.
    The kernel sends it when the *thread* that called this ends: call it from a thread that lives as long as the child.
    """
    setpriv = find_program("setpriv")
    prefix = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
    return subprocess.Popen(
        [*prefix, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output != subprocess.DEVNULL else subprocess.DEVNULL,
        env=dict(environ) if environ is not None else None,
        cwd=folder,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], *, seconds: float = 10) -> None:
    """Ask `process` to end by TERM; after `seconds` its whole group is killed."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill `process` and every child that stayed in its group, at once (what a power cut looks like)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(port: int, *, greeting: bytes = b"") -> bool:
    """Tell whether 127.0.0.1:`port` accepts a connection and, if asked, greets with a line that begins so."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return not greeting or connection.recv(len(greeting)) == greeting
    except OSError:
        return False


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path, *, seconds: float = 30
) -> None:
    """Return once `ready()` is true; raise StartError when `process` ended before or `seconds` passed."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise StartError(f"{name} did not start (exit code {process.poll()}). Its log ends:\n{tail}")
        time.sleep(0.01)
