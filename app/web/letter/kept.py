"""A file of a message being written that lies on the mail server, as the form names it: where, and what it is.

Each says where it lies, so that a message can hold files of several others. Nothing that a form says is believed: a
place is one of the account's own by the connection that is asked for it, and the rest is read word by word.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.mail.aside import SECTION
from app.mail.charset import without_surrogates
from app.mail.outgoing import File, Stored
from app.mail.part import Place
from app.mail.recipients import MAX_TYPED
from app.web.urls import escape_mailbox, unescape_mailbox

_PLACE = re.compile(r"([A-Za-z0-9_~-]{1,3000})\.([1-9]\d{0,9})\.([1-9]\d{0,9})")
_SECTION = re.compile(r"(?:[1-9]\d{0,3}(?:\.[1-9]\d{0,3}){0,200}|TEXT)?")
_WORD = re.compile(r"[A-Za-z0-9:_.+-]{1,60}")  # as strangers name encodings: the octets are passed on
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,240}")


@dataclass(frozen=True, slots=True)
class Kept:
    """`told` is how the form names it. `size`: octets as encoded. `content_id`: of a picture inside the text."""

    place: Place
    section: str
    name: str
    type: str
    size: int
    encoding: str = "base64"
    charset: str | None = None
    content_id: str | None = None

    @property
    def told(self) -> str:
        fields = [told_place(self.place), self.section, self.name, self.type, self.size]
        fields += [self.encoding, self.charset, self.content_id]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @property
    def decoded(self) -> int:
        """About how many octets it has, for people."""
        return self.size * 57 // 78 if self.encoding == "base64" else self.size  # lines of 76 letters and CRLF

    @property
    def aside(self) -> bool:
        """Whether it lies in a hidden message of its own, which no save has taken in."""
        return self.section == SECTION

    @property
    def file(self) -> File:
        """The same as what a Writing holds."""
        at = self.place
        stored = Stored(at.mailbox, at.uidvalidity, at.uid, self.section, self.size, self.encoding)
        return File(self.name, self.type, stored, self.content_id, self.charset)


def told_place(place: Place | None) -> str:
    """A place as the form names it, "" for none."""
    return f"{escape_mailbox(place.mailbox)}.{place.uidvalidity}.{place.uid}" if place else ""


def read_place(text: str) -> Place | None:
    """A place as the form names it; None for "". Raises ValueError."""
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError("no place of a message")
    return Place(unescape_mailbox(found[1]), int(found[2]), int(found[3]))


def read_kept(told: str) -> Kept:
    """A file as the form names it. Raises ValueError."""
    try:
        place, section, name, kind, size, encoding, charset, content_id = json.loads(told[:MAX_TYPED])
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError("no file") from error
    texts = all(isinstance(each, str) for each in (place, section, name, kind, encoding))
    optional = all(each is None or isinstance(each, str) for each in (charset, content_id))
    at = read_place(place) if texts else None
    sound = at is not None and _SECTION.fullmatch(section) and isinstance(size, int) and 0 <= size < 2**32
    if at is None or not sound or not optional or not _WORD.fullmatch(encoding):
        raise ValueError("no file")
    return Kept(at, section, name, kind, size, encoding, charset, content_id)


def kept_files(files: Iterable[File]) -> tuple[Kept, ...]:
    """Those of the files that lie on the mail server."""
    return tuple(
        Kept(
            Place(at.mailbox, at.uidvalidity, at.uid),
            at.section,
            without_surrogates(each.name),
            each.type,
            at.size,
            _word(at.encoding) or "binary",
            _word(each.charset),
            _matching(_CONTENT_ID, each.content_id),
        )
        for each in files
        if isinstance(at := each.content, Stored)
    )


def _word(text: str | None) -> str | None:
    """A parameter of a stranger's file, None where it is longer or odder than any real one."""
    return _matching(_WORD, text)


def _matching(pattern: re.Pattern[str], text: str | None) -> str | None:
    return text if text and pattern.fullmatch(text) else None
