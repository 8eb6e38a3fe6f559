"""Lets the workers of a node add up their figures: each writes a file of its own, a scrape of any reads all.

prometheus_client names the files by process id, so that each worker that ever lived leaves one for every scrape to
read. Here a worker takes a free number and holds a lock on it: its successor goes on counting in the same file.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, multiprocess, values

MOST_WORKERS = 1024
# A hole in a mapped file for which the disk has no room, /dev/shm mostly, is SIGBUS to who writes there: each request
# ended its worker (tried). So the room is taken first: three answers of each page are 1 MB.
ROOM = {"histogram": 1 << 20, "counter": 1 << 17}

alone: list[str] = []  # why a worker of several counts for itself; told when there is a log
_held: list[int] = []  # the descriptor of the lock lives as long as the process


def folder() -> Path | None:
    """PROMETHEUS_MULTIPROC_DIR as prometheus_client read it; None where the process counts for itself alone."""
    if values.ValueClass.__name__ != "MmapedValue":
        return None
    return Path(multiprocess.MultiProcessCollector(CollectorRegistry())._path)


def take_number(where: Path) -> int:
    """The lowest number that no living process holds. RuntimeError when all are taken."""
    for number in range(MOST_WORKERS):
        descriptor = os.open(where / f"{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        _held.append(descriptor)
        return number
    raise RuntimeError(f"more than {MOST_WORKERS} workers share {where}")


def take_room(where: Path, number: int) -> None:
    """All that the files of a number will need. OSError where there is less."""
    for kind, size in ROOM.items():
        descriptor = os.open(where / f"{kind}_{number}.db", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)


def share() -> None:
    """Before the first counter is made: counters go to the file of this process's number."""
    where = folder()
    if where is None or _held:
        return
    try:
        number = take_number(where)
        take_room(where, number)
    except OSError as error:
        values.ValueClass = values.MutexValue
        alone.append(f"no room for figures in {where}: this worker tells its own only ({error.strerror})")
        return
    identify: Callable[[], int] = lambda: number  # noqa: E731  (prometheus_client calls it)
    values.ValueClass = values.MultiProcessValue(identify)
