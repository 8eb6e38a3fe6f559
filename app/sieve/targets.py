"""Where a script sends mail on, whoever wrote it: what each `redirect` or `report` ends with, whom a `notify` writes to
(RFC 5435, RFC 5436): its words may be those of the message. What cannot be told is a target as well, by the text
that it is: nobody agrees to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

from app.sieve.errors import Foreign, Unreadable
from app.sieve.text import string
from app.sieve.token import tokens

SENDS: Final = re.compile(rb"redirect|notify|report|include", re.IGNORECASE)
UNTOLD: Final = "${"  # of variables and encoded characters: what it says is not told by the string alone
UNREAD: Final = "something that cannot be read"
_BETWEEN: Final = re.compile(r"[\s,;?&<>]+")
_LAST: Final = frozenset({b"redirect", b"report"})  # the latter: vnd.dovecot.report, with the message itself


def targets(script: bytes) -> frozenset[str]:
    """The addresses, in lower case; of rules that are switched off, too."""
    found: set[str] = set()
    command, tag, last, at = b"", b"", "", 0
    try:
        for kind, start, end in tokens(script):
            at = end
            if kind in ("string", "text"):
                last = _said(script[start:end])
                found |= _named(command, tag, last)
            elif kind == "tag":
                tag = script[start:end].lower()
            elif kind == "word" or script[start:end] in (b";", b"{", b"}"):
                # tags with strings stand before what it ends with
                found |= {last} if command in _LAST or (command == b"notify" and UNTOLD in last) else set()
                command, tag, last = script[start:end].lower(), b"", ""
    except Unreadable:
        found |= {UNREAD} if SENDS.search(script, at) else set()
    return frozenset(found - {""})


def included(script: bytes) -> tuple[str, ...]:
    """The names of scripts that a script runs as well (RFC 6609), as far as they are plain strings."""
    found: dict[str, None] = {}
    command, last = b"", ""
    try:
        for kind, start, end in tokens(script):
            if kind in ("string", "text"):
                with suppress(Foreign):
                    last = string(script[start:end])
            elif kind == "word" or script[start:end] in (b";", b"{", b"}"):
                if command == b"include" and last:
                    found[last] = None
                command, last = script[start:end].lower(), ""
    except Unreadable:
        pass
    return tuple(found)


def _named(command: bytes, tag: bytes, text: str) -> set[str]:
    """Whom a string of a command names, wherever it stands: a script that runs as well may send mail anywhere."""
    if command == b"include":
        return {text} if UNTOLD in text else set()
    return _written_to(text, options=tag == b":options") if command == b"notify" else set()


def _written_to(text: str, *, options: bool) -> set[str]:
    """The addresses of a mailto: URI; or, as the `notify` of before RFC 5435 has them, of its options."""
    text = unquote(text)
    if options and UNTOLD in text:
        return {text}
    return set(_addresses(text)) if options or text.startswith("mailto:") else set()


def _addresses(text: str) -> Iterator[str]:
    """What may be addresses in a text, in time that grows with its length alone."""
    for piece in _BETWEEN.split(text):
        local, at, domain = piece.partition("@")
        local = local[max(local.rfind(":"), local.rfind("=")) + 1 :]
        if at and domain and (local or "@" in domain):
            yield f"{local}@{domain}"


def _said(token: bytes) -> str:
    try:
        return string(token).strip().lower()
    except Foreign:
        return UNREAD
