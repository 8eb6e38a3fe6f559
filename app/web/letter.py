"""The form of a message being written: what its fields hold, and the Writing that they mean.

Nothing of it is believed: addresses are read word by word, files are named by their place in the draft on the mail
server, and what cannot be sent is kept as it was typed, so that it is there when the draft is opened again.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from werkzeug.datastructures import FileStorage, MultiDict

from app.mail.outgoing import Address, File, Origin, Parsed, Stored, Upload, Writing, placed, recipients
from app.mail.part import Place
from app.mail.recipients import MAX_TYPED
from app.web.urls import escape_mailbox, unescape_mailbox

TEXT_BYTES = 1_400_000  # in UTF-8; as base64 it is still read back whole
LINE_LENGTH = MAX_TYPED
TYPED = ("to", "cc", "bcc")
_PLACE = re.compile(r"([A-Za-z0-9_~-]{1,3000})\.([1-9]\d{0,9})\.([1-9]\d{0,9})")
_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,900}>")
_SECTION = re.compile(r"(?:[1-9]\d{0,3}(?:\.[1-9]\d{0,3}){0,200})?")
_WORD = re.compile(r"[A-Za-z0-9:_.+-]{1,60}")  # as strangers name encodings: the octets are passed on
_SPECIAL = re.compile(r'["\\]')


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the letter that lies on the mail server; `told` is how the form names it. `size`: octets as encoded."""

    section: str
    name: str
    type: str
    size: int
    encoding: str = "base64"
    charset: str | None = None

    @property
    def told(self) -> str:
        fields = [self.section, self.name, self.type, self.size, self.encoding, self.charset]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @property
    def decoded(self) -> int:
        """About how many octets it has, for people."""
        return self.size * 57 // 78 if self.encoding == "base64" else self.size  # lines of 76 letters and CRLF


@dataclass(frozen=True, slots=True)
class Letter:
    """All fields of the form. `identity`: the id of whom it is from, "" for the usual one · `source` holds the files:
    the stored draft, else the message that is forwarded."""

    message_id: str
    identity: str = ""
    origin: Origin | None = None
    draft: Place | None = None
    source: Place | None = None
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    files: tuple[Kept, ...] = ()
    uploads: tuple[File, ...] = ()

    def hidden(self) -> list[tuple[str, str]]:
        """The fields that nobody sees."""
        origin = f"{self.origin.kind} {_told(self.origin.place)}" if self.origin else ""
        return [
            ("message_id", self.message_id),
            ("origin", origin),
            ("draft", _told(self.draft)),
            ("source", _told(self.source)),
            ("in_reply_to", self.in_reply_to),
            ("references", " ".join(self.references)),
        ]

    @property
    def overlong(self) -> str:
        """What of it is too long to be stored, for people; "" where nothing is. Nothing is ever cut."""
        if len(self.text.encode(errors="replace")) > TEXT_BYTES:
            return "The text is longer than a message can hold. Put it into a file, and attach that."
        return "A line above the text is too long." if max(map(len, self._lines())) > LINE_LENGTH else ""

    def _lines(self) -> tuple[str, ...]:
        return self.to, self.cc, self.bcc, self.subject

    def typed(self) -> dict[str, Parsed]:
        """Each line of recipients, read."""
        return {name: recipients(getattr(self, name)) for name in TYPED}

    def writing(self, sender: Address, now: datetime, reply_to: Iterable[Address] = ()) -> Writing:
        """What is sent or stored. Recipients that are none are left out; a draft keeps the line as it was typed."""
        found = self.typed()
        return Writing(
            sender=sender,
            to=found["to"].addresses,
            cc=found["cc"].addresses,
            bcc=found["bcc"].addresses,
            reply_to=tuple(reply_to),
            subject=self.subject,
            text=self.text,
            files=(*(self._file(each) for each in self.files if self.source), *self.uploads),
            in_reply_to=self.in_reply_to or None,
            references=self.references,
            message_id=self.message_id,
            date=now,
            origin=self.origin,
            state={f"typed-{name}": getattr(self, name) for name in TYPED if found[name].faults},
        )

    def _file(self, each: Kept) -> File:
        assert self.source is not None
        at = self.source
        stored = Stored(at.mailbox, at.uidvalidity, at.uid, each.section, each.size, each.encoding)
        return File(each.name, each.type, stored, charset=each.charset)

    def stored(self, place: Place, writing: Writing) -> "Letter":
        """The same letter after `writing` was saved at `place`: its files lie there now."""
        lying = placed(writing, place.mailbox, place.uidvalidity, place.uid)
        return replace(self, draft=place, source=place, files=_kept_files(lying), uploads=())


