"""Removes the figures of nodes that were killed.

A master that ends by itself takes its folder of figures with it; after `kill -9` it stays, and /dev/shm is memory.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from pathlib import Path

PREFIX = "postern-metrics-"  # then the master's process id


def remove_left(where: Path) -> None:
    """Before the first worker: every folder of this user's whose master and workers are gone."""
    for folder in where.glob(f"{PREFIX}*-*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    master = folder.name.removeprefix(PREFIX).split("-")[0]
    try:
        facts = folder.lstat()
        ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()
        if not ours or (master != str(os.getpid()) and Path("/proc", master).exists()):
            return False
        locks = list(folder.glob("*.lock"))
        # Without one no worker has begun. Locks also tell of masters whose process ids mean nothing here: containers'.
        return bool(locks) and not any(map(_is_held, locks))
    except OSError:
        return False


def _is_held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
