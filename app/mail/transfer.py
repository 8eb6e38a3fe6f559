"""Content-Transfer-Encoding taken off (RFC 2045 §6), in one go for what is shown and piece by piece for downloads.

Whatever is broken is decoded as far as it goes: letters that do not belong are skipped, padding in the middle ends one
run of base64 and begins the next, a lone ``=`` stays.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Final

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(set(range(256)) - set(_LETTERS + b"="))
# A soft line break. White space after its "=" was added on the way; that before it is text (RFC 2045 §6.7 (3), (5)).
_SOFT: Final = re.compile(rb"=[ \t]*+\r?\n")
_UNFINISHED: Final = re.compile(rb"[ \t=\r]*\Z|=[0-9A-Fa-f]?\Z")
_MAX_HELD: Final = 1000


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The content of encoded pieces, of any sizes; an unknown encoding is passed on as it is."""
    if encoding == "base64":
        return _base64(pieces)
    if encoding == "quoted-printable":
        return _quoted_printable(pieces)
    return iter(pieces)


def decode(data: bytes, encoding: str) -> bytes:
    """The content of encoded bytes, whole."""
    return b"".join(decoded((data,), encoding))


def _base64(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        letters = held + piece.translate(None, _NOT_BASE64)  # by re.sub the line breaks of 100 MB took 8 s
        *runs, letters = _runs(letters)
        for run in runs:
            yield _quads(run)
        whole = len(letters) - len(letters) % 4
        held = letters[whole:]
        if whole:
            yield _quads(letters[:whole])
    if held:
        yield _quads(held)


def _runs(letters: bytes) -> list[bytes]:
    """Runs of letters between paddings: parts that were joined have some in the middle."""
    return re.split(rb"=+", letters)


def _quads(letters: bytes) -> bytes:
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _quoted_printable(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        data = held + piece
        unfinished = _UNFINISHED.search(data, max(0, len(data) - _MAX_HELD))
        cut = unfinished.start() if unfinished else len(data)
        held = data[cut:]
        yield _unquoted(data[:cut])
    if held:
        yield _unquoted(re.sub(rb"=[ \t]*+\r?\Z", b"", held))


def _unquoted(data: bytes) -> bytes:
    return binascii.a2b_qp(_SOFT.sub(b"", data))
