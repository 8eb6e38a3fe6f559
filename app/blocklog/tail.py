"""Reads a log from where it was left, whatever became of its files meanwhile, and follows it.

A file is known by its first bytes (files.py), so that a renamed, packed or copied one is found again and its rest read.
It is left for the next one when that has begun and nothing was written for a second: who writes logs may be told late
of a rotation. Of a line whose end is not written yet nothing is read. A line without an end is skipped (LONGEST).
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

from app.blocklog.files import HEAD, LogFile, Unreadable, dated, generations, head, look, opened, read, skip
from app.blocklog.stamp import LONGEST

CHUNK = 262144
ENDLESS = 1048576  # bytes without a newline: the line is given up
QUIET = 1.0  # seconds after which nobody writes to a file that was rotated
FINISHED = 32  # files read to their ends that are remembered, lest one be read again: a month of days

Cut = Callable[[bytes, bool], tuple[list[bytes], list[int]]]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log is read: in the file that begins so, up to this byte. `finished` are digests of files read before
    it; `skipping`: in the midst of a line that is skipped."""

    inode: int | None = None
    head_hash: bytes = b""
    head_length: int = 0
    byte_pos: int = 0
    skipping: bool = False
    finished: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True)
class Chunk:
    """Some lines, how many bytes each takes in the file, and the positions before and after them."""

    lines: list[bytes]
    sizes: list[int]
    start: Position
    end: Position

    def position(self, lines: int) -> Position:
        """The position after so many lines."""
        if lines == len(self.lines):
            return self.end
        return replace(self.start, byte_pos=self.start.byte_pos + sum(self.sizes[:lines]))


def lines(data: bytes, at_end: bool) -> tuple[list[bytes], list[int]]:
    """The whole lines of some bytes, and how many bytes each takes."""
    found = data.split(b"\n")
    found.pop()
    return found, [len(each) + 1 for each in found]