def read_letter(form: MultiDict[str, str], uploads: Sequence[FileStorage]) -> Letter:
    """The letter that a form holds. Raises ValueError where a field that nobody types makes no sense."""
    lines: dict[str, Any] = {name: _line(form.get(name, "")) for name in (*TYPED, "subject")}
    reply_to, origin = form.get("in_reply_to", ""), form.get("origin", "").partition(" ")
    if not _ID.fullmatch(form.get("message_id", "")) or (reply_to and not _ID.fullmatch(reply_to)):
        raise ValueError("no Message-ID")
    answered = _place(origin[2])
    return Letter(
        message_id=form["message_id"],
        identity=form.get("from", "")[:64],
        origin=Origin("forward" if origin[0] == "forward" else "reply", answered) if answered else None,
        draft=_place(form.get("draft", "")),
        source=_place(form.get("source", "")),
        in_reply_to=reply_to,
        references=tuple(_ID.findall(form.get("references", "")[:LINE_LENGTH])),
        text=form.get("text", "").replace("\r\n", "\n").replace("\r", "\n"),
        files=tuple(_kept(each) for each in form.getlist("file")),
        uploads=tuple(_uploaded(each) for each in uploads if each.filename),
        **lines,
    )


def letter_of(writing: Writing, draft: Place | None) -> Letter:
    """The letter that a Writing is shown as: a stored draft, or the beginning of an answer."""
    lines: dict[str, Any] = {
        name: writing.state.get(f"typed-{name}") or written(getattr(writing, name)) for name in TYPED
    }
    places = {
        Place(each.content.mailbox, each.content.uidvalidity, each.content.uid)
        for each in writing.files
        if isinstance(each.content, Stored)
    }
    return Letter(
        message_id=writing.message_id,
        origin=writing.origin,
        draft=draft,
        source=next(iter(places), draft),
        in_reply_to=writing.in_reply_to or "",
        references=writing.references,
        subject=writing.subject,
        text=writing.text,
        files=_kept_files(writing),
        **lines,
    )


def written(everyone: Iterable[Address]) -> str:
    """Addresses as a person would type them (RFC 5322 §3.4)."""
    return ", ".join(f'"{_SPECIAL.sub("", who.name)}" <{who.address}>' if who.name else who.address for who in everyone)


def _told(place: Place | None) -> str:
    return f"{escape_mailbox(place.mailbox)}.{place.uidvalidity}.{place.uid}" if place else ""


def _place(text: str) -> Place | None:
    """A place as the form names it; None for "". Raises ValueError."""
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError("no place of a message")
    return Place(unescape_mailbox(found[1]), int(found[2]), int(found[3]))


def _line(text: str) -> str:
    """One line of text, as browsers send it; a pasted list keeps its line ends as commas would."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", ", ")


def _kept(told: str) -> Kept:
    """A file as the form names it. Raises ValueError."""
    try:
        section, name, kind, size, encoding, charset = json.loads(told[:LINE_LENGTH])
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError("no file") from error
    texts = isinstance(section, str) and isinstance(name, str) and isinstance(kind, str)
    sound = texts and _SECTION.fullmatch(section) and isinstance(size, int) and 0 <= size < 2**32
    if not sound or not _WORD.fullmatch(str(encoding)) or not (charset is None or isinstance(charset, str)):
        raise ValueError("no file")
    return Kept(section, name, kind, size, encoding, charset)


def _kept_files(writing: Writing) -> tuple[Kept, ...]:
    """The files of a Writing that lie on the mail server."""
    return tuple(
        Kept(at.section, each.name, each.type, at.size, _word(at.encoding) or "binary", _word(each.charset))
        for each in writing.files
        if isinstance(at := each.content, Stored)
    )


def _word(text: str | None) -> str | None:
    """A parameter of a stranger's file, None where it is longer or odder than any real one."""
    return text if text and _WORD.fullmatch(text) else None


def _uploaded(sent: FileStorage) -> File:
    """A file of the form: Werkzeug holds it in an unlinked temporary file for the length of the request."""
    length = sent.stream.seek(0, 2)
    sent.stream.seek(0)
    name = (sent.filename or "").replace("\\", "/").rpartition("/")[2]
    return File(name, sent.mimetype or "application/octet-stream", Upload(sent.stream, length))  # type: ignore[arg-type]
