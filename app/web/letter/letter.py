"""The form of a message being written: what its fields hold, and the Writing that they mean.

Nothing of it is believed: addresses are read word by word, files are named by their place in the draft on the mail
server, and what cannot be sent is kept as it was typed, so that it is there when the draft is opened again.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from werkzeug.datastructures import FileStorage, MultiDict

from app.mail.formatted import formatted, pictures_in, text_of, too_much
from app.mail.outgoing import Address, File, Origin, Parsed, Upload, Writing, placed, recipients
from app.mail.part import Place
from app.mail.recipients import MAX_TYPED
from app.web.letter.kept import Kept, kept_files, read_kept, read_place, told_place

TEXT_BYTES = 1_400_000  # in UTF-8; as base64 it is still read back whole
LINE_LENGTH = MAX_TYPED
TYPED = ("to", "cc", "bcc")
_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,900}>")
_TURN = re.compile(r"[0-9a-f]{16}\.\d{1,9}")
_SPECIAL = re.compile(r'["\\]')


@dataclass(frozen=True, slots=True)
class Letter:
    """All fields of the form. `identity`: the id of whom it is from, "" for the usual one · `signed`: the id of whose
    signature was put into it · `html`: cleaned, with `text` made of it; None where the message is written as plain text
    · `when`: when to send it, as typed · `notify`: its writer wants to be told of its delivery · `crowd`: of an answer
    to all, how many it began with, and the mailing list among them."""

    message_id: str
    identity: str = ""
    origin: Origin | None = None
    draft: Place | None = None
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    html: str | None = None
    files: tuple[Kept, ...] = ()
    uploads: tuple[File, ...] = ()
    signed: str = ""
    when: str = ""
    notify: bool = False
    crowd: str = ""
    conflict: Place | None = None
    turn: str = ""

    def hidden(self) -> list[tuple[str, str]]:
        """The fields that nobody sees."""
        origin = f"{self.origin.kind} {told_place(self.origin.place)}" if self.origin else ""
        return [
            ("message_id", self.message_id),
            ("origin", origin),
            ("draft", told_place(self.draft)),
            ("in_reply_to", self.in_reply_to),
            ("references", " ".join(self.references)),
            ("signed", self.signed),
            ("crowd", self.crowd),
            ("conflict", told_place(self.conflict)),
            ("turn", self.turn),
        ]

    @property
    def overlong(self) -> str:
        """What of it is too long to be stored, for people; "" where nothing is. Nothing is ever cut."""
        if len(self.text.encode(errors="replace")) > TEXT_BYTES:
            return "The text is longer than a message can hold. Put it into a file, and attach that."
        if self.html is not None and (too_much(self.html) or len(self.html.encode(errors="replace")) > TEXT_BYTES):
            return "There is more formatting than a message can hold. Write less of it, or put the text into a file."
        return "A line above the text is too long." if max(map(len, self._lines())) > LINE_LENGTH else ""

    def _lines(self) -> tuple[str, ...]:
        return self.to, self.cc, self.bcc, self.subject

    def typed(self) -> dict[str, Parsed]:
        """Each line of recipients, read."""
        return {name: recipients(getattr(self, name)) for name in TYPED}

    def writing(self, sender: Address, now: datetime, reply_to: Iterable[Address] = ()) -> Writing:
        """What is sent or stored. Recipients that are none are left out; a draft keeps the line as it was typed. A
        picture is inside where the HTML shows it, and else attached; what the HTML shows and is not there, is left out.
        """
        found, html = self.typed(), self.html
        files = (*(each.file for each in self.files), *self.uploads)
        shown = pictures_in(html or "")
        if html is not None and shown - {each.content_id for each in files}:
            html = formatted(html, {each.content_id for each in files if each.content_id})
        files = tuple(each if each.content_id in shown else replace(each, content_id=None) for each in files)
        return Writing(
            sender=sender,
            to=found["to"].addresses,
            cc=found["cc"].addresses,
            bcc=found["bcc"].addresses,
            reply_to=tuple(reply_to),
            subject=self.subject,
            text=self.text,
            html=html,
            files=files,
            in_reply_to=self.in_reply_to or None,
            references=self.references,
            message_id=self.message_id,
            date=now,
            origin=self.origin,
            state={f"typed-{name}": getattr(self, name) for name in TYPED if found[name].faults} | self._wishes(),
        )

    def _wishes(self) -> dict[str, str]:
        """How it is to be sent, and which save of which form this is, as its draft keeps it."""
        told = {"when": self.when, "notify": "1" if self.notify else "", "crowd": self.crowd, "turn": self.turn}
        return {name: value for name, value in told.items() if value}

    def stored(self, place: Place, writing: Writing) -> "Letter":
        """The same letter after `writing` was saved at `place`: its files lie there now."""
        lying = placed(writing, place.mailbox, place.uidvalidity, place.uid)
        return replace(self, draft=place, files=kept_files(lying.files), uploads=())


def read_letter(form: MultiDict[str, str], uploads: Sequence[FileStorage]) -> Letter:
    """The letter that a form holds. Raises ValueError where a field that nobody types makes no sense."""
    lines: dict[str, Any] = {name: _line(form.get(name, "")) for name in (*TYPED, "subject")}
    reply_to, origin = form.get("in_reply_to", ""), form.get("origin", "").partition(" ")
    if not _ID.fullmatch(form.get("message_id", "")) or (reply_to and not _ID.fullmatch(reply_to)):
        raise ValueError("no Message-ID")
    answered = read_place(origin[2])
    text, html = _texts(form)
    return Letter(
        message_id=form["message_id"],
        identity=form.get("from", "")[:64],
        signed=form.get("signed", "")[:64],
        origin=Origin("forward" if origin[0] == "forward" else "reply", answered) if answered else None,
        draft=read_place(form.get("draft", "")),
        in_reply_to=reply_to,
        references=tuple(_ID.findall(form.get("references", "")[:LINE_LENGTH])),
        text=text,
        html=html,
        files=_once(read_kept(each) for each in form.getlist("file")),
        uploads=tuple(_uploaded(each) for each in uploads if each.filename),
        when=_line(form.get("when", ""))[:40],
        notify=form.get("notify") == "1",
        crowd=_line(form.get("crowd", ""))[:300],
        conflict=read_place(form.get("conflict", "")),
        turn=form.get("turn", "") if _TURN.fullmatch(form.get("turn", "")) else "",
        **lines,
    )


def _texts(form: MultiDict[str, str]) -> tuple[str, str | None]:
    """The text and, where a script sent it, the HTML that the text is made of. What is too much stays as it came.

    Without a script the HTML comes back as it was shown: it holds for as long as the text of it was left alone.
    """
    html, text, shown = form.get("html"), _lf(form.get("text", "")), form.get("formatted")
    if html is None and shown is not None and not too_much(shown):
        clean = formatted(_lf(shown))
        return text, clean if text_of(clean) == text else None
    if html is None or too_much(html):
        return text, html
    html = formatted(_lf(html))
    return text_of(html), html


def _once(files: Iterable[Kept]) -> tuple[Kept, ...]:
    """Each once: a form of a thousand lines could else make a message of a thousand times the same 20 MB."""
    return tuple({(each.place, each.section): each for each in files}.values())


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def letter_of(writing: Writing, draft: Place | None) -> Letter:
    """The letter that a Writing is shown as: a stored draft, or the beginning of an answer."""
    lines: dict[str, Any] = {
        name: writing.state.get(f"typed-{name}") or written(getattr(writing, name)) for name in TYPED
    }
    html = formatted(writing.html) if writing.html and not too_much(writing.html) else None
    return Letter(
        message_id=writing.message_id,
        origin=_nameable(writing.origin),
        draft=draft,
        in_reply_to=writing.in_reply_to or "",
        references=writing.references,
        subject=writing.subject,
        text=writing.text if html is None else text_of(html),
        html=html,
        files=kept_files(writing.files),
        when=writing.state.get("when", "")[:40],
        notify=writing.state.get("notify") == "1",
        crowd=writing.state.get("crowd", "")[:300],
        **lines,
    )


def _nameable(origin: Origin | None) -> Origin | None:
    """None for one in a mailbox that no form can name, as a stranger's draft may say: nothing could be saved then."""
    try:
        return origin if origin and read_place(told_place(origin.place)) else None
    except ValueError:
        return None


def written(everyone: Iterable[Address]) -> str:
    """Addresses as a person would type them (RFC 5322 §3.4)."""
    return ", ".join(f'"{_SPECIAL.sub("", who.name)}" <{who.address}>' if who.name else who.address for who in everyone)


def _line(text: str) -> str:
    """One line of text, as browsers send it; a pasted list keeps its line ends as commas would."""
    return _lf(text).replace("\n", ", ")


def _uploaded(sent: FileStorage) -> File:
    """A file of the form: Werkzeug holds it in an unlinked temporary file for the length of the request."""
    length = sent.stream.seek(0, 2)
    sent.stream.seek(0)
    name = (sent.filename or "").replace("\\", "/").rpartition("/")[2]
    return File(name, sent.mimetype or "application/octet-stream", Upload(sent.stream, length))  # type: ignore[arg-type]
