"""HTML of strangers made harmless: the only place where mail's markup becomes ours.

Incoming mail goes through a linear scan (scan.py), then nh3 with an allow-list of boring elements, each style and each
address rewritten by the attribute filter, inside the tree. Sanitised last: nothing touches the string afterwards.
What is small (signatures, answers while away) is cleaned by bleach, in small.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

import nh3

from app.mail import css, stylesheet
from app.mail.charset import without_surrogates
from app.mail.limits import USUAL, Limits
from app.mail.marks import OURS, marked
from app.mail.picture import checked_data_uri
from app.mail.rewrite import rewrite
from app.mail.scan import ATTRIBUTES, look

MAX_HTML: Final = USUAL.html_bytes
MAX_ESCAPES: Final = 65_536
_MAX_ADDRESS: Final = 8 * 1024
# Octets of inline pictures that one mail writes: 8 MB of them in base64, once. A mail of 1 MB that showed one picture
# 20,000 times made 12 GB of HTML.
MAX_INLINE: Final = 12 * 1024 * 1024

ELEMENTS: Final = css.words(
    """
    a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del
    details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd label li main
    mark nav nobr ol p pre q s samp section small span strike strong sub summary sup table tbody td tfoot th thead
    tr tt u ul var wbr
    """
)
_DROPPED_WITH_CONTENT: Final = css.words(
    "applet embed frameset iframe math noembed noframes object script select style svg template textarea title xmp"
)
# No title: it would be drawn beside a link, as if it were where the link leads. The browser shows the true address.
_EVERYWHERE: Final = css.words("align bgcolor class dir height id lang style valign width")
_CELL: Final = {"abbr", "background", "colspan", "nowrap", "rowspan", "scope"}
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "*": set(_EVERYWHERE),
    "a": {"href"},
    "img": {"alt", "border", "hspace", "src", "vspace"},
    "table": {"background", "border", "cellpadding", "cellspacing", "frame", "rules", "summary"},
    "tr": {"background"},
    "td": _CELL,
    "th": _CELL,
    "font": {"color", "face", "size"},
    "hr": {"color", "noshade", "size"},
    "br": {"clear"},
    "ol": {"reversed", "start", "type"},
    "ul": {"type"},
    "li": {"type", "value"},
    "col": {"span"},
    "colgroup": {"span"},
    "details": {"open"},
}
_SCHEMES: Final = {"http", "https", "mailto", "tel", "cid", "data"}
REL: Final = "noopener noreferrer nofollow"

_INVISIBLE: Final = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_LINK: Final = re.compile(r"(?:https?://[^/?#\\]|mailto:|tel:)", re.IGNORECASE)
_REMOTE: Final = re.compile(r"https?://[^/?#\\]", re.IGNORECASE)
_UNSAFE_IN_CSS: Final = re.compile(r"[\"'()\\<>\s\x00-\x1f\x7f]")
_NAMES_REMOTE: Final = re.compile(
    r"(?:\b(?:src|background)[ \t\r\n]{0,9}=[ \t\r\n]{0,9}[\"']?|url\([ \t\r\n]{0,9}[\"']?)[ \t\r\n]{0,9}https?:",
    re.IGNORECASE,
)
_CID: Final = re.compile(r"cid:([^\s\"'<>()\\]{1,250})", re.IGNORECASE)
_BODY: Final = re.compile(rf"<body(?=[ \t\n\f\r/>])({ATTRIBUTES})>", re.IGNORECASE)
_BGCOLOR: Final = re.compile(r"bgcolor[ \t\n\f\r]{0,9}=[ \t\n\f\r]{0,9}[\"']?(#?[A-Za-z0-9]{1,24})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Harmless HTML for the frame; how many remote pictures it was kept from loading; whether its end is missing; the
    hosts to which links lead whose words name others."""

    html: str
    blocked_remote: int
    cut: bool = False
    leads: tuple[str, ...] = ()


