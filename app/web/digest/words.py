"""A digest's words, as plain text and as simple HTML. What a stranger chose stays text in both: no link, no markup."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from app.blocklog.query import Block
from app.blocklog.reason import cleaned, sentence, spoken
from app.web.format import clock, in_zone, long_day

_SCHEME = re.compile(r"(?i)\b(https?|ftp|mailto)(?=:)|\bwww(?=\.)")
_LABELS = {
    "allow": "Allow this sender",
    "nogrey": "Don’t delay this sender",
    "release": "Release it",
}
_BODY = Markup(
    "<!doctype html><html><head><meta charset=utf-8><title>{title}</title></head><body>"
    "<div style='max-width: 640px; font: 14px/1.5 sans-serif'>{inside}</div></body></html>"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One stopped message, and what its links do: (action, address)."""

    row: Block
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """What one person is told. `more`: how many of the time are left out; `site`: where the website is; `endless`: at
    least as many, nobody counted on."""

    address: str
    lines: tuple[Line, ...]
    more: int
    since: datetime
    until: datetime
    zone: ZoneInfo
    site: str
    endless: bool = False

    @property
    def count(self) -> int:
        """How many messages were stopped."""
        return len(self.lines) + self.more

    @property
    def subject(self) -> str:
        """One line, of our own words alone."""
        if self.count == 1:
            return "A message to you was stopped"
        return f"{'At least ' if self.endless else ''}{self.count} messages to you were stopped"

    @property
    def others(self) -> str:
        """What is left out; "" where nothing is."""
        return f"And {'at least ' if self.endless else ''}{self.more} more." if self.more else ""


def plain(digest: Digest) -> str:
    """The text, with LF lines."""
    told = [*_head(digest), ""]
    for line in digest.lines:
        told += [f"{_when(line.row, digest)}  {_sender(line.row)}", f"    {_why(line.row, digest)}"]
        told += [f"    {_LABELS[action]}: {address}" for action, address in line.links] + [""]
    told += [digest.others, ""] if digest.others else []
    return "\n".join([*told, *(f"{label}: {address}" for label, address in _foot(digest)), ""])


def html(digest: Digest) -> str:
    """The same as HTML."""
    paragraphs = [_paragraph(escape(each)) for each in _head(digest) if each]
    for line in digest.lines:
        row, links = line.row, [Markup("<br>{}").format(_anchor(_LABELS[action], to)) for action, to in line.links]
        told = Markup("{} <b>{}</b><br>{}").format(_when(row, digest), _sender(row), _why(row, digest))
        paragraphs.append(_paragraph(told + Markup("").join(links)))
    paragraphs += [_paragraph(escape(digest.others))] if digest.others else []
    paragraphs.append(_paragraph(Markup(" · ").join(_anchor(*each) for each in _foot(digest))))
    return str(_BODY.format(title=digest.subject, inside=Markup("").join(paragraphs)))


def inert(text: str, most: int = 320) -> str:
    """A stranger's text on one line, in which no program sees an address of the web."""
    return _SCHEME.sub(lambda found: f"{found[0]} ", cleaned(text, most))


def _head(digest: Digest) -> Sequence[str]:
    begun, ended = (_in_full(each, digest.zone) for each in (digest.since, digest.until))
    return (
        f"Between {begun}, and {ended} ({digest.zone.key}), mail servers stopped this of the mail to {digest.address}.",
        "A link opens a page that asks you first. It holds for a week.",
    )


def _in_full(moment: datetime, zone: ZoneInfo) -> str:
    return f"{long_day(in_zone(moment, zone).date())}, {clock(moment, zone)}"


def _foot(digest: Digest) -> Sequence[tuple[str, str]]:
    return (
        ("All blocked mail", f"{digest.site}/blocked"),
        ("How often you get this", f"{digest.site}/settings/digest"),
    )


def _when(row: Block, digest: Digest) -> str:
    return f"{in_zone(row.blocked_at, digest.zone):%a %d %b %H:%M}"


def _sender(row: Block) -> str:
    return inert(row.sender) or "No sender"


def _why(row: Block, digest: Digest) -> str:
    return inert(spoken(sentence(row, now=digest.until), lambda at: clock(at, digest.zone, row.blocked_at)), 400)


def _paragraph(inside: Markup) -> Markup:
    return Markup("<p>{}</p>").format(inside)


def _anchor(label: str, address: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, label)
