"""Where a script sends mail on, whoever wrote it: what each `redirect` ends with, as far as it is a plain string, and
whom a `notify` writes to (RFC 5435, RFC 5436): its words may be those of the message."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import unquote

from app.sieve.errors import Foreign, Unreadable
from app.sieve.text import string
from app.sieve.token import tokens

_ADDRESS = re.compile(r"[^\s:,;?&=<>]+@[^\s,;?&<>]+")


def targets(script: bytes) -> frozenset[str]:
    """The addresses, in lower case; of rules that are switched off, too. A script that cannot be read has none."""
    found: set[str] = set()
    command, last = b"", ""
    try:
        for kind, start, end in tokens(script):
            if kind in ("string", "text"):
                last = _said(script[start:end])
                found |= _written_to(last) if command == b"notify" else set()
            elif kind == "word" or script[start:end] in (b";", b"{", b"}"):
                # tags with strings stand before what it ends with
                found |= {last} if command == b"redirect" or (command == b"notify" and "${" in last) else set()
                command, last = script[start:end].lower(), ""
    except Unreadable:
        pass
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


def _written_to(text: str) -> set[str]:
    """The addresses of a mailto: URI; or one alone, as the `notify` of before RFC 5435 has them in its options."""
    text = unquote(text)
    return set(_ADDRESS.findall(text)) if text.startswith("mailto:") or _ADDRESS.fullmatch(text) else set()


def _said(token: bytes) -> str:
    try:
        return string(token).strip().lower()
    except Foreign:
        return ""
