"""Which bytes are a picture that a browser may show: PNG, JPEG, GIF and WebP, known by how they begin, never by name.

SVG is a document with scripts and is none of them.
"""

from __future__ import annotations

import base64
import re
from typing import Final

_DATA: Final = re.compile(
    r"data:image/(?:png|jpe?g|gif|webp);base64,([A-Za-z0-9+/ \r\n]++=?+=?+[ \r\n]*+)", re.IGNORECASE
)
HEAD: Final = 16  # bytes that `picture_type` needs


def picture_type(head: bytes) -> str | None:
    """The media type of a picture by its first 16 bytes; None when it is none that we show."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def data_uri(data: bytes) -> str | None:
    """A picture as a ``data:`` address (RFC 2397) with the type that its bytes have; None when it is no picture."""
    kind = picture_type(data[:HEAD])
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}" if kind else None


def checked_data_uri(address: str) -> str | None:
    """A picture that came as ``data:``, if it is one by its bytes, with its true type; else None."""
    match = _DATA.fullmatch(address)
    if match is None:
        return None
    try:
        return data_uri(base64.b64decode(match[1]))
    except ValueError:
        return None
