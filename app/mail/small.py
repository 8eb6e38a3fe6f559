"""What is small and becomes ours, by bleach: signatures and answers while away cleaned, facts of an invitation linked.

bleach is 40 times slower than nh3 and quadratic in depth, so its input is bounded and balanced first. It is imported
when first needed: it takes 4 MB, and most workers never meet an invitation.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from functools import cache
from typing import Any, Final

from app.mail.css import words
from app.mail.host import leads
from app.mail.rewrite import rewrite
from app.mail.sanitize import REL, link

MAX_SMALL: Final = 64 * 1024

_SMALL_ELEMENTS: Final = words("a b blockquote br code div em i li ol p pre s span strong sub sup u ul")
_SMALL_ATTRIBUTES: Final = {"a": ["href"], "blockquote": ["type"]}


def small_html(html: str) -> str:
    """A signature or an answer while away (≤ 64 KB) with plain formatting and links only, no styles and no pictures."""
    import bleach

    balanced, _ = rewrite(html[:MAX_SMALL])
    cleaner = bleach.Cleaner(
        tags=_SMALL_ELEMENTS,
        attributes=_small_attribute,
        protocols={"http", "https", "mailto", "tel"},
        strip=True,
    )
    return str(cleaner.clean(balanced))


def _small_attribute(element: str, name: str, value: str) -> bool:
    if name not in _SMALL_ATTRIBUTES.get(element, ()):
        return False
    return link(value) == value if name == "href" else value == "cite"


def linked(text: str) -> str:
    """A short plain text (a place, a description) as HTML, its addresses linked."""
    import bleach
    from bleach.linkifier import Linker

    escaped = bleach.clean(text[:MAX_SMALL], tags=set(), attributes={})
    return str(Linker(callbacks=[_outward], url_re=_any_host()).linkify(escaped))


@cache
def _any_host() -> re.Pattern[str]:
    """bleach's own pattern knows the top-level domains of 2011 only."""
    from bleach.linkifier import build_url_re

    found: re.Pattern[str] = build_url_re(tlds=["[a-z]{2,24}"], protocols=["http", "https"])
    return found


def _outward(attributes: MutableMapping[Any, str], new: bool = False) -> MutableMapping[Any, str] | None:
    """Links what is written as an address: bleach would make one of every ``readme.md`` too."""
    address = link(attributes.get((None, "href"), ""))
    if address is None or not attributes.get("_text", "").lower().startswith(("http://", "https://", "www.")):
        return None
    host = leads(address, attributes["_text"])
    if host:
        attributes["_text"] = f"(leads to {host}) {attributes['_text']}"
    attributes.update({(None, "href"): address, (None, "rel"): REL, (None, "target"): "_blank"})
    return attributes
