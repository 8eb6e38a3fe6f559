"""Reads header fields of received mail: encoded words, addresses, dates. Tolerant, linear, and nothing here raises.

Python's email.policy.default raises while merely reading 13 of 1,694 collected messages; one poisoned header must not
turn a list into an error. So each field is decoded by itself, from the bytes that came (RFC 2047, RFC 5322 §3.4, §4).
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LIMIT = 2000  # characters of one decoded field; the longest subject line that any page shows is far shorter

_WORD = rb"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?="
_ENCODED = re.compile(_WORD)
_GAP = re.compile(rb"\s*\Z")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_QUOTED = re.compile(rb"=([0-9A-Fa-f]{2})")
_FIELD = re.compile(rb"^([!-9;-~]{1,256})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
# Controls, line and paragraph separators, and the marks that turn the direction of text: a sender's name that is
# written backwards hides the address beside it (CVE-2021-42574 is the same trick on source code).
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(" {2,}")

# Codecs that are text encodings of mail. Others of Python's are not (idna, punycode, unicode_escape, undefined) or
# answer in quadratic time (CVE-2022-45061).
_MAIL_CODEC = re.compile(r"utf|iso8859|cp\d|koi8|gb|big5|euc_|shift_jis|iso2022|mac_|tis.620|hz|johab|ptcp154|ascii")
_SEVEN_BIT = re.compile(r"iso2022|hz|utf.7")
# What is declared, and what is meant by those who declare it (WHATWG Encoding §4.2).
_MEANT = {
    "iso8859-1": "cp1252", "ascii": "cp1252", "latin-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "johab": "johab", "big5": "big5hkscs",
    "shift_jis": "cp932", "iso2022_jp": "iso2022_jp_ext",
}  # fmt: skip
_ALIASES = {
    "x-unknown": "utf-8", "unknown-8bit": "utf-8", "utf8mb4": "utf-8", "x-sjis": "cp932", "ks_c_5601-1987": "cp949",
    "x-gbk": "gb18030", "gb_2312-80": "gb18030", "iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8",
    "x-mac-roman": "mac_roman", "macintosh": "mac_roman", "x-euc-jp": "euc_jp", "windows-874": "cp874",
    "x-windows-949": "cp949", "cp-850": "cp850", "unicode-1-1-utf-7": "utf-7",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of an address list (RFC 5322 §3.4): the name shown and the address, each "" when missing."""

    name: str
    address: str


def decode_charset(data: bytes, charset: str | None) -> str:
    """Return text from bytes in the declared charset; unknown or wrong: UTF-8, else Windows-1252 with U+FFFD."""
    declared = _codec(charset) or ("iso2022_jp_ext" if b"\x1b$" in data and data.isascii() else None)
    for codec in (declared, "utf-8"):
        if codec is None or (codec == "cp1252" and not data.isascii() and _is_utf8(data)):
            continue
        try:
            return data.decode(codec)
        except (UnicodeError, ValueError):
            if _SEVEN_BIT.match(codec):  # UTF-8 would take the rest, too, for the letters that it is written with
                break
    if declared == "iso2022_jp_ext" and data.isascii():
        return _windows_japanese(data)
    if declared not in (None, "utf-8"):
        return data.decode(declared, "replace")
    text = data.decode("utf-8", "replace")
    return text if _is_mostly_right(text) else data.decode("cp1252", "replace")


_JIS = re.compile(rb"\x1b\$[@B]((?:[!-~]{2})*)[!-~]?(?:\x1b\([BJ])?")


def _windows_japanese(data: bytes) -> str:
    """Return text of ISO-2022-JP with what Windows writes into rows that JIS X 0208 leaves empty: ①, ㈱, 髙."""
    return _JIS.sub(lambda run: _shifted(run[1]), data).replace(b"\x1b", b"").decode("cp932", "replace")


def _shifted(pairs: bytes) -> bytes:
    """Return Shift_JIS of rows and cells: two rows in one, the odd ones in its first half."""
    made = bytearray()
    for row, cell in zip(pairs[::2], pairs[1::2], strict=True):
        half = (0x1F if cell < 0x60 else 0x20) if row % 2 else 0x7E
        made += bytes((((row - 0x21) >> 1) + (0x81 if row < 0x5F else 0xC1), cell + half))
    return bytes(made)


def _is_mostly_right(text: str) -> bool:
    """Say whether UTF-8 with wrong octets, or cut inside a letter, is UTF-8 all the same: most could be read."""
    wrong = text.count("\ufffd")
    return 2 * wrong <= len(text) - len(text.encode("ascii", "ignore"))


def _is_utf8(data: bytes) -> bool:
    """Say whether bytes declared as Latin-1 or ASCII are UTF-8: by chance they almost never are."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _codec(charset: str | None) -> str | None:
    """Return the name of Python's codec for a declared charset, None when it is unknown or no text encoding."""
    name = (charset or "").strip().strip("\"'").lower()
    if not name or len(name) > 40 or not name.isascii() or "\0" in name:
        return None
    try:
        found = codecs.lookup(_ALIASES.get(name, name)).name
    except (LookupError, ValueError):
        return None
    return _MEANT.get(found, found) if _MAIL_CODEC.match(found) else None


def decode(raw: bytes, limit: int = LIMIT) -> str:
    """Return the text of an unstructured field or phrase: unfolded, encoded words decoded, fit for one line."""
    if not raw:
        return ""
    if b"=?" not in raw:
        return clean(decode_charset(raw, None))[:limit]
    return clean("".join(_runs(raw)))[:limit]


