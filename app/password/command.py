"""A program of the site's own: the former password and the new one come on its first two lines of input.

No shell. Its arguments are the setting's words; its environment is empty but for a path. It exits with 0 where the new
password is in force, 1 where it does not take it (the first line of its output says why), 75 where nothing was changed
(EX_TEMPFAIL of sysexits.h); after anything else nobody can tell.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import time

from app.password.backend import Change
from app.password.errors import BackendAway, Rejected, Unsettled

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_MOST_OUTPUT = 4096  # bytes that are read; the rest is thrown away
_TRY_LATER = 75


class Command:
    """`line` is split as a shell would, once; {address} {local} {domain} {login} are filled in as parts of one word.
    `without_old`: it sets a password anew where the first line is empty."""

    def __init__(self, line: str, *, without_old: bool = False, seconds: float = 20.0) -> None:
        self.words, self.without_old, self.seconds = words_of(line), without_old, seconds

    def change(self, change: Change) -> None:
        """See Backend."""
        if change.old is None and not self.without_old:
            raise BackendAway("the command needs the former password")
        if not (change.new.isprintable() and (change.old or "").isprintable()):  # each is one line
            raise Rejected("It must be on one line.")
        status, said = self._run(self._arguments(change), f"{change.old or ''}\n{change.new}\n".encode())
        if status == 1:
            raise Rejected(said)
        if status == _TRY_LATER:
            raise BackendAway("the command says that nothing was changed")
        if status != 0:
            raise Unsettled(f"the command ended with {status}")

    def look(self) -> str:
        """See Backend. It is not run: nobody knows what it does without a password."""
        path = self.words[0]
        if not os.path.isfile(path):
            raise BackendAway(f"there is no program {path}")
        if not os.access(path, os.X_OK):
            raise BackendAway(f"{path} cannot be executed by this user")
        return f"command {path}"

    def _arguments(self, change: Change) -> list[str]:
        """A name that would be an option to the program is refused."""
        filled = [change.filled(each) for each in self.words]
        for word, made in zip(self.words, filled, strict=True):
            if made.startswith("-") and not word.startswith("-"):
                raise BackendAway("the account's name begins with a dash")
        return filled

    def _run(self, arguments: list[str], told: bytes) -> tuple[int, str]:
        try:
            program = subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
                env=_ENVIRONMENT, start_new_session=True, bufsize=0,
            )  # fmt: skip
        except OSError as error:
            raise BackendAway(type(error).__name__) from error
        with program:
            try:
                return _ended(program, told, time.monotonic() + self.seconds)
            finally:
                with contextlib.suppress(ProcessLookupError):  # with all that it started
                    os.killpg(program.pid, signal.SIGKILL)


def _ended(program: subprocess.Popen[bytes], told: bytes, until: float) -> tuple[int, str]:
    """Its status and the first line of its output. Raises Unsettled where it does not end in time."""
    assert program.stdin is not None and program.stdout is not None
    with contextlib.suppress(BrokenPipeError), program.stdin as stdin:
        stdin.write(told)  # two short lines: less than a pipe holds
    output, pipe, open_ = b"", program.stdout.fileno(), True
    while program.poll() is None or (open_ and select.select([pipe], [], [], 0)[0]):
        if time.monotonic() > until:
            raise Unsettled("the command did not end in time")
        if not open_:
            time.sleep(0.02)
        elif select.select([pipe], [], [], 0.02)[0]:
            came = os.read(pipe, 65536)
            open_, output = bool(came), (output + came)[:_MOST_OUTPUT]
    return program.returncode, output.decode("utf-8", "replace").partition("\n")[0]


def words_of(line: str) -> list[str]:
    """The words of a setting; ValueError where the first is no path of a program."""
    words = shlex.split(line)
    if not words or not words[0].startswith("/") or "{" in words[0]:
        raise ValueError("the whole path of a program, and its arguments")
    return words
