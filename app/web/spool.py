"""Files of a form without a script, on their way through the node: unlinked temporary files under POSTERN_SPOOL.

Where the disk takes no more, a file is dropped and the form is read to its end all the same: what was typed is in it.
"""

from contextlib import suppress
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from flask import Request, request

from app.web.log import described, logger
from app.web.resources import resources

IN_MEMORY = 500 * 1024  # octets of a file that need no disk


class NoRoom(Exception):
    """The node's disk is full."""


class Spooled(SpooledTemporaryFile[bytes]):
    """One file. `dropped` once a write failed: nothing is in it any more, and more is swallowed."""

    dropped = False

    def write(self, data: Any) -> int:
        if not self.dropped:
            try:
                return super().write(data)
            except OSError as error:
                self._drop(error)
        return len(data)

    def seek(self, *where: int) -> int:
        try:
            return super().seek(*where)
        except OSError as error:  # what was buffered goes to the disk only now
            self._drop(error)
            return 0

    def _drop(self, error: OSError) -> None:
        logger.error("no room for a file of a form", extra=described(error))
        held, self._file, self.dropped = self._file, BytesIO(), True
        with suppress(OSError):
            held.close()


class FormRequest(Request):
    """Flask's request, whose files are Spooled."""

    def _get_file_stream(self, *_length: Any, **_told: Any) -> IO[bytes]:
        folder = resources().settings.spool
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Spooled(max_size=IN_MEMORY, mode="w+b", dir=str(folder))


def full(field: str) -> bool:
    """Whether a file of this field of the present form was dropped."""
    return any(getattr(each.stream, "dropped", False) for each in request.files.getlist(field))
