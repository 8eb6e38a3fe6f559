"""Compresses pages. The length of the answer is blurred, because a page holds a token beside words of the request.

BREACH reads a secret from how the compressed length changes with a guess; a random file name in gzip's header
(RFC 1952 §2.3) of 1 to 64 letters makes one look tell nothing, and SameSite keeps others from asking in our name.
"""

import gzip
import io
import secrets

from flask import Response, request

LEAST_BYTES = 1000
LEVEL = 3


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
    """gzip of a random length above the least."""
    output = io.BytesIO()
    with gzip.GzipFile("x" * (1 + secrets.randbelow(64)), "wb", LEVEL, output, mtime=0) as file:
        file.write(raw)
    return output.getvalue()
