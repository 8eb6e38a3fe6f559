"""What a process asks of Linux for itself: not to be read by others, to end with its parent, many descriptors,
and an orderly end of its tasks.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
from collections.abc import Iterable
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


def hide_memory() -> None:
    """No core dump and no ptrace by the same user: passwords pass through this memory."""
    _prctl(_PR_SET_DUMPABLE, 0)


def end_with_parent(parent: int) -> None:
    """SIGTERM as soon as the parent, whose process id is `parent`, is gone; also if it is gone already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def raise_descriptors() -> int:
    """As many open files as allowed; returns how many. A lent TLS connection takes five."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


async def cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Ends tasks and waits for them. Again and again: redis-py can turn a cancellation that meets one of its timeouts
    into TimeoutError (seen after SIGSTOP and SIGCONT), and the task goes on.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.5)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
