"""What a person typed or pasted into To, Cc or Bcc, as addresses: RFC 5322 lists, groups, and what other programs copy.

    Bob <bob@example.org>, "Smith, J." <j@example.org>; ann@example.org carl@example.org
    Team: a@example.org, b@example.org;

Nothing typed is lost: what is no address comes back as a fault with the exact word and the reason. One pass, linear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from app.mail.address import BadAddress, normal
from app.mail.header import Address, clean

MAX_TYPED: Final = 64 * 1024
_PIECE: Final = re.compile(
    r'(?P<address>"[^"\\@\s]{1,64}+"@[^\s,;<>()"]+|[^\s,;:<>()"@\[]{1,99}+@\[[^\]\s]*+\])'
    r'|"(?P<quoted>(?>(?:[^"\\\r\n]|\\.){0,300}))"'
    r"|<(?P<angle>[^<>\r\n]*+)>"
    r"|\((?P<comment>[^()\r\n]*+)\)"
    r"|(?P<fold>\r?\n[ \t]++(?=<))"
    r"|(?P<mark>[,;\r\n，；、])"
    r"|(?P<colon>:)"
    r'|(?P<word>[^\s,;:<>()"，；、]++)'
)
_ESCAPED: Final = re.compile(r"\\(.)")
# What is pasted along from web pages, and never belongs to an address.
_INVISIBLE: Final = re.compile("[\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_AROUND: Final = "'“”„‘’«»‹›"


@dataclass(frozen=True, slots=True)
class Fault:
    """A word that is no address, as it was typed, and why, to be read behind it: `bob` `has no @`."""

    word: str
    why: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """The addresses of a field in order, each once, and what is none."""

    addresses: tuple[Address, ...]
    faults: tuple[Fault, ...]


@lru_cache(maxsize=32)  # one request reads the same line up to eight times; 64 KB of foreign domains take a second
def recipients(text: str) -> Parsed:
    """Addresses from what was typed. Never raises. At most 64 KB are read: what is longer is a fault as a whole."""
    if len(text) > MAX_TYPED:
        return Parsed((), (Fault(text[:40] + "…", "is too long a list"),))
    reading = _Reading(names_hold_commas=_names_hold_commas(text))
    for found in _PIECE.finditer(text.replace("＠", "@")):
        reading.take(found.lastgroup or "", found[found.lastgroup or 0])
    reading.end()
    return Parsed(tuple(reading.addresses.values()), tuple(reading.faults))


def _names_hold_commas(text: str) -> bool:
    """Whether a list is one of Outlook's: `Smith, John <j@example.org>; Doe, Ann <a@example.org>`."""
    entries = [entry for entry in text.split(";") if entry.strip()]
    return (
        ";" in text
        and ":" not in text
        and all(entry.count("@") == 1 and entry.rstrip().endswith(">") for entry in entries)
    )


@dataclass(slots=True)
class _Reading:
    """What was read of a list so far; `words` since the last address may become its name, or are a mistake."""

    names_hold_commas: bool
    words: list[str] = field(default_factory=list)
    comment: str = ""
    addresses: dict[str, Address] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def take(self, kind: str, text: str) -> None:
        if kind == "angle":
            self._angle(text)
        elif kind == "mark" and text in ",，" and self.names_hold_commas and self.words:
            self.words[-1] += ","
        elif kind == "mark":
            self.end()
        elif kind == "colon":
            self._colon()
        elif kind == "comment":
            self.comment = clean(text)
        elif kind != "fold":
            self.words.append(_ESCAPED.sub(r"\1", text) if kind == "quoted" else text)

    def _colon(self) -> None:
        """What stands before it names a group, or is `mailto` or `To`."""
        last = max((at for at, word in enumerate(self.words) if "@" in word), default=-1)
        del self.words[last + 1 :]
        self.end()

    def _angle(self, text: str) -> None:
        """An address in angle brackets: the words before it are its name, behind the last that is an address itself."""
        last = max((at for at, word in enumerate(self.words[:-1]) if "@" in word), default=-1)
        name = self.words[last + 1 :]
        del self.words[last + 1 :]
        comment, self.comment = self.comment, ""
        self.end()
        self.comment = comment
        self._add(text.strip().removeprefix("mailto:"), name)
        self.comment = ""

    def end(self) -> None:
        """A separator, or the end: each word with an @ is an address, the words before it are its name."""
        name: list[str] = []
        for word in self.words:
            if "@" in word:
                self._add(word, name)
                name = []
            else:
                name.append(word)
        if name or (self.comment and not self.words):
            self.faults.append(Fault(" ".join(name) or f"({self.comment})", "has no @"))
        self.words.clear()
        self.comment = ""

    def _add(self, word: str, name: list[str]) -> None:
        said = clean(" ".join(name)).strip(_AROUND) or self.comment
        plain = _INVISIBLE.sub("", word)
        try:
            address = normal(plain.strip(_AROUND).rstrip("."))
        except BadAddress as error:
            self.faults.append(Fault(" ".join([*name, word]), error.text))
            return
        if "." not in address.rpartition("@")[2] and not address.endswith("]"):
            self.faults.append(Fault(" ".join([*name, word]), "has a domain without a dot"))
            return
        self.addresses.setdefault(address.casefold(), Address(said, address))
