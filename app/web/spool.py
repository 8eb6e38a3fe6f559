"""Files of a form without a script, on their way through the node: unlinked temporary files under POSTERN_SPOOL.

Where the disk takes no more, or the files are too large together, a file is dropped and the form is read to its end all
the same: what was typed is in it.
"""

from contextlib import suppress
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from flask import Request, request

from app.web.resources import resources
from app.web.serving.log import described, logger

IN_MEMORY = 500 * 1024  # octets of a file that need no disk
WORDS = 4 * 1024 * 1024  # octets of what is no file: a text that is too long, twice, and lists of recipients


class NoRoom(Exception):
    """The node's disk is full."""


class Spooled(SpooledTemporaryFile[bytes]):
    """One file of a form. `dropped` is "", or why nothing is in it any more and more is swallowed: "room" on the disk,
    or the "size" of all files of the form together."""

    dropped = ""

    def __init__(self, form: "FormRequest", folder: str) -> None:
        super().__init__(max_size=IN_MEMORY, mode="w+b", dir=folder)
        self._form = form

    def write(self, data: Any) -> int:
        self._form.files_left -= len(data)
        if self._form.files_left < 0 and not self.dropped:
            self._forget("size")
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
        self._forget("room")

    def _forget(self, why: str) -> None:
        held, self._file, self.dropped = self._file, BytesIO(), why
        with suppress(OSError):
            held.close()


class FormRequest(Request):
    """Flask's request, whose files are Spooled. `files_left`: how many octets of files it still takes."""

    files_left = 1 << 62

    def _get_file_stream(self, *_length: Any, **_told: Any) -> IO[bytes]:
        folder = resources().settings.spool
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Spooled(self, str(folder))


def read_on(octets: int, *, keep: bool) -> None:
    """Takes so many octets of files from the present form; of up to four times as much only the words are kept.
    `keep`: off for a stranger's form, whose files never meet the disk, and of which not more is read.

    A form that can hold no files would lie in memory: of it as much is read as words have, each octet written as three.
    """
    assert isinstance(request, FormRequest)
    with_files = request.mimetype == "multipart/form-data"
    request.max_content_length = octets * (4 if keep else 1) if with_files else 3 * WORDS
    request.files_left, request.max_form_memory_size = octets if keep else 0, WORDS


def dropped(field: str) -> str:
    """Why files of this field of the present form were dropped: "room" or "size"; "" where none was."""
    streams = (each.stream for each in request.files.getlist(field))
    return next((each.dropped for each in streams if isinstance(each, Spooled) and each.dropped), "")
