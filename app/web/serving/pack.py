"""Compresses pages. The length of the answer is blurred, because a page holds a token beside words of the request.

BREACH reads a secret from how the compressed length changes with a guess; a random file name in gzip's header
(RFC 1952 §2.3) of 1 to 64 letters makes one look tell nothing, and SameSite keeps others from asking in our name.
"""

import secrets
import struct

from flask import Response, request
from isal import isal_zlib

LEAST_BYTES = 1000
LEVEL = 1  # as small as level 1 of zlib, in a quarter of the time


def packed(response: Response) -> Response:
    """The same answer, with gzip where the browser takes it and it is a page held in memory."""
    if (
        response.mimetype not in {"text/html", "application/json"}
        or response.is_streamed
        or response.direct_passthrough
        or "Content-Encoding" in response.headers
        or request.accept_encodings.quality("gzip") <= 0
    ):
        return response
    raw = response.get_data()
    if len(raw) < LEAST_BYTES:
        return response
    response.set_data(compress(raw))
    response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response


def compress(raw: bytes) -> bytes:
    """gzip (RFC 1952 §2.2) of a random length above the least."""
    name = b"x" * (1 + secrets.randbelow(64))
    deflate = isal_zlib.compressobj(LEVEL, wbits=-isal_zlib.MAX_WBITS)
    header = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + name + b"\0"
    trailer = struct.pack("<LL", isal_zlib.crc32(raw), len(raw) & 0xFFFFFFFF)
    return b"".join((header, deflate.compress(raw), deflate.flush(), trailer))
