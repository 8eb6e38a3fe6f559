"""The tree of a message's parts, from the server's BODYSTRUCTURE (RFC 3501 §7.4.2) or, where it has none, from nothing.

Design. The server has parsed the MIME; we never do. Its answer comes as nested lists (syntax.py) and becomes a tree of
frozen `Part`s, each with the section number by which FETCH names it (RFC 3501 §6.4.5): a part of a multipart counts
from 1 after its parent's number, a message/rfc822 hands its own number on to its body. Anything may be missing, NIL or
of the wrong kind, since strangers write MIME and servers differ: a field that cannot be read is empty, a part that
cannot be read is application/octet-stream. Beyond 1,000 parts or a depth of 100 the tree ends. Nothing here raises.

What is shown of the tree (which alternative, which pictures belong inside) is decided in `app/mail/shown.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from app.mail.filename import harmless, parameter
from app.mail.header import decode
from app.mail.limits import USUAL, Limits
from app.mail.syntax import Value, number, text

_MAX_PARAMETERS: Final = 100


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `section` is "" for the multipart of the whole message; `type` is in lower case; `size` in octets as
    encoded; `content_id` without brackets; `subject` of a message/rfc822's envelope; `cut`: more parts than these."""

    section: str
    type: str
    params: dict[str, str] = field(default_factory=dict)
    encoding: str = "7bit"
    size: int = 0
    filename: str | None = None
    disposition: str | None = None
    content_id: str | None = None
    description: str = ""
    subject: str = ""
    parts: tuple[Part, ...] = ()
    cut: bool = False

    @property
    def charset(self) -> str | None:
        """The declared charset."""
        return self.params.get("charset")

    @property
    def decoded_size(self) -> int:
        """Octets after decoding, estimated from lines of 76 letters for base64."""
        return self.size * 57 // 78 if self.encoding == "base64" else self.size

    @property
    def name(self) -> str:
        """The file name, or one made from what the part is."""
        if self.filename:
            return self.filename
        if self.type == "message/rfc822":
            return (harmless(self.subject) or "message") + ".eml"
        if self.type == "text/calendar":
            return "invitation.ics"
        return f"part-{self.section or '0'}{_ENDINGS.get(self.type, '.bin')}"

    def walk(self) -> Iterator[Part]:
        """This part and all below, in order; not those inside attached messages."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            if part.type != "message/rfc822":
                waiting.extend(reversed(part.parts))

    def find(self, section: str) -> Part | None:
        """The part of that section, also inside attached messages; TEXT is the body of a message that is one part."""
        section = self.section if section == "TEXT" and self.section else section
        waiting = [self]
        while waiting:
            part = waiting.pop()
            if part.section == section and not (part.type.startswith("multipart/") and section):
                return part
            waiting.extend(part.parts)
        return None


_ENDINGS: Final = {
    "application/pdf": ".pdf",
    "application/pgp-signature": ".asc",
    "application/zip": ".zip",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "message/delivery-status": ".txt",
    "text/calendar": ".ics",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/vcard": ".vcf",
}

UNKNOWN: Final = Part("TEXT", "text/plain", {"charset": "utf-8"}, "8bit")


class _Reader:
    """Counts the parts while the tree is built."""

    def __init__(self, max_parts: int, max_depth: int) -> None:
        self.left = max_parts
        self.max_depth = max_depth

    def part(self, value: Value, section: str, depth: int, *, inside: str = "") -> Part | None:
        """A part and all below; None beyond the limits or for what is no part. `inside`: number for a lone body."""
        if not isinstance(value, list) or not value or self.left <= 0 or depth > self.max_depth:
            return None
        self.left -= 1
        if isinstance(value[0], list):
            return self._multipart(value, section, depth)
        return self._leaf(value, inside or section or "1", depth)

    def _multipart(self, value: list[Value], section: str, depth: int) -> Part:
        count = _leading_lists(value)
        prefix = f"{section}." if section else ""
        parts = tuple(
            part
            for position, child in enumerate(value[:count], 1)
            if (part := self.part(child, f"{prefix}{position}", depth + 1)) is not None
        )
        rest = value[count:]
        kind = f"multipart/{_word(rest[0]) if rest else ''}".rstrip("/")
        parameters = _parameters(rest[1] if len(rest) > 1 else None)
        return Part(section, "multipart/mixed" if kind == "multipart" else kind, _decoded(parameters), parts=parts,
                    cut=len(parts) < count)  # fmt: skip

    def _leaf(self, value: list[Value], section: str, depth: int) -> Part:
        fields = value + [None] * (7 - len(value))
        kind = _media_type(fields[0], fields[1])
        parameters = _parameters(fields[2])
        disposition, named = _disposition(value[7:])
        inner: tuple[Part, ...] = ()
        subject = ""
        if kind == "message/rfc822" and len(value) > 8 and isinstance(value[7], list):
            envelope = value[7]
            subject = decode(text(envelope[1])) if len(envelope) > 1 else ""
            inner = self._body(value[8], section, depth)
        return Part(
            section,
            kind,
            _decoded(parameters),
            _word(fields[5]) or "7bit",
            number(fields[6]),
            harmless(parameter(named, "filename") or parameter(parameters, "name") or "") or None,
            disposition,
            _bare_id(text(fields[3])) or None,
            decode(text(fields[4])),
            subject,
            inner,
        )

    def _body(self, value: Value, section: str, depth: int) -> tuple[Part, ...]:
        """The body of an attached message: its multipart has the message's number, a lone part is its part 1."""
        found = self.part(value, section, depth + 1, inside=f"{section}.1")
        return (found,) if found else ()


def read(value: Value, limits: Limits = USUAL) -> Part:
    """The tree of a BODYSTRUCTURE as `syntax.parse` gives it; text of unknown kind when there is none."""
    return _Reader(limits.parts, limits.depth).part(value, "", 0) or UNKNOWN


def _leading_lists(value: list[Value]) -> int:
    """How many parts a multipart begins with: its subtype, a string, ends them."""
    for position, each in enumerate(value):
        if not isinstance(each, list):
            return position
    return len(value)


def _word(value: Value) -> str:
    return text(value)[:100].decode("ascii", "replace").strip().lower()


def _media_type(kind: Value, subtype: Value) -> str:
    first, second = _word(kind), _word(subtype)
    known = first.isascii() and second.isascii() and first and second and "\ufffd" not in first + second
    return f"{first}/{second}" if known else "application/octet-stream"


def _parameters(value: Value) -> dict[str, bytes]:
    """Names in lower case with values as they came; the first of each name."""
    found: dict[str, bytes] = {}
    if isinstance(value, list):
        for name, each in zip(value[: 2 * _MAX_PARAMETERS : 2], value[1 : 2 * _MAX_PARAMETERS : 2], strict=False):
            found.setdefault(_word(name), text(each))
    return found


def _decoded(parameters: dict[str, bytes]) -> dict[str, str]:
    """The parameters of one piece, decoded; a file's name is read elsewhere."""
    return {name: decode(value, 200) for name, value in parameters.items() if name and "*" not in name}


def _disposition(extension: list[Value]) -> tuple[str | None, dict[str, bytes]]:
    """The disposition among a part's extension data: its place differs between kinds of parts and servers."""
    for value in extension:
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], bytes):
            word = _word(value[0])
            if word in ("attachment", "inline", "form-data") or isinstance(value[1], list):
                return word, _parameters(value[1])
    return None, {}


def _bare_id(raw: bytes) -> str:
    return decode(raw, 250).strip().strip("<>").strip()
