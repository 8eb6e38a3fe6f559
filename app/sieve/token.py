"""Takes a Sieve script apart into tokens (RFC 5228 §8.1), without losing a byte: the tokens together are the script.

Linear in the script's length: runs are matched possessively, ends of strings and comments are searched for. Line ends
are CRLF or LF, as the servers take both. What is inside strings and comments may be any bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from app.sieve.errors import Unreadable

_SIMPLE: Final = re.compile(
    rb"(?P<space>[ \t\r\n]++)|(?P<tag>:[A-Za-z_][A-Za-z0-9_]*+)|(?P<word>[A-Za-z_][A-Za-z0-9_]*+)"
    rb"|(?P<number>[0-9]++[KkMmGg]?)|(?P<mark>[\[\](){},;])"
)
_PLAIN: Final = re.compile(rb'[^"\\]*+')
_REST: Final = re.compile(rb"[ \t]*+(?:#[^\n]*+)?\r?\n")  # of the line of `text:`


class Token(NamedTuple):
    """`kind` is space, comment (# …), bracket (/* … */), string, text (a `text:` block), number, word, tag, or the
    punctuation mark itself."""

    kind: str
    start: int
    end: int


def tokens(source: bytes) -> Iterator[Token]:
    """The tokens of a script, in order; each begins where the last ended. Raises Unreadable."""
    at = 0
    while at < len(source):
        token = _token(source, at)
        yield token
        at = token.end


def _token(source: bytes, at: int) -> Token:
    first = source[at : at + 1]
    if first == b'"':
        return Token("string", at, _string_end(source, at))
    if first == b"#":
        end = source.find(b"\n", at)
        return Token("comment", at, end if end >= 0 else len(source))
    if source.startswith(b"/*", at):
        return Token("bracket", at, _after(source, b"*/", at + 2, at, "a comment"))
    found = _SIMPLE.match(source, at)
    if found is None:
        raise Unreadable(at, "a character that means nothing here")
    kind, end = str(found.lastgroup), found.end()
    if kind == "mark":
        return Token(first.decode(), at, end)
    if kind == "word" and end - at == 4 and source[at : end + 1].lower() == b"text:":
        return Token("text", at, _text_end(source, end + 1, at))
    return Token(kind, at, end)


def _string_end(source: bytes, at: int) -> int:
    end = at + 1
    while True:
        found = _PLAIN.match(source, end)
        end = found.end() if found else end
        if end >= len(source) - (source[end : end + 1] == b"\\"):
            raise Unreadable(at, "a text in quotes that does not end")
        if source[end : end + 1] == b'"':
            return end + 1
        end += 2


def _text_end(source: bytes, at: int, start: int) -> int:
    """The end of the line that is a single dot."""
    rest = _REST.match(source, at)
    if rest is None:
        raise Unreadable(start, "text: is not followed by the end of its line")
    dot = rest.end() - 1  # the line's own end, which the dot may follow directly
    while (dot := source.find(b"\n.", dot)) >= 0:
        for ending in (b"\n", b"\r\n"):
            if source.startswith(ending, dot + 2):
                return dot + 2 + len(ending)
        dot += 2
    raise Unreadable(start, "a text that does not end with a line that is a single dot")


def _after(source: bytes, ending: bytes, at: int, start: int, what: str) -> int:
    end = source.find(ending, at)
    if end < 0:
        raise Unreadable(start, f"{what} that does not end")
    return end + len(ending)
