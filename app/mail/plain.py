"""HTML of mail as plain text: for quoting it in an answer, and for the text beside the HTML that is sent.

The HTML is written anew first (rewrite.py: balanced, clear tags, no styles and scripts), so one linear pass suffices.
Quotes become lines with `>`, links keep where they lead, pictures their descriptions.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from app.mail.charset import without_surrogates
from app.mail.css import words
from app.mail.flowed import MAX_QUOTES
from app.mail.rewrite import rewrite

MAX_HTML: Final = 2 * 1024 * 1024
MAX_MARKS: Final = 1024 * 1024  # of quotes, in all: 2 MB of empty lines, quoted 30 deep, made 62 MB of text
_TOKEN: Final = re.compile(r"<(?P<close>/?)(?P<name>[a-z][a-z0-9]*+)(?P<attributes>[^>]*+)>|(?P<text>[^<]++)")
_ATTRIBUTE: Final = re.compile(r' (href|alt|start)="([^"]*+)"', re.IGNORECASE)
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_APART: Final = words("dl h1 h2 h3 h4 h5 h6 ol p pre table ul")  # an empty line before and after
_BLOCKS: Final = words(
    "address article aside blockquote center dd details div dl dt fieldset figure footer h1 h2 h3 h4 h5 h6 header hr "
    "li main nav ol p pre section summary table tr ul"
)


def html_text(html: str) -> str:
    """The text of any HTML, at most 2 MB of it read; one line a paragraph. Never raises."""
    written, _ = rewrite(without_surrogates(html[:MAX_HTML].replace("\0", "")))
    reading = _Reading()
    for token in _TOKEN.finditer(written):
        if token["text"] is not None:
            reading.text(unescape(token["text"]).replace("\r\n", "\n"))
        elif token["close"]:
            reading.end(token["name"])
        else:
            reading.start(token["name"], token["attributes"])
    return reading.finish()


class _Reading:
    """Lines of text, and what of the elements around the current place matters for them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []  # pieces; a text that grew by each copied 2 MB of short words for 49 s
        self.marked = 0  # marks of quotes that are written
        self.space = False  # white space came, which counts only between words
        self.apart: int | None = None  # an empty line is wanted before what comes next, so deeply quoted
        self.quotes = self.pre = 0
        self.lists: list[int] = []  # number of the next item; -1 where they are not numbered
        self.links: list[tuple[str, int]] = []

    def text(self, text: str) -> None:
        if self.pre:
            first, *others = text.split("\n")
            self._add(first)
            for each in others:
                self._break()
                self._add(each)
            return
        for number, word in enumerate(_SPACE.split(text)):
            self.space |= number > 0
            if word:
                self._add((" " if self.space and self.line else "") + word)
                self.space = False

    def start(self, name: str, attributes: str) -> None:
        given = {key.lower(): unescape(value) for key, value in _ATTRIBUTE.findall(attributes)}
        if name in _BLOCKS:
            self._block(name)
        if name == "br":
            self._break()
        elif name == "hr":
            self._add("---")
            self._break()
        elif name in ("td", "th") and self.line:
            self.space = True
        elif name == "img" and given.get("alt", "").strip():
            self.text(f"[{given['alt']}]")
        elif name == "a":
            self.links.append((given.get("href", ""), len(self.line)))
        elif name in ("ul", "ol"):
            self.lists.append(-1 if name == "ul" else _number(given.get("start", "")))
        elif name == "li":
            self._item()
        elif name == "pre":
            self.pre += 1
        elif name == "blockquote":
            self.quotes += 1

    def end(self, name: str) -> None:
        if name == "a" and self.links:
            self._lead(*self.links.pop())
        if name in _BLOCKS:
            self._block(name)
        if name in ("ul", "ol") and self.lists:
            self.lists.pop()
        elif name == "pre":
            self.pre -= 1
        elif name == "blockquote":
            self.quotes -= 1

    def finish(self) -> str:
        if self.line:
            self._break()
        return "\n".join(self.lines).strip("\n")

    def _add(self, text: str) -> None:
        if not text:
            return
        if self.apart is not None and self.lines and self.lines[-1].strip("> "):
            self.lines.append(">" * min(self.apart, self.quotes, MAX_QUOTES))
        self.apart = None
        self.line.append(text)

    def _break(self) -> None:
        marks = self._marks() if self.marked < MAX_MARKS else ""
        self.marked += len(marks)
        line = "".join(self.line).replace("\xa0", " ")
        self.lines.append((marks + line) if line else marks.rstrip(" "))
        self.line, self.space = [], False

    def _block(self, name: str) -> None:
        if self.line:
            self._break()
        self.space = False
        if name in _APART and not (self.lists and name in ("ul", "ol")):
            self.apart = self.quotes if self.apart is None else min(self.apart, self.quotes)

    def _marks(self) -> str:
        return ">" * min(self.quotes, MAX_QUOTES) + (" " if self.quotes else "")

    def _item(self) -> None:
        number = self.lists[-1] if self.lists else -1
        self._add("  " * min(max(len(self.lists) - 1, 0), 20) + (f"{number}. " if number >= 0 else "- "))
        if number >= 0:
            self.lists[-1] += 1

    def _lead(self, target: str, start: int) -> None:
        """Where a link leads, behind its words, unless they say so."""
        said = "".join(self.line[start:]).strip()
        if target.lower().startswith(("http://", "https://")) and _bare(target) != _bare(said):
            self._add(f" <{target}>" if said else f"<{target}>")


def _bare(address: str) -> str:
    return address.lower().removeprefix("https://").removeprefix("http://").rstrip("/")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