@dataclass(slots=True)
class _Filter:
    """Decides on each attribute that nh3's allow-list lets through."""

    images: Mapping[str, str]
    remote: bool
    blocked: set[str] = field(default_factory=set)
    inline: int = 0
    marking: bool = False

    def attribute(self, element: str, name: str, value: str) -> str | None:
        """The attribute's new value; None drops it."""
        if name == "style":
            return css.style(value, self.picture) or None
        if name == "href":
            return link(value)
        if name == "class" and OURS in value and not self.marking:
            return " ".join(each for each in value.split() if not each.startswith(OURS))
        if name == "src" or name == "background":
            return self.picture(value)
        return value

    def picture(self, address: str) -> str | None:
        """The address that may be loaded in place of this one: inline data, or https when remote content is wanted."""
        address = address.strip(" \t\r\n\f\0")
        if address[:4].lower() == "cid:":
            return self._inline(self.images.get(content_id(address[4:])))
        if address[:5].lower() == "data:":
            return checked_data_uri(address)
        if not _REMOTE.match(address) or len(address) > _MAX_ADDRESS:
            return None
        if not self.remote:
            self.blocked.add(address)
            return None
        address = _UNSAFE_IN_CSS.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), address)
        return "https:" + address.split(":", 1)[1]

    def _inline(self, data: str | None) -> str | None:
        """A picture of the mail's own, as often as there is room for it."""
        if data is None or self.inline + len(data) > MAX_INLINE:
            return None
        self.inline += len(data)
        return data


def link(address: str) -> str | None:
    """A link's address if it is absolute http, https, mailto or tel; else None.

    Browsers skip white space and control characters inside a scheme, so they are taken out before the scheme is read.
    """
    address = _INVISIBLE.sub(lambda found: "%20" if found[0] == " " else "", address.strip(" \t\r\n\f\0"))
    return address if _LINK.match(address) and len(address) <= _MAX_ADDRESS else None


def content_id(text: str) -> str:
    """A Content-ID as key: without angle brackets and percent escapes (RFC 2392 §2)."""
    return unquote(text).strip().strip("<>").strip()


def referenced(html: str, limits: Limits = USUAL) -> frozenset[str]:
    """The Content-IDs that HTML names, so that only those pictures are fetched."""
    html = html[: limits.html_bytes]
    if "cid:" not in html.lower():  # quickly found out; most mail names none
        return frozenset()
    return frozenset(content_id(found) for found in _CID.findall(html))


def names_remote(html: str) -> bool:
    """Whether HTML seems to load pictures from outside: a look at its text, to offer the reader the choice."""
    return _NAMES_REMOTE.search(html[:MAX_HTML]) is not None


def frame_html(
    html: str, *, images: Mapping[str, str] | None = None, remote: bool = False, limits: Limits = USUAL
) -> Cleaned:
    """HTML of a mail as a harmless fragment for the sandboxed frame.

    ``images``: Content-ID → ``data:`` address. ``remote``: whether pictures may be loaded from others, over https only.
    Beyond the limits (512 KB of text, a depth of 200) or 20,000 elements it is shown as far as it goes. Never raises.
    """
    cut = len(html) > limits.html_bytes
    html, shortened = _fewer_escapes(without_surrogates(html[: limits.html_bytes].replace("\0", "")))
    looked = look(html, limits.html_depth)
    sheets, source = looked.sheets, _with_body(html)
    if not looked.safe:
        source, sheets = rewrite(source, limits.html_depth)
    chosen = _Filter(images or {}, remote)
    cleaner = _cleaner(chosen.attribute)
    body = cleaner.clean(source)
    told, leads = marked(body)
    if leads:
        chosen.marking = True
        body = cleaner.clean(told)
    style = stylesheet.sheet("\n".join(sheets), chosen.picture) if sheets else ""
    head = f"<style>{style}</style>" if style and "<" not in style else ""
    return Cleaned(head + body, len(chosen.blocked), cut or shortened, leads)


def _fewer_escapes(html: str) -> tuple[str, bool]:
    """HTML without a flood of ``&`` and no-break spaces, and whether its end was cut off for that.

    nh3 0.3.8 is quadratic in how many of them it writes into one text or attribute: 512 KB of U+00A0 take 9.4 s.
    """
    if html.count("&") + html.count("\xa0") <= MAX_ESCAPES:
        return html, False
    pieces = html.replace("\xa0", " ").replace("&nbsp;", " ").split("&", MAX_ESCAPES)
    return "&".join(pieces[:MAX_ESCAPES]), len(pieces) > MAX_ESCAPES


def _with_body(html: str) -> str:
    """The mail with the attributes of its body, which a fragment has none of, on elements around it."""
    found = _BODY.search(html)
    if found is None:
        return html
    colour = _BGCOLOR.search(found[1])
    ground = f'<div style="background-color:{colour[1]}">' if colour else "<div>"
    return f"{ground}<div {found[1]}>{html}"


def _cleaner(attribute_filter: Callable[[str, str, str], str | None]) -> nh3.Cleaner:
    """nh3 with our allow-lists; making one takes 40 µs."""
    return nh3.Cleaner(
        tags=ELEMENTS,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=attribute_filter,
        url_schemes=_SCHEMES,
        url_relative="deny",
        link_rel=REL,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )
