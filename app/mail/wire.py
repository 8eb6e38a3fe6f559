"""How a command is written: the one choke point through which every IMAP command of ours leaves.

imapclient 4.1.0 writes CR and LF inside arguments to the wire as they are, in 28 of its calls. So whatever is not a
counted literal is checked here for control characters, literal marks, flags and sets of UIDs, before a byte goes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, Union

from app.mail.errors import BadArgument


class Literal(bytes):
    """Bytes that travel as a counted literal (RFC 3501 §4.3): sent so, and found so in what is received."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Streamed:
    """A literal whose bytes are not all here: `chunks` gives exactly `size` octets while they are sent.

    It always waits for the server's `+`, so that a full mailbox is told before the bytes go up.
    """

    size: int
    chunks: Iterable[bytes]


# bytes: atoms already in wire form · Literal · str: quoted, or a literal if need be · int · tuple: a parenthesised list
Argument: TypeAlias = Union[bytes, str, int, Streamed, "tuple[Argument, ...]"]

CRLF = b"\r\n"
SET_LIMIT = 8000  # bytes of one set of UIDs; Dovecot's imap_max_line_length is 64 KB and the 21st BAD disconnects
_NONSYNC_MINUS = 4096  # RFC 7888 §5: LITERAL- allows {n+} up to this size

_UNFIT = re.compile(rb"[\x00-\x1f\x7f-\xff]")
_MARK = re.compile(rb"\{\d*\+?\}\Z")
_SET = re.compile(rb"(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*\Z")
_NUMBER = re.compile(rb"\d+")
_FLAG = re.compile(r"\\?[A-Za-z0-9$._-]+\Z")
_FLAGS = re.compile(rb"\((?:\\?[A-Za-z0-9$._-]+(?: \\?[A-Za-z0-9$._-]+)*)?\)\Z")
_WITH_SET = frozenset({b"FETCH", b"STORE", b"COPY", b"MOVE", b"UID FETCH", b"UID STORE", b"UID COPY", b"UID MOVE",
                       b"UID EXPUNGE"})  # fmt: skip


def command_name(line: Sequence[Argument]) -> bytes:
    """The command's name in capitals, with its UID in front where it has one: b"UID FETCH"."""
    words = _leading_words(line, 2)
    if not words:
        raise BadArgument("an empty command")
    return b" ".join(words[:2]) if words[0] == b"UID" else words[0]


def encode(tag: bytes, line: Sequence[Argument], *, plus: bool = False, minus: bool = False) -> list[bytes]:
    """One command as the pieces to send; after each but the last a continuation (`+`) must be awaited.

    `plus`, `minus`: the server's LITERAL+ and LITERAL- (RFC 7888), which need no waiting. BadArgument before anything
    is sent, also for a Streamed literal.
    """
    pieces, streams = encode_streams(tag, line, plus=plus, minus=minus)
    if streams:
        raise BadArgument("no place for a streamed literal")
    return pieces


def encode_streams(
    tag: bytes, line: Sequence[Argument], *, plus: bool = False, minus: bool = False
) -> tuple[list[bytes], dict[int, Streamed]]:
    """As `encode`; and by the number of the piece before whose bytes it goes, each streamed literal."""
    check_grammar(line)
    writer = _Writer(tag, plus=plus, minus=minus)
    for argument in line:
        writer.space()
        writer.add(argument)
    return writer.end(), writer.streams


class _Writer:
    """Collects one command; `tail` is the text since the last literal, which must not end in a literal mark."""

    def __init__(self, tag: bytes, *, plus: bool, minus: bool) -> None:
        self.out = bytearray(tag)
        self.pieces: list[bytes] = []
        self.streams: dict[int, Streamed] = {}
        self.plus, self.minus = plus, minus
        self.tail = b""

    def space(self) -> None:
        self.out += b" "

    def add(self, argument: Argument) -> None:
        if isinstance(argument, Literal):
            self._literal(argument)
        elif isinstance(argument, bytes):
            self._atom(argument)
        elif isinstance(argument, Streamed):
            self._streamed(argument)
        elif isinstance(argument, str):
            self.add(quote(argument))
        elif isinstance(argument, tuple):
            self._list(argument)
        elif isinstance(argument, int) and not isinstance(argument, bool) and argument >= 0:
            self._atom(b"%d" % argument)
        else:
            raise BadArgument(f"an argument of type {type(argument).__name__}")

    def _atom(self, text: bytes) -> None:
        if _UNFIT.search(text):
            raise BadArgument("control or 8-bit characters in an argument")
        self.out += text
        self.tail = text

    def _list(self, members: tuple[Argument, ...]) -> None:
        self.out += b"("
        for number, member in enumerate(members):
            if number:
                self.space()
            self.add(member)
        self._atom(b")")

    def _literal(self, text: Literal) -> None:
        if _MARK.search(self.tail):
            raise BadArgument("a literal mark in an argument")
        if self.plus or (self.minus and len(text) <= _NONSYNC_MINUS):
            self.out += b"{%d+}\r\n" % len(text)
        else:
            self.pieces.append(bytes(self.out + b"{%d}\r\n" % len(text)))
            self.out.clear()
        self.out += text
        self.tail = b""

    def _streamed(self, literal: Streamed) -> None:
        if _MARK.search(self.tail) or literal.size < 0:
            raise BadArgument("a literal mark in an argument")
        self.pieces.append(bytes(self.out + b"{%d}\r\n" % literal.size))
        self.out.clear()
        self.streams[len(self.pieces)] = literal
        self.tail = b""

    def end(self) -> list[bytes]:
        # `{5+}` before our own CRLF would make the server swallow the next command's first bytes.
        if _MARK.search(self.tail):
            raise BadArgument("a literal mark at the end of a command")
        self.pieces.append(bytes(self.out + CRLF))
        return self.pieces


