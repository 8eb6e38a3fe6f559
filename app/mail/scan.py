"""A linear look at HTML before the sanitiser, whose parser (as browsers') is quadratic where a stranger wants.

Measured with nh3 0.3.8: 250 KB of nested ``<div>`` 3.3 s; 130 KB of ``<p><font id=1><p><font id=2>…`` 57 s and 728 MB
of output, because each unclosed formatting element is opened again in each paragraph. So: most mail passes `look`,
which only counts, from above; what it cannot vouch for is written anew, within the limits, by app/mail/rewrite.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from app.mail.limits import USUAL

MAX_ELEMENTS: Final = 20_000
MAX_REOPENED: Final = 100_000

_S: Final = r"[ \t\n\f\r]"
ATTRIBUTES: Final = (
    rf"(?>(?:[ \t\n\f\r/]*+[^ \t\n\f\r\"'<>/=]++(?>(?:{_S}*+={_S}*+"
    r"(?:\"[^\"]*+\"|'[^']*+'|[^ \t\n\f\r\"'<>`=]++))?))*)[ \t\n\f\r/]*+"
)
_END: Final = r"(?=[ \t\n\f\r/>])"
_RAW: Final = "style|script|title|textarea|xmp|iframe|noembed|noframes"
TOKEN: Final = re.compile(
    rf"<(?:(?P<raw>{_RAW}){_END}{ATTRIBUTES}>(?P<content>(?>(?:[^<]++|<(?!/(?P=raw){_END}))*))</(?P=raw){_END}[^>\"'<]*+>"
    rf"|(?!/?(?:{_RAW}){_END})(?P<name>/?[A-Za-z][A-Za-z0-9:_-]*+){_END}{ATTRIBUTES}>"
    r"|!--(?!-?>)(?>(?:[^-]++|-(?!->|-!>))*)-->"
    r"|!(?!--)[^>]*+>|\?[^>]*+>"
    r"|(?P<odd>[A-Za-z/!?]))",
    re.IGNORECASE,
)

VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
FORMATTING: Final = frozenset(
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
TABLE: Final = frozenset(["caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"])
# What switches the parser's mode: never vouched for.
_ODD: Final = frozenset(
    ["applet", "button", "frameset", "marquee", "math", "noscript", "object", "plaintext", "select", "svg", "template"]
)
_SKIPPED: Final = frozenset(["html", "head", "body", *VOID])
# An element that the parser closes by itself when the other begins directly inside it (HTML §13.2.6.4).
IMPLIED: Final = {
    "p": frozenset(["p"]),
    "li": frozenset(["p", "li"]),
    "dt": frozenset(["p", "dt", "dd"]),
    "dd": frozenset(["p", "dt", "dd"]),
    "td": frozenset(["p", "li", "td", "th"]),
    "th": frozenset(["p", "li", "td", "th"]),
    "tr": frozenset(["p", "li", "td", "th", "tr"]),
    "tbody": frozenset(["p", "td", "th", "tr", "tbody", "thead"]),
}


@dataclass(slots=True)
class Looked:
    """What the scan found: whether the parser is safe with it, the texts of its style elements, and how many elements
    the parser will make at most, those opened again included; not counted are the few that it adds to tables."""

    safe: bool
    sheets: list[str]
    elements: int = 0


@dataclass(slots=True)
class _Count:
    """Upper bounds of what the parser will build. Formatting elements left open at a cell's edge count for ever."""

    depth: int
    stack: list[str] = field(default_factory=list)
    formatting: list[list[str]] = field(default_factory=lambda: [[]])
    active: int = 0
    elements: int = 0
    reopened: int = 0

    def start(self, name: str) -> None:
        self.elements += 1
        if name in FORMATTING:
            self.formatting[-1].append(name)
            self.active += 1
            return
        self.reopened += self.active
        implied = IMPLIED.get(name)
        while implied and self.stack and self.stack[-1] in implied:
            self.stack.pop()
        self.stack.append(name)
        if name in TABLE:
            self._edge(name)

    def end(self, name: str) -> None:
        if name in FORMATTING:
            if name in self.formatting[-1]:
                self.formatting[-1].remove(name)
                self.active -= 1
            return
        self.reopened += self.active
        if name in self.stack[-30:]:
            while self.stack.pop() != name:
                pass
        if name == "table" and len(self.formatting) > 1:
            self.formatting.pop()
        elif name in TABLE:
            self.formatting[-1] = []

    def _edge(self, name: str) -> None:
        if name == "table":
            self.formatting.append([])
        else:
            self.formatting[-1] = []

    @property
    def within(self) -> bool:
        return (
            len(self.stack) + self.active <= self.depth
            and self.elements <= MAX_ELEMENTS
            and self.reopened <= MAX_REOPENED
        )


def look(html: str, depth: int = USUAL.html_depth) -> Looked:
    """Read HTML once; ``safe`` only if it is clearly written and the parser's tree stays within the limits.

    Linear. A tag that is not clearly one (quotes out of place, an unclosed comment) ends the look: what this scan and
    the parser could understand differently is not vouched for.
    """
    count, sheets = _Count(depth), []
    for match in TOKEN.finditer(html):
        name = match["name"]
        if name is None:
            if match["odd"] or ((raw := match["raw"]) and _nested_script(raw, match["content"])):
                return Looked(False, [])
            if raw and raw.lower() == "style":
                sheets.append(match["content"])
            continue
        name = name.lower()
        if name[0] == "/":
            if name[1:] not in _SKIPPED:
                count.end(name[1:])
        elif name in _ODD:
            return Looked(False, [])
        elif name not in _SKIPPED:
            count.start(name)
            if not count.within:
                return Looked(False, [])
        else:
            count.elements += 1
    return Looked(count.within, sheets, count.elements + count.reopened)


def _nested_script(raw: str, content: str) -> bool:
    """Inside ``<script><!--<script>`` an end tag does not end (HTML §13.2.5.20)."""
    return raw.lower() == "script" and "<!--" in content
