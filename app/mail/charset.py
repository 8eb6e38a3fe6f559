"""Bytes of a body to text, whatever charset was declared: nothing here raises, and no lone surrogate leaves it.

Aliases, the charsets that are meant by others' names and the fallbacks are those of header fields (header.py). UTF-7 is
refused as browsers refuse it (WHATWG Encoding §4.2): it hides markup from whoever looks at bytes.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from app.mail.header import decode_charset

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_UTF7: Final = re.compile(r"utf-?7|unicode-1-1-utf-7|csunicode11utf7|u7", re.IGNORECASE)
_META: Final = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_META_WITHIN: Final = 1024  # HTML §13.2.3.2


def decode_text(data: bytes, charset: str | None, *, html: bool = False) -> str:
    """Text from bytes in the declared charset.

    A byte order mark decides before the declaration; without one, HTML may name its charset within the first 1,024
    bytes. Unknown or wrong: UTF-8, else Windows-1252 with U+FFFD.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return without_surrogates(data[len(mark) :].decode(name, "replace"))
    declared = charset or (_declared_inside(data) if html else None)
    if declared and _UTF7.fullmatch(declared.strip().strip("\"'")):
        declared = None
    return without_surrogates(decode_charset(data, declared))


def without_surrogates(text: str) -> str:
    """Text that can be encoded: lone surrogates become U+FFFD."""
    return _SURROGATE.sub("\ufffd", text) if not text.isascii() else text


def _declared_inside(data: bytes) -> str | None:
    found = _META.search(data[:_META_WITHIN])
    name = found[1].decode("ascii") if found else None
    # A document whose bytes could be read up to here is not in UTF-16, whatever it says (HTML §13.2.3.2).
    return None if name and name.lower().startswith("utf-16") else name
