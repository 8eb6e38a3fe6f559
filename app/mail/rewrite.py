"""HTML written anew for the parser: clear tags, balanced, not too deep, not too many, nothing that switches its mode.

Used for the few mails that app/mail/scan.py cannot vouch for. It drops tags, never text; what looks odd afterwards was
odd before. The sanitiser comes after this: nothing here decides what is harmless.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from app.mail.css import words
from app.mail.scan import FORMATTING, MAX_ELEMENTS, TABLE, VOID

MAX_DEPTH: Final = 100
_NAME: Final = re.compile(r"[A-Za-z][^ \t\n\f\r/>\0]*+")
_ATTRIBUTE: Final = re.compile(
    r"[ \t\n\f\r/]*+([^ \t\n\f\r/>][^ \t\n\f\r/>=]*+)"
    r"(?>(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+(?:\"([^\"]*+)\"|'([^']*+)'|(?>([^ \t\n\f\r>\"'][^ \t\n\f\r>]*+)?)))?)"
)
_TAG_END: Final = re.compile(r"[ \t\n\f\r/]*+>")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_COMMENT: Final = re.compile(r"<!--(?:-?>|(?>(?:[^-]++|-(?!->|-!>))*)(?:-->|--!>|\Z|-++\Z))")
_RAW: Final = frozenset(["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"])
_BLOCKS: Final = words(
    "address article aside blockquote center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header "
    "hr li main nav ol p pre section summary ul"
)
_HEADINGS: Final = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_INLINE: Final = words("abbr acronym bdi bdo br cite del dfn img ins kbd label mark q samp span sub sup var wbr")
_KEPT: Final = (_BLOCKS - {"form"}) | FORMATTING | TABLE | _INLINE
_BARRIER: Final = frozenset(["table", "td", "th", "caption"])
# Start tag → the open elements that it ends, looked for as far up as the set beside it allows.
_ENDS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "li": (frozenset(["li"]), _BARRIER | {"ul", "ol"}),
    "dt": (frozenset(["dt", "dd"]), _BARRIER | {"dl"}),
    "dd": (frozenset(["dt", "dd"]), _BARRIER | {"dl"}),
    "td": (frozenset(["td", "th", "caption"]), frozenset(["table"])),
    "th": (frozenset(["td", "th", "caption"]), frozenset(["table"])),
    "tr": (frozenset(["tr", "caption"]), frozenset(["table"])),
    **{
        name: (frozenset(["tbody", "thead", "tfoot", "caption", "colgroup"]), frozenset(["table"]))
        for name in ("tbody", "thead", "tfoot", "caption", "colgroup")
    },
    "a": (frozenset(["a"]), _BARRIER),
    "nobr": (frozenset(["nobr"]), _BARRIER),
    **{name: (_HEADINGS, _BARRIER | {"div", "li"}) for name in _HEADINGS},
}


class _Writer:
    """Tags in, balanced HTML out."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.out: list[str] = []
        self.stack: list[str] = []
        self.open: Counter[str] = Counter()
        self.elements = 0

    def text(self, text: str) -> None:
        self.out.append(text.replace("<", "&lt;"))

    def start(self, name: str, attributes: str) -> None:
        if name not in _KEPT or self.elements >= MAX_ELEMENTS or (name in TABLE - {"table"} and not self._in_table()):
            return
        if name in _BLOCKS:
            self._close(frozenset(["p"]), _BARRIER)
        if name in _ENDS:
            self._close(*_ENDS[name])
        if name not in VOID and len(self.stack) >= self.depth:
            return
        self.elements += 1
        self.out.append(f"<{name}{attributes}>")
        if name not in VOID:
            self.stack.append(name)
            self.open[name] += 1

    def end(self, name: str) -> None:
        self._close(frozenset([name]), frozenset(["table"]) if name in TABLE else _BARRIER)

    def finish(self) -> str:
        self._cut(0)
        return "".join(self.out)

    def _in_table(self) -> bool:
        return self.open["table"] > 0

    def _close(self, names: frozenset[str], barrier: frozenset[str]) -> None:
        """Close the nearest of these elements, and with it all that stands inside."""
        if not any(self.open[name] for name in names):
            return
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] in names:
                self._cut(index)
                return
            if self.stack[index] in barrier:
                return

    def _cut(self, length: int) -> None:
        while len(self.stack) > length:
            name = self.stack.pop()
            self.open[name] -= 1
            self.out.append(f"</{name}>")


def rewrite(html: str, depth: int = MAX_DEPTH) -> tuple[str, list[str]]:
    """Any string as balanced HTML of at most 20,000 elements, 100 deep; and the texts of its style elements.

    `depth`: where less is wanted.
    """
    writer, sheets = _Writer(min(depth, MAX_DEPTH)), []
    lower = html.lower() if html.isascii() else _ascii_lower(html)
    position, length = 0, len(html)
    while position < length:
        found = html.find("<", position)
        writer.text(html[position : found if found >= 0 else length])
        if found < 0:
            break
        position, sheet = _tag(html, lower, found, writer)
        if sheet is not None:
            sheets.append(sheet)
    return writer.finish(), sheets


def _ascii_lower(text: str) -> str:
    """Lower case of the same length: str.lower() makes two characters of some."""
    return text.translate({code: code + 32 for code in range(65, 91)})


def _tag(html: str, lower: str, position: int, writer: _Writer) -> tuple[int, str | None]:
    """Read what begins at ``<``; give the place after it, and the text if it was a style element."""
    following = html[position + 1 : position + 2]
    if following == "!" or following == "?":
        return _markup(html, position), None
    closing = following == "/"
    named = _NAME.match(html, position + 1 + closing)
    if named is None:
        if closing:
            return _markup(html, position), None
        writer.text("<")
        return position + 1, None
    name = lower[named.start() : named.end()]
    attributes, end = _attributes(html, named.end())
    if end is None:  # the file ends inside the tag: there is no tag
        return len(html), None
    if closing:
        writer.end(name)
    elif name in _RAW:
        return _raw(html, lower, name, end)
    else:
        writer.start(name, attributes)
    return end, None


def _markup(html: str, position: int) -> int:
    """The place after a comment, a declaration or another bogus comment (HTML §13.2.5.41–45)."""
    comment = _COMMENT.match(html, position)
    if comment:
        return comment.end()
    end = html.find(">", position)
    return end + 1 if end >= 0 else len(html)


def _raw(html: str, lower: str, name: str, position: int) -> tuple[int, str | None]:
    """Skip an element whose content is no markup; a missing end tag means the rest (HTML §13.2.5.2–4)."""
    end = lower.find(f"</{name}", position)
    if end < 0:
        return len(html), None
    after = html.find(">", end)
    return (after + 1 if after >= 0 else len(html)), html[position:end] if name == "style" else None


def _attributes(html: str, position: int) -> tuple[str, int | None]:
    """Attributes with plain names, quoted anew, and the place after the tag (HTML §13.2.5.32–40)."""
    written: list[str] = []
    while not (end := _TAG_END.match(html, position)):
        attribute = _ATTRIBUTE.match(html, position)
        if attribute is None:
            return "", None
        position = attribute.end()
        if _PLAIN_NAME.fullmatch(attribute[1]):
            value = attribute[2] or attribute[3] or attribute[4] or ""
            value = value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
            written.append(f' {attribute[1].lower()}="{value}"')
    return "".join(written), end.end()