def check_grammar(line: Sequence[Argument]) -> None:
    """Sets of UIDs are numbers, flags have the shape of flags, whoever built the line; else BadArgument."""
    name = command_name(line)
    skip = name.count(b" ") + 1
    if name in _WITH_SET and not _is_set(_set_argument(line, skip)):
        raise BadArgument("not a set of UIDs")
    last = line[-1]
    if name in (b"STORE", b"UID STORE") and isinstance(last, bytes) and not isinstance(last, Literal):
        _check_flags(last.rpartition(b"FLAGS")[2].rpartition(b"SILENT")[2].strip() or last)
    if name == b"APPEND":
        for argument in line[2:]:
            if isinstance(argument, bytes) and not isinstance(argument, Literal) and argument.startswith(b"("):
                _check_flags(argument)


def _is_set(text: bytes) -> bool:
    """A set of numbers within 32 bits, none of them 0 (RFC 3501 §9): for others Dovecot answers BAD, and ends the
    connection at the 21st."""
    return _SET.match(text) is not None and all(0 < int(each) <= 0xFFFFFFFF for each in _NUMBER.findall(text))


def _check_flags(text: bytes) -> None:
    if not _FLAGS.match(text):
        raise BadArgument("not a list of flags")


def _set_argument(line: Sequence[Argument], skip: int) -> bytes:
    """The argument after `skip` words, whole; only behind the command's own words in one atom it is one word of it."""
    for argument in line:
        if not isinstance(argument, bytes) or isinstance(argument, Literal):
            break
        if skip == 0:
            return argument
        words = argument.split(b" ")
        if len(words) > skip:
            return words[skip]
        skip -= len(words)
    return b""


def _leading_words(line: Sequence[Argument], count: int) -> list[bytes]:
    words: list[bytes] = []
    for argument in line:
        if not isinstance(argument, bytes) or isinstance(argument, Literal):
            break
        words += argument.upper().split(b" ", count)
        if len(words) >= count:
            break
    return words[:count]


def quote(text: str) -> bytes | Literal:
    """A string for the wire: quoted, or a UTF-8 literal where it holds more than ASCII. BadArgument on controls."""
    if any(c < " " or c == "\x7f" for c in text):
        raise BadArgument("control characters in an argument")
    if not text.isascii():
        return Literal(text.encode())
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'


def encoded_mailbox(name: str) -> str:
    """A mailbox name in modified UTF-7 (RFC 3501 §5.1.3), as servers quote it."""
    from imapclient.imap_utf7 import encode  # here: the keeper, which needs this for INBOX only, is 5 MB smaller

    encoded: bytes = encode(name)
    return encoded.decode("ascii")


def quote_mailbox(name: str) -> bytes:
    """A mailbox name for the wire, in quoted modified UTF-7, which also disarms CR, LF and NUL."""
    encoded = encoded_mailbox(name).encode("ascii")
    if not name or _UNFIT.search(encoded):
        raise BadArgument("not a mailbox name")
    return b'"' + encoded.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def flag_list(flags: Iterable[str]) -> bytes:
    """Flags and keywords as one list on the wire: `(\\Seen $Junk)`. BadArgument for what is no flag."""
    words = list(flags)
    for word in words:
        if not isinstance(word, str) or not _FLAG.match(word):
            raise BadArgument("not a flag")
    return b"(" + " ".join(words).encode("ascii") + b")"


def uid_set(uids: Iterable[int]) -> bytes:
    """UIDs as one set, sorted and compressed: `1:5,9`. BadArgument for an empty set and for what is no UID."""
    return b",".join(_ranges(uids))


def chunks(uids: Iterable[int], *, limit: int = SET_LIMIT) -> Iterator[bytes]:
    """UIDs as sets of at most `limit` bytes each; nothing for no UIDs."""
    numbers = list(uids)
    chunk: list[bytes] = []
    size = 0
    for part in _ranges(numbers) if numbers else ():
        if chunk and size + len(part) + 1 > limit:
            yield b",".join(chunk)
            chunk, size = [], 0
        chunk.append(part)
        size += len(part) + 1
    if chunk:
        yield b",".join(chunk)


def _ranges(uids: Iterable[int]) -> list[bytes]:
    numbers = sorted({_uid(uid) for uid in uids})
    if not numbers:
        raise BadArgument("an empty set of UIDs")
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return [b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in ranges]


def _uid(uid: int) -> int:
    if not isinstance(uid, int) or isinstance(uid, bool) or not 0 < uid <= 0xFFFFFFFF:
        raise BadArgument("not a UID")
    return uid
