"""Domains that are one slip of the fingers away from one that many people have: gmial.com, outlok.com."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_KNOWN: Final = (
    "gmail.com", "googlemail.com", "hotmail.com", "outlook.com", "yahoo.com", "icloud.com", "protonmail.com",
    "t-online.de", "freenet.de", "orange.fr", "wanadoo.fr", "libero.it", "comcast.net",
)  # fmt: skip
# Real ones beside them.
_REAL: Final = frozenset({"mail.com", "email.com", "ymail.com", "gmail.co", "hotmail.co", "yahoo.co", "outlook.co"})
_SHORTEST: Final = 8  # characters of a domain; shorter ones have too many real neighbours


def meant(address: str, own: Iterable[str] = ()) -> str:
    """The domain that was probably meant, "" where nothing speaks against the one that is there. `own`: domains of the
    writer's own provider."""
    domain = address.rpartition("@")[2].casefold()
    known = [*own, *_KNOWN]
    if len(domain) < _SHORTEST - 1 or domain in _REAL or domain in known:
        return ""
    return next((each for each in known if len(each) >= _SHORTEST and _one_slip(domain, each)), "")


def _one_slip(typed: str, known: str) -> bool:
    """Whether one letter too many, one missing, a wrong one or two exchanged make the difference."""
    shared = next((at for at, (one, other) in enumerate(zip(typed, known, strict=False)) if one != other), None)
    if shared is None:
        return abs(len(typed) - len(known)) == 1
    left, right = typed[shared:], known[shared:]
    exchanged = left[:2] == right[1::-1] and left[2:] == right[2:]
    return exchanged or left[1:] == right[1:] or left[1:] == right or left == right[1:]
