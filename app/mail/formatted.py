"""HTML that a person writes, cleaned: the only form in which it is stored, sent, or opened in the editor.

What a browser posts and what other programs' drafts hold is believed alike: not at all. Few elements, links that lead
somewhere absolute, pictures that lie in the message itself; no styles but the quote's own, which is ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from html import escape, unescape
from typing import Final

import nh3

from app.mail.charset import without_surrogates
from app.mail.css import words
from app.mail.plain import MAX_HTML, html_text
from app.mail.rewrite import rewrite
from app.mail.sanitize import MAX_ESCAPES, content_id, link
from app.mail.scan import MAX_ELEMENTS

SIGNATURE: Final = "signature"  # class of the element that holds it, so that another identity's can take its place
_ELEMENTS: Final = words(
    "a b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins li ol p pre s span strike "
    "strong sub sup table tbody td tfoot th thead tr u ul"
)
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "*": set(),  # else nh3 keeps title and lang
    "a": {"href"},
    "blockquote": {"type"},
    "div": {"class", "dir"},
    "img": {"alt", "src", "width"},
    "li": {"dir"},
    "ol": {"start"},
    "p": {"dir"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
# Said by the element itself: many programs draw no line beside a quote by themselves.
_QUOTE: Final = "margin:0 0 0 0.5em;padding-left:0.75em;border-left:2px solid #b0aca3"
_BLOCK: Final = re.compile(
    r"<(/?)(?:address|article|aside|center|details|fieldset|figcaption|figure|footer|header|main|nav|section|summary)"
    r"(?=[ >])"
)
_PICTURE: Final = re.compile(r"<img((?: [a-z][a-z0-9-]*=\"[^\"]*\")*)>")
_NAMED: Final = re.compile(r" (src|data-cid|alt|width)=\"([^\"]*)\"")
_CONTENT_ID: Final = re.compile(r"[!-;=?-~]{1,240}")
_SHOWN: Final = re.compile(r"<img src=\"cid:([^\"]*)\"")
_LENGTH: Final = re.compile(r"[1-9]\d{0,3}")
_EMPTY_LINES: Final = re.compile(r"(?:<div><br></div>)*")


def too_much(html: str) -> bool:
    """Whether it is more than is cleaned without loss: longer, or with more elements or escapes than the sanitiser is
    quick with. What is typed is never cut; who has typed so much is told."""
    return (
        len(html) > MAX_HTML
        or html.count("&") + html.count("\xa0") > MAX_ESCAPES
        or html.count("<") > 2 * MAX_ELEMENTS  # each has an end tag
    )


def formatted(html: str, pictures: Collection[str] | None = None) -> str:
    """Composed HTML as a harmless fragment. `pictures`: the Content-IDs that there are;
    without, every one that is named. Linear; what is `too_much` loses its end. Never raises."""
    written, _ = rewrite(without_surrogates(html[:MAX_HTML].replace("\0", "")))
    written = _BLOCK.sub(r"<\1div", written)
    written = _PICTURE.sub(lambda found: _picture(found[1], pictures), written)
    return _CLEANER.clean(written)


def pictures_in(html: str) -> frozenset[str]:
    """The Content-IDs that cleaned HTML names."""
    return frozenset(unescape(found) for found in _SHOWN.findall(html))


def text_of(html: str) -> str:
    """The plain text of cleaned HTML, with the empty lines that it begins with: there an answer is written."""
    return "\n" * (_EMPTY_LINES.match(html) or [""])[0].count("<br>") + html_text(html)


def _picture(attributes: str, pictures: Collection[str] | None) -> str:
    """The element with what is kept of it, "" where the picture lies elsewhere. An editor names it in data-cid."""
    given = {name: unescape(value) for name, value in _NAMED.findall(attributes)}
    source = given.get("src", "")
    named = given.get("data-cid") or (content_id(source[4:]) if source[:4].lower() == "cid:" else "")
    if not _CONTENT_ID.fullmatch(named) or not (pictures is None or named in pictures):
        return ""
    width = f' width="{given["width"]}"' if _LENGTH.fullmatch(given.get("width", "")) else ""
    return f'<img src="cid:{escape(named)}" alt="{escape(given.get("alt", ""))}"{width}>'


def _attribute(element: str, name: str, value: str) -> str | None:
    if name == "href":
        return link(value)
    if name == "class":
        return value if value == SIGNATURE else None
    if name == "dir":
        return value if value in ("auto", "ltr", "rtl") else None
    if name == "type":
        return value if value == "cite" else None
    if name in ("start", "colspan", "rowspan"):
        return value if _LENGTH.fullmatch(value) else None
    return value


_CLEANER: Final = nh3.Cleaner(
    tags=_ELEMENTS,
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto", "tel", "cid"},
    url_relative="deny",
    link_rel=None,
    set_tag_attribute_values={"blockquote": {"style": _QUOTE}},
    strip_comments=True,
)
