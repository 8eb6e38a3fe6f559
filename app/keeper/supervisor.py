"""Starts the keeper of a node, and starts it again; started itself by gunicorn's hooks in config/gunicorn.conf.py.

    gunicorn master ──Popen──> supervisor ──Popen──> keeper
         └─ lifeline: a pipe whose writing end only the master and its workers hold; its end of file ends the rest

The keeper ends with the supervisor (PR_SET_PDEATHSIG), the supervisor with the lifeline.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds before the keeper is started again
LONGEST_AFTER_KILL = 0.5  # where a signal ended it: somebody killed it, and its own start (0.4 s) is not at fault
STEADY = 10.0  # seconds after which a keeper counts as having run well
TERM_SECONDS = 8.0  # the keeper lets running leases end for 5 s
ROOT = Path(__file__).resolve().parents[2]


# -- in gunicorn's master ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    lifeline: int


# An imported module outlives HUP, which executes the configuration file anew; its globals would be lost.
_running: list[_Running] = []


def start() -> None:
    """Starts a supervisor. Only from the main thread: a worker forked meanwhile would inherit Popen's pipe."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, False)  # not past an exec; forked workers hold it all the same
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.keeper.supervisor", str(reading)],
            pass_fds=(reading,),
            start_new_session=True,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )
    finally:
        os.close(reading)
    _running.append(_Running(process, writing))


def stop() -> None:
    """Ends all supervisors that this process started, and their keepers with them."""
    old, _running[:] = list(_running), []
    for each in old:
        _end(each)


def replace() -> None:
    """At a reload: first a new supervisor with new code and settings, then the old one ends, if it is still there."""
    old, _running[:] = list(_running), []
    start()
    for each in old:
        _end(each)


def _end(old: _Running) -> None:
    os.close(old.lifeline)
    with contextlib.suppress(ProcessLookupError):
        old.process.terminate()
    # Not waited for: running leases may end by themselves, and gunicorn's arbiter reaps every child.


# -- the supervisor's own process -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Supervisor:
    """Keeps one program running until the lifeline ends or SIGTERM comes."""

    command: list[str]
    lifeline: int
    pause: float = FIRST_PAUSE
    ending: bool = False
    child: subprocess.Popen[bytes] | None = field(default=None)
    started: float = 0.0

    def run(self) -> None:
        """Returns when the child has ended and nothing is to be started again."""
        wake = _wake_on_signals(self)
        self._spawn()
        while not self.ending:
            readable, _, _ = select.select([self.lifeline, wake], [], [], self._until_restart())
            if self.lifeline in readable:
                self.ending = True
            if wake in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 1024)
            self._look_after()
        self._end_child()

    def _spawn(self) -> None:
        self.child = subprocess.Popen([*self.command, "--parent", str(os.getpid())], stdin=subprocess.DEVNULL, cwd=ROOT)
        self.started = time.monotonic()

    def _until_restart(self) -> float | None:
        return None if self.child is not None else self.pause

    def _look_after(self) -> None:
        if self.ending:
            return
        if self.child is None:
            self._spawn()
        elif self.child.poll() is not None:
            steady = time.monotonic() - self.started > STEADY
            longest = LONGEST_AFTER_KILL if self.child.returncode < 0 else LONGEST_PAUSE
            self.pause = FIRST_PAUSE if steady else min(longest, self.pause * 2)
            self.child = None

    def _end_child(self) -> None:
        if self.child is None:
            return
        self.child.terminate()
        try:
            self.child.wait(TERM_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def _wake_on_signals(supervisor: Supervisor) -> int:
    """A descriptor that becomes readable at every signal. SIGCHLD wakes, SIGTERM and SIGINT end."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: setattr(supervisor, "ending", True))
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH):
        signal.signal(number, signal.SIG_IGN)
    return reading


def main() -> None:
    lifeline = int(sys.argv[1])
    os.set_inheritable(lifeline, False)
    Supervisor([sys.executable, "-m", "app.keeper"], lifeline).run()


if __name__ == "__main__":
    main()
