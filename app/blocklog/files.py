"""The files of one log: the one in use, and those that rotation made of it, packed or not, the oldest first.

Which file is which, its first bytes tell: names change with each rotation, inodes are used again, packing makes others.
"""

import bz2
import gzip
import lzma
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

HEAD = 1024  # bytes that tell a file from others
_PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_GENERATION = re.compile(r"[.-]\d[\d.:_T-]*(?:\.(?:gz|bz2|xz))?")  # .1, .2.gz, -20261127, .20261127-031500.gz
_NUMBERED = re.compile(r"\.(\d{1,4})(?:\.(?:gz|bz2|xz))?\Z")
_DATES = {"%D": r"\d{8}", "%M": r"\d{6}"}


class Unreadable(OSError):
    """A packed file that is cut short or broken."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of a log, as it was when it was looked at. `changed` in seconds since 1970."""

    path: str
    inode: int
    size: int
    changed: float

    @property
    def packed(self) -> bool:
        """Whether it is compressed."""
        return self.path.endswith(tuple(_PACKED))


def look(path: str) -> LogFile | None:
    """A file as it is now, or None."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return LogFile(path, status.st_ino, status.st_size, status.st_mtime)


def dated(path: str) -> bool:
    """Whether the files of a log bear the date in their own names (Exim's %D)."""
    return any(each in path for each in _DATES)


def generations(path: str) -> list[LogFile]:
    """All files of a log, the oldest first, the one in use last. What is just being packed appears once, unpacked."""
    names = _names(path)
    unpacked = {each for each in names if not each.endswith(tuple(_PACKED))}
    found = [look(each) for each in names if each in unpacked or os.path.splitext(each)[0] not in unpacked]
    files = sorted((each for each in found if each is not None), key=lambda each: (each.changed, *_older(each.path)))
    if dated(path):
        return sorted(files, key=lambda each: each.path)
    return [*(each for each in files if each.path != path), *(each for each in files if each.path == path)]


def _older(path: str) -> tuple[int, str]:
    """The order of files that were last written to at the same moment, as far as the clock of the file system tells,
    or that a copy took the times of: .2 is older than .1, the 26th than the 27th."""
    number = _NUMBERED.search(path)
    return (-int(number[1]), "") if number else (0, path)


def _names(path: str) -> set[str]:
    place = Path(path)
    name = re.escape(place.name)
    for sign, digits in _DATES.items():
        name = name.replace(re.escape(sign), digits)
    shape = re.compile(name + (r"(?:\.(?:gz|bz2|xz))?" if dated(path) else f"(?:{_GENERATION.pattern})?"))
    with suppress(OSError), os.scandir(place.parent) as entries:
        return {each.path for each in entries if shape.fullmatch(each.name) and each.is_file()}
    return set()


def opened(file: LogFile) -> BinaryIO:
    """A file to read from, uncompressed. Raises OSError."""
    opener: Any = _PACKED.get(os.path.splitext(file.path)[1])
    return cast(BinaryIO, opener(file.path, "rb") if opener else open(file.path, "rb", buffering=0))


def read(file: BinaryIO, size: int) -> bytes:
    """The next bytes, at the end none. Raises Unreadable where a packed file breaks off."""
    try:
        return (file.read1 if isinstance(file, BufferedIOBase) else file.read)(size) or b""
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
        raise Unreadable(str(error)) from None


def skip(file: BinaryIO, size: int) -> bool:
    """Go to a byte. False where a packed file breaks off before it."""
    with suppress(EOFError, lzma.LZMAError, gzip.BadGzipFile, ValueError):
        return file.seek(size) == size
    return False


def head(file: LogFile, size: int) -> bytes:
    """The first bytes of a file, uncompressed; none where it cannot be read."""
    found = b""
    with suppress(OSError), opened(file) as stream:
        while len(found) < size and (more := read(stream, size - len(found))):
            found += more
    return found
