"""Starts keeper and courier of a node, and starts them again; started itself by the hooks in config/gunicorn.conf.py.

    gunicorn master ──Popen──> supervisor ──Popen──> keeper, courier
         └─ lifeline: a pipe whose writing end only the master and its workers hold; its end of file ends the rest

Both end with the supervisor (PR_SET_PDEATHSIG), the supervisor with the lifeline.
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

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds before a program is started again
LONGEST_AFTER_KILL = 0.5  # where a signal ended it: somebody killed it, and its own start (0.4 s) is not at fault
STARTED = 1.0  # seconds after which one that was killed is started again at once
STEADY = 10.0  # seconds after which a keeper counts as having run well
TERM_SECONDS = 35.0  # the keeper lets running leases end for 30 s
COURIER_TERM_SECONDS = 60.0  # it hears the answers to final dots that are sent already
COURIER_DELAY = 2.0  # seconds: the first pages of a node come before its first mail
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
    """Ends all supervisors that this process started, and keeper and courier with them."""
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
class Child:
    """A program that is kept running. Seconds: `delay` before its first start, `patience` for its end after SIGTERM."""

    command: list[str]
    patience: float = TERM_SECONDS
    delay: float = 0.0
    pause: float = FIRST_PAUSE
    process: subprocess.Popen[bytes] | None = field(default=None)
    started: float = 0.0
    due: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.due = time.monotonic() + self.delay

    def until_start(self) -> float | None:
        """Seconds; None where it runs."""
        return None if self.process is not None else max(0.0, self.due - time.monotonic())

    def look_after(self) -> None:
        """Starts it where it is due; notes its end."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                command = [*self.command, "--parent", str(os.getpid())]
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=ROOT)
                self.started = now
        elif self.process.poll() is not None:
            killed, ran = self.process.returncode < 0, now - self.started
            longest = LONGEST_AFTER_KILL if killed else LONGEST_PAUSE
            self.pause = FIRST_PAUSE if ran > STEADY else min(longest, self.pause * 2)
            self.process, self.due = None, now + (0.0 if killed and ran > STARTED else self.pause)

    def end(self) -> None:
        """Waits for a process that was asked to end; not longer than its patience."""
        if self.process is None:
            return
        try:
            self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class Supervisor:
    """Keeps programs running until the lifeline ends or SIGTERM comes."""

    children: list[Child]
    lifeline: int
    ending: bool = False

    def run(self) -> None:
        """Returns when the children have ended and nothing is to be started again."""
        wake = _wake_on_signals(self)
        while not self.ending:
            for child in self.children:
                child.look_after()
            waits = [seconds for child in self.children if (seconds := child.until_start()) is not None]
            readable, _, _ = select.select([self.lifeline, wake], [], [], min(waits, default=None))
            if self.lifeline in readable:
                self.ending = True
            if wake in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 1024)
        self._end_children()

    def _end_children(self) -> None:
        for child in self.children:
            if child.process is not None:
                child.process.terminate()
        for child in self.children:
            child.end()


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
    keeper = Child([sys.executable, "-m", "app.keeper"])
    courier = Child([sys.executable, "-m", "app.courier"], patience=COURIER_TERM_SECONDS, delay=COURIER_DELAY)
    Supervisor([keeper, courier], lifeline).run()


if __name__ == "__main__":
    main()
