"""An independent judge of what the sanitiser lets through: html5lib's tree, looked at with lists of its own."""

from __future__ import annotations

import re
from typing import Any

import html5lib

HTML = "{http://www.w3.org/1999/xhtml}"
ELEMENTS = frozenset(
    [
        "html",
        "head",
        "body",
        "a",
        "abbr",
        "acronym",
        "address",
        "article",
        "aside",
        "b",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "li",
        "main",
        "mark",
        "nav",
        "nobr",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "wbr",
    ]
)
ATTRIBUTES = frozenset(
    [
        "abbr",
        "align",
        "alt",
        "background",
        "bgcolor",
        "border",
        "cellpadding",
        "cellspacing",
        "class",
        "clear",
        "color",
        "colspan",
        "dir",
        "face",
        "frame",
        "height",
        "href",
        "hspace",
        "id",
        "lang",
        "noshade",
        "nowrap",
        "open",
        "rel",
        "reversed",
        "rowspan",
        "rules",
        "scope",
        "size",
        "span",
        "src",
        "start",
        "style",
        "summary",
        "target",
        "title",
        "type",
        "valign",
        "value",
        "vspace",
        "width",
    ]
)
PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*\Z")
LINK = re.compile(r"(?:https?://[^/?#\\]|mailto:|tel:)", re.IGNORECASE)
WRONG_IN_CSS = re.compile(
    r"expression|javascript|behavio|binding|@import|@font-face|@charset|position\s*:|var\(|attr\(|image-set|element\(|</|\\|<!"
    r"|z-index|animation|transform|cursor|content\s*:|filter\s*:|mask",
    re.IGNORECASE,
)
URL = re.compile(r"url\(\"([^\"]*)\"\)")


def judge(html: str, *, remote: bool = False) -> None:
    """Raises AssertionError when the HTML holds anything but boring elements, attributes, styles and addresses."""
    document = f"<!doctype html><html><head></head><body>{html}</body></html>"
    for element in html5lib.parse(document).iter():
        if not isinstance(element.tag, str):
            raise AssertionError("a comment or a processing instruction")
        _judge_element(element, remote)


def _judge_element(element: Any, remote: bool) -> None:
    assert element.tag.startswith(HTML), f"foreign element {element.tag}"
    name = element.tag.removeprefix(HTML)
    assert name in ELEMENTS, f"element {name}"
    for attribute, value in element.attrib.items():
        assert attribute in ATTRIBUTES, f"attribute {attribute} of {name}"
        if attribute == "href":
            assert name == "a" and LINK.match(value) and not re.search(r"[\x00-\x1f]", value), f"address {value!r}"
        elif attribute in ("src", "background"):
            assert PICTURE.match(value) or (remote and value.startswith("https://")), f"picture {value!r}"
        elif attribute == "style":
            judge_css(value, remote=remote)
    if name == "a":
        assert element.get("rel") == "noopener noreferrer nofollow" and element.get("target") == "_blank"
    if name == "style":
        judge_css(element.text or "", remote=remote)
        assert len(element) == 0 and not element.attrib


def judge_css(text: str, *, remote: bool = False) -> None:
    """The same for a style."""
    bare = URL.sub("", text)
    assert not WRONG_IN_CSS.search(bare), f"style {text!r}"
    assert "url" not in bare.lower().replace("curl", ""), f"style {text!r}"
    for address in URL.findall(text):
        assert PICTURE.match(address) or (remote and address.startswith("https://")), f"address {address!r}"