class Tail:
    """One log being read. `last_at`, the time of the last line, tells where to go on if the file itself is gone."""

    def __init__(
        self,
        path: str,
        position: Position | None = None,
        last_at: datetime | None = None,
        *,
        cut: Cut = lines,
        quiet: float = QUIET,
        once: bool = False,
    ) -> None:
        self.path, self.quiet, self.once, self.cut = path, quiet, once, cut
        self.position = position or Position()
        self.known = position is not None
        self.last_at = last_at.timestamp() if last_at else None
        self.gaps = 0
        self.written = 0.0  # when the open file was last written to
        self.at_end = False
        self._file: LogFile | None = None
        self._stream: BinaryIO | None = None
        self._head = b""
        self._held = b""  # read, behind the position
        self._missed = 0.0  # since when the file cannot be found
        self._broken = False  # the open file is packed, and breaks off

    def close(self) -> None:
        """Close the open file."""
        if self._stream is not None:
            self._stream.close()
        self._file = self._stream = None
        self._held = b""

    def read(self) -> Chunk:
        """The next lines; none at the end of what is written so far. Raises OSError where a file cannot be read."""
        chunk = self._nothing()
        for _ in range(100):  # files behind one another without a line in them
            if self._stream is None and not self._open():
                break
            chunk = self._chunk()
            if chunk.lines or (self.at_end and not self._leave()):
                break
        return chunk

    def _chunk(self) -> Chunk:
        """What the open file has more."""
        assert self._stream is not None and self._file is not None
        try:
            data = b"" if self._broken else read(self._stream, CHUNK)
        except Unreadable:
            self._broken = True
            self.gaps += 1
            data = b""
        self.at_end = not data if self._file.packed else len(data) < CHUNK
        if not self._file.packed and not self._same(data):
            self.close()
            return self._nothing()
        if data and len(self._head) < HEAD:
            self._learn()
        return self._cut(data)

    def _nothing(self) -> Chunk:
        return Chunk([], [], self.position, self.position)

    def _cut(self, data: bytes) -> Chunk:
        self._held += data
        if self.position.skipping and self._held:
            self._skip()
        end = self._held.rfind(b"\n") + 1
        found, sizes = self.cut(self._held[:end], self.at_end) if end else ([], [])
        if not found and len(self._held) > ENDLESS:
            found, sizes = [self._held[: LONGEST + 1]], [len(self._held)]
        taken, before = sum(sizes), self.position
        self._held = self._held[taken:]
        self.position = replace(before, byte_pos=before.byte_pos + taken, skipping=before.skipping or taken > end)
        return Chunk(found, sizes, before, self.position)

    def _skip(self) -> None:
        """Over the rest of a line that was given up."""
        end = self._held.find(b"\n") + 1
        gone = end or len(self._held)
        self._held = self._held[gone:]
        self.position = replace(self.position, byte_pos=self.position.byte_pos + gone, skipping=not end)

    def _same(self, data: bytes) -> bool:
        """Whether the open file is still the one that was opened: not emptied, nor emptied and filled again."""
        assert self._stream is not None
        status = os.fstat(self._stream.fileno())
        self.written = status.st_mtime
        if status.st_size < self.position.byte_pos + len(self._held) + len(data):
            return False
        return os.pread(self._stream.fileno(), len(self._head), 0) == self._head

    def _learn(self) -> None:
        """The first bytes of the file, as far as they are written."""
        assert self._file is not None and self._stream is not None
        packed = self._file.packed
        self._head = head(self._file, HEAD) if packed else os.pread(self._stream.fileno(), HEAD, 0)
        digest = sha256(self._head).digest()
        self.position = replace(self.position, head_hash=digest, head_length=len(self._head))

    def _open(self) -> bool:
        """Opens the file that was being read, or the one to begin with."""
        files = [each for each in [look(self.path)] if each] if self.once else generations(self.path)
        if not files:
            self.at_end = True
            return False
        same = [each for each in files if self.known and self._is(each)]
        if same:
            return self._enter(same[-1], same=True)
        if not self.known or self.once:
            return self._enter(files[-1])
        self._missed = self._missed or time.monotonic()
        if time.monotonic() - self._missed < 2 * self.quiet:
            self.at_end = True  # files may just be renamed or packed
            return False
        self.gaps += bool(self.position.head_length)  # of an empty file nothing is missing
        newer = [each for each in files if each.changed >= (self.last_at or 0) and not self._was_read(each)]
        return self._enter(newer[0] if newer else files[-1])

    def _is(self, file: LogFile) -> bool:
        """Whether a file is the one that the position is in."""
        place = self.position
        if not place.head_length:
            return file.inode == place.inode and not file.packed
        if not file.packed and file.size < place.byte_pos:
            return False
        return sha256(head(file, place.head_length)).digest() == place.head_hash

    def _was_read(self, file: LogFile) -> bool:
        place = self.position
        known = [*place.finished, (place.head_length, place.head_hash.hex())]
        return any(size and sha256(head(file, size)).hexdigest() == digest for size, digest in known)

    def _enter(self, file: LogFile, *, same: bool = False) -> bool:
        """Opens a file, where it was left if it is the same."""
        self.close()
        stream, place = opened(file), self.position
        self._broken = same and place.byte_pos > 0 and not skip(stream, place.byte_pos)
        self._file, self._stream, self.known, self.written = file, stream, True, file.changed
        self._missed = 0.0
        if same:
            self._head = head(file, place.head_length)
            self.position = replace(place, inode=file.inode)
            return True
        self._head, done = b"", place.finished
        if place.head_length:
            done = (*done, (place.head_length, place.head_hash.hex()))[-FINISHED:]
        self.position = Position(file.inode, finished=done)
        return True

    def _leave(self) -> bool:
        """Goes on to the next file, where there is one and nobody writes to this one any more."""
        if self._stream is None or self._file is None:
            return True  # it was another: look again
        if self.once or (not self._file.packed and time.time() - self.written < self.quiet):
            return False
        if not dated(self.path):
            now = look(self.path)
            if now is None or (now.inode == self._file.inode and not self._file.packed):
                return False
        after = self._after(generations(self.path))
        if after is None:
            return False
        # What was written between our look at its end and the rotation is read first.
        return self._grown() or self._enter(after)

    def _grown(self) -> bool:
        """Whether the open file has more than was read."""
        assert self._file is not None and self._stream is not None
        if self._file.packed:
            return False
        return os.fstat(self._stream.fileno()).st_size > self.position.byte_pos + len(self._held)

    def _after(self, files: list[LogFile]) -> LogFile | None:
        """The file that follows the open one."""
        assert self._file is not None
        if files and files[-1].path == self._file.path and files[-1].inode == self._file.inode:
            return None
        places = [number for number, each in enumerate(files) if self._is(each)]
        later = files[places[-1] + 1 :] if places else [each for each in files if each.changed >= self.written]
        later = [each for each in later if each.path != self._file.path or each.inode != self._file.inode]
        return next((each for each in later if each.size and not self._was_read(each)), None)
