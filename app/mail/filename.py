"""Names of attached files: read from parameters of every age (RFC 2231, RFC 2047), made harmless, written (RFC 6266).

A name is a label, never a path: separators, controls and marks that turn the direction of text are taken out, so that
``photo‮gpj.exe`` is shown as what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from app.mail.header import clean, decode, decode_charset

LENGTH: Final = 180
_UNSAFE: Final = re.compile(r"[/\\:*?\"<>|\x00-\x1f\x7f]+")
_SECTION: Final = re.compile(r"\*(\d{1,3})(\*?)\Z")
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)", re.IGNORECASE)
# Marks of direction that are no letters (UAX #9 §2.6): with them `jpg.photo.exe` is drawn as `exe.photo.jpg`.
_MARKS: Final = re.compile("[\u200e\u200f\u061c]")
_UNPRINTABLE_ASCII: Final = re.compile(r"[^A-Za-z0-9!#$&+.^_`|~ ()\[\]{}@,;=-]")


def parameter(parameters: Mapping[str, bytes], name: str) -> str | None:
    """The value of a parameter, put together from its sections and decoded (RFC 2231 §3, §4); None when missing.

    ``parameters``: names in lower case, values as they came.
    """
    if f"{name}*" in parameters:
        return clean(_extended(parameters[f"{name}*"]))
    sections = _sections(parameters, name)
    if sections:
        return clean(_joined(sections))
    plain = parameters.get(name)
    return None if plain is None else decode(plain, LENGTH * 4)


def _sections(parameters: Mapping[str, bytes], name: str) -> list[tuple[bytes, bool]]:
    """The sections ``name*0``, ``name*1*`` … in order, each with whether it is percent-encoded."""
    found: dict[int, tuple[bytes, bool]] = {}
    for key, value in parameters.items():
        section = _SECTION.match(key[len(name) :]) if key.startswith(name) else None
        if section:
            found.setdefault(int(section[1]), (value, bool(section[2])))
    return [found[number] for number in sorted(found)]


def _joined(sections: list[tuple[bytes, bool]]) -> str:
    charset, data = None, b""
    for number, (value, encoded) in enumerate(sections):
        if encoded and number == 0:
            charset, value = _declared(value)
        data += unquote_to_bytes(value) if encoded else value
    return decode_charset(data, charset) if charset or b"=?" not in data else decode(data, LENGTH * 4)


def _extended(value: bytes) -> str:
    charset, rest = _declared(value)
    return decode_charset(unquote_to_bytes(rest), charset)


def _declared(value: bytes) -> tuple[str | None, bytes]:
    """``charset'language'rest`` taken apart."""
    pieces = value.split(b"'", 2)
    return (pieces[0].decode("ascii", "replace") or None, pieces[2]) if len(pieces) == 3 else (None, value)


def harmless(name: str) -> str:
    """A name fit for a file on any system: one line, no separators, at most 180 characters; "" when nothing is left."""
    text = _UNSAFE.sub("_", _MARKS.sub("", clean(name))).strip(" .")
    if _RESERVED.match(text):
        text = "_" + text
    if len(text) > LENGTH:
        stem, dot, ending = text.rpartition(".")
        ending = dot + ending if dot and len(ending) <= 12 else ""
        text = (stem if ending else text)[: LENGTH - len(ending)] + ending
    return text


def content_disposition(kind: str, name: str) -> str:
    """The value of a Content-Disposition header (RFC 6266 §4.1): ASCII for the old, UTF-8 for all others.

    ``kind``: "inline" or "attachment".
    """
    safe = harmless(name) or "file"
    ascii_name = _UNPRINTABLE_ASCII.sub("_", safe)
    value = f'{kind}; filename="{ascii_name}"'
    return (
        value if ascii_name == safe else f"{value}; filename*=UTF-8''{quote(safe.encode('utf-8', 'replace'), safe='')}"
    )
