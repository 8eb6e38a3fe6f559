"""Starts followers for tests that kill them: forked from a process that has loaded everything, so that one is there
within milliseconds. `python -m tests.blocklog.nursery URL NODE:PATH…` prints a pid for each line read.

They write after a few rows and at once, so that a blow at any moment finds them at work.
"""

from __future__ import annotations

import os
import signal
import sys

from app.blocklog import follow, reading, recipients, retain, tail  # noqa: F401 - loaded before the fork
from app.blocklog.source import source
from app.directory.engine import open_engine
from tests.blocklog.followed import follower


def main() -> None:
    follow.ROWS, follow.SECONDS, follow.IDLE, follow.ALIVE = 20, 0.02, 0.002, 0.05
    reading.QUIET = 0.2
    tail.CHUNK = 4096
    url, *sources = sys.argv[1:]
    open_engine(url).dispose()  # the driver is loaded, and nothing connected
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            _follow(url, sources)
        print(pid, flush=True)


def _follow(url: str, sources: list[str]) -> None:
    child = follower(open_engine(url), [source(each) for each in sources], once=False)
    signal.signal(signal.SIGTERM, lambda *_: child.ending.set())
    try:
        child.run()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
