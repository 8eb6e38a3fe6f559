"""MIME entities as they are written: a text, a file, several in one (RFC 2045, RFC 2046), as pieces with CRLF lines.

An entity begins with its own Content-* fields and ends without a line break; files on the server and uploads stay
pieces of their own, so that nobody holds them.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from app.mail.charset import without_surrogates
from app.mail.field import folded, with_parameters
from app.mail.filename import harmless
from app.mail.writing import LINE, File, Piece, Stored, Upload, upload

_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,80}")
_CHARSET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.-]{0,39}")
_CONTENT_ID: Final = re.compile(r"[!-;=?-~]{1,240}")
_TOKEN: Final = re.compile(r"[a-z0-9-]{1,30}")
_LONGEST: Final = 900  # octets of a line that goes out as it is; RFC 5322 §2.1.1 allows 998
_MBOX: Final = re.compile(rb"^From ", re.MULTILINE)
_WHOLE: Final = frozenset(["7bit", "8bit", "binary"])


def text_entity(subtype: str, text: str, *parameters: tuple[str, str]) -> list[Piece]:
    """text/plain or text/html in UTF-8, as 7bit, quoted-printable or base64, whichever is shortest and safe.

    One line break is added at its end; who reads it back takes one off.
    """
    lines = _CONTROLS.sub("", without_surrogates(text)).replace("\r\n", "\n").replace("\r", "\n") + "\n"
    encoding, body = _encoded(lines.encode())
    fields = with_parameters("Content-Type", f"text/{subtype}", [("charset", "utf-8"), *parameters])
    return [fields + folded("Content-Transfer-Encoding", [encoding]) + b"\r\n" + body]


def _encoded(data: bytes) -> tuple[str, bytes]:
    """No line begins with `From `, which mailboxes of one file hold to be the next message, or change."""
    if data.isascii() and all(len(line) <= _LONGEST and not _MBOX.match(line) for line in data.split(b"\n")):
        return "7bit", data.replace(b"\n", b"\r\n")
    printable = binascii.b2a_qp(data, istext=True, header=False).replace(b"\n", b"\r\n")
    printable = _MBOX.sub(b"=46rom ", printable)
    crlf = data.replace(b"\n", b"\r\n")
    letters = b"\r\n".join(_lines(base64.b64encode(crlf)))
    fits = len(printable) <= len(letters) and all(len(line) <= LINE for line in printable.split(b"\r\n"))
    return ("quoted-printable", printable) if fits else ("base64", letters)


def file_entity(file: File) -> list[Piece]:
    """An attached file, or a picture that the HTML shows. Type, name and Content-ID are a stranger's: what is none is
    left out or replaced."""
    content = upload(file.content) if isinstance(file.content, Path) else file.content
    encoding = content.encoding.lower() if isinstance(content, Stored) else "base64"
    name = harmless(without_surrogates(file.name))
    named = [("name", name)] if name else []
    if file.charset and _CHARSET.fullmatch(file.charset):
        named.insert(0, ("charset", file.charset))
    fields = with_parameters("Content-Type", media_type(file.type, encoding), named)
    fields += folded("Content-Transfer-Encoding", [encoding if _TOKEN.fullmatch(encoding) else "8bit"])
    inside = file.content_id is not None and _CONTENT_ID.fullmatch(file.content_id)
    shown = [("filename", name)] if name else []
    fields += with_parameters("Content-Disposition", "inline" if inside else "attachment", shown)
    if inside:
        fields += folded("Content-ID", [f"<{file.content_id}>"])
    body = b"".join(encode(content)) if isinstance(content, bytes) else content
    return [fields + b"\r\n", body]


def media_type(text: str, encoding: str) -> str:
    """A type that may be written: of a known shape, and composite only where nothing is encoded (RFC 2045 §6.4)."""
    kind = text.strip().lower()
    if not _TYPE.fullmatch(kind) or kind.startswith("multipart/"):
        return "application/octet-stream"
    return "application/octet-stream" if kind.startswith("message/") and encoding not in _WHOLE else kind


def multipart(subtype: str, entities: Iterable[list[Piece]], *parameters: tuple[str, str]) -> list[Piece]:
    """Several entities in one. The boundary holds `=_`, which neither base64 nor quoted-printable text has, and 128
    random bits, which nobody's stored part can know."""
    boundary = f"=_{secrets.token_hex(16)}"
    entities = list(entities)
    fields = with_parameters("Content-Type", f"multipart/{subtype}", [*parameters, ("boundary", boundary)])
    if any(_is_8bit(entity) for entity in entities):
        fields += folded("Content-Transfer-Encoding", ["8bit"])  # RFC 2045 §6.4
    pieces: list[Piece] = [fields]
    for entity in entities:
        pieces += [f"\r\n--{boundary}\r\n".encode(), *entity]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return pieces


def _is_8bit(entity: list[Piece]) -> bool:
    return any(isinstance(piece, Stored) and piece.encoding.lower() in ("8bit", "binary") for piece in entity)


def merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same pieces, bytes that stand together in one."""
    held: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            held.append(piece)
            continue
        if held:
            yield b"".join(held)
        held = []
        yield piece
    if held:
        yield b"".join(held)


def encode(content: bytes | Upload) -> Iterator[bytes]:
    """Bytes as base64 in lines of 76 letters with CRLF between them, a piece at a time.

    Raises OSError from a file, and EOFError when it gives other than the octets that were promised.
    """
    first = True
    for block in [content] if isinstance(content, bytes) else _blocks(content):
        lines = b"\r\n".join(_lines(base64.b64encode(block)))
        if lines:
            yield lines if first else b"\r\n" + lines
            first = False


_BLOCK: Final = LINE * 3 // 4 * 1024


def _blocks(source: Upload) -> Iterator[bytes]:
    """Blocks of whole lines; only the last is shorter."""
    if isinstance(source.content, Path):
        with source.content.open("rb") as opened:
            yield from _blocks(Upload(opened, source.length))
        return
    if source.content.seekable():
        source.content.seek(0)  # it may be stored again, where the first answer was that there is no such mailbox
    left = source.length
    while left:
        block = b""
        while len(block) < min(_BLOCK, left):
            more = source.content.read(min(_BLOCK, left) - len(block))
            if not more:
                raise EOFError(f"{left - len(block)} octets of an upload are missing")
            block += more
        left -= len(block)
        yield block


def _lines(letters: bytes) -> Iterator[bytes]:
    return (letters[start : start + LINE] for start in range(0, len(letters), LINE))