def _runs(raw: bytes) -> Iterator[str]:
    """Yield the texts between and of encoded words; words of one charset are joined first, for a character may be
    split between two of them, and white space between two words is none (RFC 2047 §6.2)."""
    charset, held, position = "", b"", 0
    for word in _ENCODED.finditer(raw):
        between = raw[position : word.start()]
        named = word[1].split(b"*")[0].decode("ascii", "replace").lower()  # RFC 2231 §5: charset*language
        if held and not (named == charset and _GAP.match(between)):
            yield decode_charset(held, charset)
            held = b""
        if not (position and _GAP.match(between)):
            yield decode_charset(between, None)
        charset, held, position = named, held + _word(word[2], word[3]), word.end()
    yield decode_charset(held, charset)
    yield decode_charset(raw[position:], None)


def _word(encoding: bytes, data: bytes) -> bytes:
    if encoding in b"qQ":
        return _QUOTED.sub(lambda octet: bytes((int(octet[1], 16),)), data.replace(b"_", b" "))
    letters = _NOT_BASE64.sub(b"", data)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:  # not reached by what the alphabet leaves; a field must not depend on that
        return data


def clean(text: str) -> str:
    """Return text fit for one line: no controls, no marks that turn its direction, no surrogates, single spaces."""
    if not text.isprintable():
        text = _SURROGATE.sub("\ufffd", _TURNING.sub("", _UNSHOWN.sub(" ", text)))
    return _SPACES.sub(" ", text).strip()


def fields(block: bytes) -> list[tuple[str, bytes]]:
    """Return (name in lower case, raw value) of each field of a header block, in order, without lines that are none.

    The value is still folded and encoded: pass it to decode(), addresses() or date().
    """
    found = _FIELD.findall(block.replace(b"\r\n", b"\n"))
    return [(name.decode("ascii").lower(), value.strip()) for name, value in found]


def verbatim(raw: bytes) -> str:
    """Return a structured field as it was written, for who must not take a sender's encoded words for the writer's:
    folded lines joined, other octets than ASCII as U+FFFD, at most 8 KB."""
    return raw[:8192].replace(b"\r", b"").replace(b"\n", b" ").decode("ascii", "replace")


def date(raw: bytes) -> datetime | None:
    """Return an aware UTC time from a Date field (RFC 5322 §3.3, §4.3), None when it holds none. -0000 is UTC."""
    try:
        read = parsedate_to_datetime(raw[:128].decode("ascii", "replace"))
        moment = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None
    return moment if 1970 <= moment.year <= 9998 else None


_PART = re.compile(
    rb'"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?\Z)'  # 1: a quoted string
    rb"|(=\?[^?\s]{1,80}\?[bBqQ]\?[^?]*\?=)"  # 2: an encoded word, with whatever broken mailers leave in it
    rb"|([(),;:<>])"  # 3: what separates
    rb'|([^"(),;:<>=]+|=)',  # 4: the rest
    re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LONGEST = 8192  # octets of a name or an address; of neither are more than 320 characters kept


def addresses(raw: bytes, limit: int = 1000) -> tuple[Address, ...]:
    """Return the addresses of a From, To, Cc, … field, at most `limit`; groups are flattened, comments become names."""
    found: list[Address] = []
    for mailbox in _mailboxes(raw):
        if mailbox.name or mailbox.address:
            found.append(mailbox)
        if len(found) >= limit:
            break
    return tuple(found)


@dataclass(slots=True)
class _Reading:
    """What was read of one mailbox so far: phrase, comment, what stands in angle brackets, and where the reader is."""

    phrase: bytes = b""
    comment: bytes = b""
    angle: bytes | None = None
    depth: int = 0
    inside: bool = False


def _mailboxes(raw: bytes) -> Iterator[Address]:
    reading = _Reading()
    for quoted, word, mark, rest in _PART.findall(raw):
        if mark and _mark(reading, mark):
            yield _address(reading)
            reading = _Reading()
        elif not mark:
            plain = _ESCAPED.sub(rb"\1", quoted) if quoted else word or rest
            _text(reading, plain, b'"' + plain + b'"' if quoted and b"@" not in plain else plain)
    yield _address(reading)


def _mark(reading: _Reading, mark: bytes) -> bool:
    """Take one separating character; say whether it ends the mailbox."""
    if mark in b"()" or reading.depth:
        reading.depth = max(0, reading.depth + {b"(": 1, b")": -1}.get(mark, 0))
    elif mark == b"<":
        reading.inside, reading.angle = True, b""
    elif mark == b">":
        reading.inside = False
    elif reading.inside:
        angle = (reading.angle or b"")[:_LONGEST]
        reading.angle = b"" if mark == b":" else angle + mark  # RFC 5322 §4.4: a route ends with ":"
    elif mark == b":":
        reading.phrase = b""  # the name of a group
    else:
        return True
    return False


def _text(reading: _Reading, plain: bytes, quoted: bytes) -> None:
    """Take a piece, if what it belongs to is not too long already: else 256 KB of short ones took 1.5 s."""
    if reading.depth:
        reading.comment += plain if len(reading.comment) < _LONGEST else b""
    elif reading.inside:
        angle = reading.angle or b""
        reading.angle = angle + quoted if len(angle) < _LONGEST else angle
    else:
        reading.phrase += plain if len(reading.phrase) < _LONGEST else b""


def _address(reading: _Reading) -> Address:
    if reading.angle is not None:
        return Address(decode(reading.phrase, 300) or decode(reading.comment, 300), _bare(reading.angle))
    if b"@" in reading.phrase and b"=?" not in reading.phrase:
        return Address(decode(reading.comment, 300), _bare(reading.phrase))
    return Address(decode(reading.phrase, 300), "")


def _bare(raw: bytes) -> str:
    return clean(decode_charset(raw, None)).replace(" ", "")[:320]
