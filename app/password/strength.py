"""How easily a new password is guessed, by zxcvbn: it knows common passwords, names, keyboards, dates, and disguises.

It takes 14 MB, so the first question imports it. It is asked about a bounded text: each further character that may
stand for a letter doubles its work (72 characters with all 23 of them took 7 s, with ten 0.06 s).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

LONGEST = 128  # characters of a password
_LOOKED_AT = 72  # which is what bcrypt takes, too
_DISGUISES = frozenset("4@8({[<369&#!1/|0$5+7%2")
_MOST_DISGUISES = 10
_LEAST_BESIDE = 6  # characters beside the own name
_OWN = "It holds your own name or address."
_EASY = "This is too easy to guess."
_ADVICE = "Three or four words that have nothing to do with each other are a good one."


def weakness(password: str, own: Iterable[str], *, score: int) -> str:
    """What is wrong with a password that reaches less than `score` of zxcvbn's 0 to 4; "" for nothing. `own`: words
    that belong to its owner, whom an attacker knows."""
    from zxcvbn import zxcvbn

    mine = [part.casefold() for word in own for part in (word, *_parts(word)) if len(part) > 2][:40]
    if _beside(password, mine) < _LEAST_BESIDE:
        return f"{_EASY} {_OWN} {_ADVICE}"
    found: dict[str, Any] = zxcvbn(bounded(password), user_inputs=mine)
    if found["score"] >= score:
        return ""
    return " ".join(filter(None, (_EASY, _said(found), _ADVICE)))


def _beside(password: str, own: list[str]) -> int:
    """How many characters are left of a password without its owner's words, which zxcvbn alone counts for too much."""
    left = password.casefold()
    for word in sorted(own, key=len, reverse=True):
        left = left.replace(word, "")
    return len(left) if len(left) < len(password.casefold()) else LONGEST


def bounded(password: str) -> str:
    """What of a password is looked at; of the characters that may stand for letters only the first few kinds."""
    kept = dict.fromkeys(each for each in password if each in _DISGUISES)
    left_out = set(list(kept)[_MOST_DISGUISES:])
    return "".join(each for each in password if each not in left_out)[:_LOOKED_AT]


def _said(found: dict[str, Any]) -> str:
    if any(each.get("dictionary_name") == "user_inputs" for each in found["sequence"]):
        return _OWN
    return str(found["feedback"]["warning"])


def _parts(word: str) -> list[str]:
    """The words of a name or an address, and all of them in one."""
    words = "".join(each if each.isalnum() else " " for each in word).split()
    return [*words, "".join(words[:2])]
