"""Words beside links of HTML mail that say where they lead: a second look at what the sanitiser wrote.

Its output has one spelling for everything, so the links are read from it; where words are needed, they are put in and
the whole is sanitised once more (app/mail/sanitize.py): nothing stands in a page that the sanitiser did not see last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final

from markupsafe import escape

from app.mail.host import leads

OURS: Final = "postern-"  # how our classes begin; no mail's does
CLASS: Final = f"{OURS}leads"
_ATTRIBUTES: Final = r"(?>(?: [^\s\"=<>/]++(?>(?:=\"[^\"]*+\")?))*)"
_LINK: Final = re.compile(rf"<a({_ATTRIBUTES})>")
_TAG: Final = re.compile(rf"</?[a-z][a-z0-9]*+{_ATTRIBUTES}>")
_HREF: Final = re.compile(r" href=\"([^\"]*+)\"")

# In a layer, because important rules of a layer stand above all others: no style of the mail changes these words. What
# is around them may clip or cover them: so their hosts are told above the mail, too (app/web/reading/alone.py).
STYLE: Final = (
    f"@layer postern{{.{CLASS}{{all:initial!important;direction:ltr!important;unicode-bidi:isolate!important;"
    "position:relative!important;z-index:1!important;"
    "display:inline-block!important;margin:0 4px 0 0!important;padding:0 6px!important;border-radius:4px!important;"
    "background:#fdecea!important;color:#8c1d18!important;font:600 13px/1.5 system-ui,sans-serif!important;"
    "overflow-wrap:anywhere!important;cursor:pointer!important}}"
)


def marked(html: str) -> tuple[str, tuple[str, ...]]:
    """HTML of the sanitiser with words before links that need them, to be sanitised again; and the hosts named, each
    once: none where no link needs any."""
    written, position, hosts = list[str](), 0, dict[str, None]()
    for place, host in _needed(html):
        written += html[position:place], mark(host)
        position, hosts[host] = place, None
    return "".join((*written, html[position:])), tuple(hosts)


def mark(host: str) -> str:
    """The words, as HTML."""
    return f'<span class="{CLASS}">leads to {escape(host)}</span>'


def _needed(html: str) -> Iterator[tuple[int, str]]:
    """Where words go, directly after a link's start tag, and the host that they name."""
    for start, address, pieces in _links(html):
        host = leads(address, "".join(pieces), *pieces) if pieces else ""
        if host:
            yield start, host


def _links(html: str) -> Iterator[tuple[int, str, list[str]]]:
    """Each link: the place after its start tag, its address, and the pieces of its text between tags.

    The sanitiser closes every link, and no link stands inside another.
    """
    for tag in _LINK.finditer(html):
        if found := _HREF.search(tag[1]):
            inside = html[tag.end() : html.find("</a>", tag.end())]
            yield tag.end(), unescape(found[1]), [unescape(piece) for piece in _TAG.split(inside) if piece]
