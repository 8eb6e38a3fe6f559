"""What of a message on the server can be written on: its text, its HTML, and its files, which stay where they lie.

For drafts, answers, forwards and editing as new. One FETCH brings both texts; files are named, never fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.mail import bodystructure
from app.mail.bodystructure import Part
from app.mail.charset import decode_text
from app.mail.connection import Connection, uid_set
from app.mail.errors import MessageGone
from app.mail.filename import harmless
from app.mail.flowed import joined
from app.mail.header import decode as decode_header
from app.mail.header import fields
from app.mail.part import Place, Wanted, bodies, fetch, item
from app.mail.plain import html_text
from app.mail.syntax import fetches, number, numbers
from app.mail.syntax import section as item_of
from app.mail.transfer import decode
from app.mail.writing import File, Stored

MAX_TEXT: Final = 2 * 1024 * 1024  # octets of each text, as encoded


@dataclass(frozen=True, slots=True)
class Content:
    """`text`: plain, one line a paragraph where it was flowed; made of the HTML where there is no other. `html` as it
    came: a stranger's, to be cleaned before it is shown. `cut`: a text is longer than was fetched."""

    text: str = ""
    html: str | None = None
    files: tuple[File, ...] = ()
    cut: bool = False


@dataclass(slots=True)
class _Found:
    plain: Part | None = None
    html: Part | None = None
    inside: list[Part] = field(default_factory=list)
    files: list[Part] = field(default_factory=list)

    def take(self, part: Part, *, alternative: bool = False) -> None:
        if part.type == "multipart/encrypted":
            self.files += _leaves(part)
        elif part.type == "multipart/related":
            self._related(part, alternative=alternative)
        elif part.type == "multipart/signed":  # the signature does not hold for what is written anew
            for child in part.parts[:1]:
                self.take(child, alternative=alternative)
        elif part.type.startswith("multipart/"):
            for child in part.parts:
                self.take(child, alternative=alternative or part.type == "multipart/alternative")
        else:
            self._leaf(part, alternative=alternative)

    def _leaf(self, part: Part, *, alternative: bool) -> None:
        text = part.disposition != "attachment" and (part.filename is None or alternative)
        if text and part.type == "text/plain" and self.plain is None and (self.html is None or alternative):
            self.plain = part
        elif text and part.type == "text/html" and self.html is None and (self.plain is None or alternative):
            self.html = part
        elif not alternative or part.type not in ("text/plain", "text/enriched", "text/richtext"):
            self.files.append(part)

    def _related(self, part: Part, *, alternative: bool) -> None:
        root = next((child for child in part.parts if child.type.startswith(("text/", "multipart/"))), None)
        for child in part.parts:
            if child is root:
                self.take(child, alternative=alternative)
            elif child.content_id and not child.type.startswith("multipart/"):
                self.inside.append(child)
            else:
                self.files += _leaves(child)


def _leaves(part: Part) -> list[Part]:
    return [leaf for leaf in part.walk() if not leaf.type.startswith("multipart/")]


def read_content(
    client: Connection, place: Place, structure: Part, *, limit: int = MAX_TEXT, texts: bool = True
) -> Content:
    """The texts and files of a message in the selected mailbox, by its structure. At most one command.

    `limit`: octets of each text. Without `texts` the files alone, and no command. Raises MessageGone.
    """
    found = _Found()
    found.take(structure)
    files = files_at(place, [*found.inside, *found.files])
    if not texts:
        return Content(files=files)
    wanted = [part for part in (found.plain, found.html) if part is not None and part.size]
    raw: Mapping[str, bytes] = {}
    if wanted:
        raw = bodies(fetch(client, place.uid, b" ".join(item(Wanted(part.section, limit)) for part in wanted)))
    html = None if found.html is None else _decoded(found.html, raw)
    text = html_text(html or "") if found.plain is None else _plain(found.plain, raw)
    return Content(text, html, files, any(part.size > limit for part in wanted))


def _decoded(part: Part, raw: Mapping[str, bytes]) -> str:
    """A text with LF lines, without the line break that ends it."""
    data = decode(raw.get(part.section, b""), part.encoding)
    text = decode_text(data, part.charset, html=part.type == "text/html")
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


def _plain(part: Part, raw: Mapping[str, bytes]) -> str:
    text = _decoded(part, raw)
    if part.params.get("format", "").lower() != "flowed":
        return text
    return joined(text.split("\n"), delsp=part.params.get("delsp", "").lower() == "yes")


def files_at(place: Place, parts: Iterable[Part]) -> tuple[File, ...]:
    """Parts as files that lie where they are."""
    return tuple(
        File(
            part.name,
            part.type,
            Stored(place.mailbox, place.uidvalidity, place.uid, part.section, part.size, part.encoding),
            part.content_id,
            _charset(part),
        )
        for part in parts
    )


def _charset(part: Part) -> str | None:
    """The charset of a text, unless it is what servers say of one without (RFC 2045 §5.2)."""
    declared = part.charset if part.type.startswith("text/") else None
    return None if declared and declared.lower() == "us-ascii" else declared


def passed_on(
    client: Connection, mailbox: str, uidvalidity: int, wanted: Mapping[int, Sequence[str]]
) -> tuple[File, ...]:
    """Files of several messages, by UID: the parts of these sections, or the whole message where none is named. One
    command. Raises Renumbered, MailboxGone, and MessageGone where nothing of it is there."""
    client.select(mailbox, uidvalidity=uidvalidity)
    items = b"(UID RFC822.SIZE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.4096>)"
    found: dict[int, tuple[File, ...]] = {}
    for _, each in fetches(client.ask(b"UID FETCH", uid_set(wanted), items).untagged):
        uid = number(each.get(b"UID"))
        structure = bodystructure.read(each.get(b"BODYSTRUCTURE"))
        place = Place(mailbox, uidvalidity, uid)
        if uid in wanted and wanted[uid]:
            parts = (structure.find(section) for section in wanted[uid])
            found[uid] = files_at(place, [part for part in parts if part is not None])
        elif uid in wanted:
            subject = next((decode_header(value) for _, value in fields(item_of(each, b"BODY[HEADER.FIELDS"))), "")
            size = number(each.get(b"RFC822.SIZE"))
            found[uid] = (whole(place, structure, size, name=(harmless(subject) or "message") + ".eml"),)
    if not any(found.values()):
        raise MessageGone("none of the files is there")
    return tuple(file for uid in wanted for file in found.get(uid, ()))


def names_bcc(client: Connection, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> bool:
    """Whether one of the messages has a Bcc field, as copies of what one sent have. One command. Raises Renumbered."""
    client.select(mailbox, uidvalidity=uidvalidity)
    answer = client.ask(b"UID SEARCH UID", uid_set(uids), b"HEADER", "BCC", "")
    return bool(numbers(answer.untagged, b"SEARCH"))


def whole(place: Place, structure: Part, size: int, *, name: str, section: str = "") -> File:
    """The whole message, or the attached message of that section, as a file to be attached."""
    octets = any(part.encoding in ("8bit", "binary") for part in structure.walk())
    stored = Stored(place.mailbox, place.uidvalidity, place.uid, section, size, "8bit" if octets else "7bit")
    return File(name, "message/rfc822", stored)
