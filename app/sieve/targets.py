"""Where a script sends mail on, whoever wrote it: what stands after each `redirect`, as far as it is a plain string."""

from __future__ import annotations

from app.sieve.errors import Foreign, Unreadable
from app.sieve.text import string
from app.sieve.token import tokens

_BETWEEN = frozenset({"space", "comment", "bracket", "tag"})


def targets(script: bytes) -> frozenset[str]:
    """The addresses, in lower case; of rules that are switched off, too. A script that cannot be read has none."""
    found: set[str] = set()
    asked = False
    try:
        for kind, start, end in tokens(script):
            if kind == "word":
                asked = script[start:end].lower() == b"redirect"
            elif asked and kind in ("string", "text"):
                found.add(_said(script[start:end]))
                asked = False
            elif kind not in _BETWEEN:
                asked = False
    except Unreadable:
        pass
    return frozenset(found - {""})


def _said(token: bytes) -> str:
    try:
        return string(token).strip().lower()
    except Foreign:
        return ""
