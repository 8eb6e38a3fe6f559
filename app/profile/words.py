"""How text is folded and cut into words, so that `jos` finds José and `müller@` finds what was meant by it.

What is kept in SQL and what is typed pass the same functions: both sides are compared byte by byte there.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

WORD = 60  # characters of a word that are indexed
_MOST = 16  # words of one recipient
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_RUN = re.compile(r"[^\W_]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def line(text: str, most: int = 200) -> str:
    """One line without control characters and needless spaces: no database takes a NUL, no header a line break."""
    return " ".join(_CONTROL.sub(" ", text[: most * 2]).split())[:most].rstrip()


def paragraph(text: str, most: int) -> str:
    """Text of several lines, broken by LF, without other control characters."""
    return _CONTROL_IN_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))[:most].strip("\n")


def folded(text: str) -> str:
    """Without case and accents; letters that are no accented ones as people type them. NUL and the like are gone."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return _CONTROL.sub("", bare.casefold().translate(_LETTERS))


def runs(text: str) -> list[str]:
    """Runs of letters and digits in folded text."""
    return _RUN.findall(text)


def words_of(name: str, address: str) -> tuple[str, ...]:
    """The words of a name, and the address from the beginning of each of its words on. Not from the last label of its
    domain: `c` would mean everybody in com."""
    low = folded(address)
    head = low.rpartition(".")[0] if "." in low.rpartition("@")[2] else low
    whole = [*runs(folded(name)), low, *(low[found.start() :] for found in _RUN.finditer(head))]
    return tuple(dict.fromkeys(each for each in whole if each))[:_MOST]


def fits(typed: str, words: tuple[str, ...]) -> bool:
    """Whether each piece that was typed begins a word; a piece such as `o'br` may also begin several."""
    return all(_begins(piece, words) or _begin_all(piece, words) for piece in folded(typed).split())


def to_look_up(typed: str, most: int) -> list[str]:
    """What of the text typed certainly begins words, the longest first: the runs of each piece, but not the last of
    several, which may be the last label of a domain."""
    pieces = (runs(piece) for piece in folded(typed).split())
    begun = {run for each in pieces for run in (each[:-1] or each)}
    return sorted(begun, key=len, reverse=True)[:most]


def _begins(piece: str, words: tuple[str, ...]) -> bool:
    return any(word.startswith(piece) for word in words)


def _begin_all(piece: str, words: tuple[str, ...]) -> bool:
    pieces = runs(piece)
    return "@" not in piece and bool(pieces) and all(_begins(each, words) for each in pieces)


def mark(address: str) -> str:
    """A digest by which equal addresses are found. Local parts are compared without case, as servers treat them."""
    return hashlib.sha256(folded_address(address).encode("utf-8", "replace")).hexdigest()[:32]


def folded_address(address: str) -> str:
    """Case folded, but no accents: those make another address."""
    return unicodedata.normalize("NFC", address).casefold()
