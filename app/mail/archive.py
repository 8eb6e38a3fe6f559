"""Attached files as one ZIP, written while it is read: memory holds one piece of one file.

Stored, not compressed: what is attached is compressed already, or small. Sizes and sums follow each file.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final, cast

from app.mail.filename import harmless

_NUMBER_FROM: Final = 2
_OLDEST: Final = 1980  # ZIP knows no earlier year
_LATEST: Final = 2107
_ENDING: Final = re.compile(r"(\.[A-Za-z0-9]{1,12})?\Z")


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name as the sender gave it, and its content in pieces."""

    name: str
    content: Iterable[bytes]


class _Sink:
    """Collects what zipfile writes; without tell() and seek() it is written as a stream."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        data = b"".join(self.pieces)
        self.pieces.clear()
        return data


def zipped(files: Iterable[File], *, moment: datetime) -> Iterator[bytes]:
    """The files as a ZIP in pieces; names made harmless and unique. An error of a content ends it without directory."""
    sink, used = _Sink(), set[str]()
    stamp = (min(max(moment.year, _OLDEST), _LATEST), *moment.timetuple()[1:6])
    archive = zipfile.ZipFile(cast(IO[bytes], sink), "w", zipfile.ZIP_STORED)
    for file in files:
        info = zipfile.ZipInfo(unique(file.name, used), stamp)
        info.external_attr = 0o600 << 16
        with archive.open(info, "w") as entry:
            for piece in file.content:
                entry.write(piece)
                yield sink.take()
    archive.close()
    yield sink.take()


def unique(name: str, used: set[str]) -> str:
    """A harmless name that none of the used ones equals on a system that ignores case; it is added to them."""
    wanted = harmless(name) or "file"
    ending = _ENDING.search(wanted)
    split = ending.start() if ending else len(wanted)
    found, number = wanted, _NUMBER_FROM
    while found.casefold() in used:
        found = f"{wanted[:split]} ({number}){wanted[split:]}"
        number += 1
    used.add(found.casefold())
    return found
