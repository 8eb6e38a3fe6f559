"""A log that is written and rotated in every way that programs do it."""

from __future__ import annotations

import bz2
import gzip
import os
import shutil
from pathlib import Path


class Writer:
    """Writes numbered lines into a log; `open` is the file that the writing program holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open = path.open("ab", buffering=0)
        self.lines: list[str] = []

    def write(self, count: int = 1, *, width: int = 40) -> None:
        for _ in range(count):
            self.lines.append(f"{len(self.lines)} ".ljust(width, "x"))
            self.open.write(self.lines[-1].encode() + b"\n")

    def shift(self, dateext: str = "") -> Path:
        """Rename the files as logrotate does, without a word to the program that writes."""
        if dateext:
            target = Path(f"{self.path}{dateext}")
            self.path.rename(target)
            return target
        self._renumber()
        self.path.rename(f"{self.path}.1")
        return Path(f"{self.path}.1")

    def _renumber(self) -> None:
        old = [each.name.split(".") for each in self.path.parent.glob(f"{self.path.name}.[0-9]*")]
        for *name, number, packed in sorted(
            (each if len(each) == 4 else [*each, ""] for each in old), key=lambda each: -int(each[2])
        ):
            end = f".{packed}" if packed else ""
            folder, stem = self.path.parent, ".".join(name)
            (folder / f"{stem}.{number}{end}").rename(folder / f"{stem}.{int(number) + 1}{end}")

    def reopen(self) -> None:
        self.open.close()
        self.open = self.path.open("ab", buffering=0)

    def rotate(self, dateext: str = "") -> Path:
        old = self.shift(dateext)
        self.reopen()
        return old

    def copytruncate(self) -> None:
        self._renumber()
        shutil.copy(self.path, f"{self.path}.1")
        os.truncate(self.path, 0)

    def pack(self, file: Path, *, keep: bool = False) -> Path:
        """Compress a file as gzip does: its time goes over to the packed one."""
        status = file.stat()
        opener = bz2.open if file.name.endswith("5") else gzip.open
        packed = Path(f"{file}.{'bz2' if opener is bz2.open else 'gz'}")
        with opener(packed, "wb") as stream:
            stream.write(file.read_bytes())
        os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
        if not keep:
            file.unlink()
        return packed
