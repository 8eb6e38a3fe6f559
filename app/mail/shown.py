"""What of a message is shown, what belongs inside it, and what is listed as attached.

Decided on the tree alone, before anything is fetched: alternatives (RFC 2046 §5.1.4), related parts (RFC 2387), signed
and encrypted mail (RFC 1847), reports (RFC 6522), digests, invitations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from app.mail.bodystructure import Part

PICTURES: Final = frozenset(["image/gif", "image/jpeg", "image/jpg", "image/pjpeg", "image/png", "image/webp"])
# Attached text that can be looked at as it is.
READABLE: Final = frozenset(["text/csv", "text/markdown", "text/plain", "text/tab-separated-values", "text/x-log"])
MAX_SHOWN: Final = 50
_REPORTS: Final = frozenset(["message/delivery-status", "message/disposition-notification", "text/rfc822-headers"])
# How gladly an alternative is shown; what is not here is not shown in place of others.
_RANK: Final = {"text/html": 3, "text/plain": 2, "text/enriched": 1, "text/richtext": 1}
# Encrypted, or signed with the text inside (RFC 8551 §3.3, §3.5.2): nothing of it can be shown.
SEALED: Final = frozenset(["application/pkcs7-mime", "application/x-pkcs7-mime"])


@dataclass(slots=True)
class Chosen:
    """Parts in the order of the message: shown, listed as attached, and pictures that HTML may name."""

    shown: list[Part] = field(default_factory=list)
    attached: list[Part] = field(default_factory=list)
    related: list[Part] = field(default_factory=list)


def choose(structure: Part) -> Chosen:
    """What is shown of a message whose body has this structure."""
    chosen = Chosen()
    if structure.type in SEALED:
        chosen.shown.append(structure)
    _take(structure, chosen)
    listed = {part.section for part in chosen.attached}
    chosen.attached += [part for part in chosen.shown[MAX_SHOWN:] if part.section not in listed]
    del chosen.shown[MAX_SHOWN:]
    _list_calendars_once(chosen)
    return chosen


def _list_calendars_once(chosen: Chosen) -> None:
    """An invitation that is shown is listed as a file too, unless the message carries it as a file besides: most do."""
    shown = {part.section for part in chosen.shown if part.type == "text/calendar"}
    files = [part for part in chosen.attached if part.section not in shown and _is_calendar(part)]
    if shown and files:
        chosen.attached[:] = [part for part in chosen.attached if part.section not in shown]


def _is_calendar(part: Part) -> bool:
    return part.type in ("text/calendar", "application/ics") or (part.filename or "").lower().endswith(".ics")


def _take(part: Part, chosen: Chosen) -> None:
    if not part.type.startswith("multipart/"):
        _leaf(part, chosen)
    elif part.type == "multipart/alternative":
        _alternative(part.parts, chosen)
    elif part.type == "multipart/related":
        _related(part, chosen)
    elif part.type == "multipart/encrypted":
        chosen.shown.append(part)
        chosen.attached += [leaf for leaf in part.walk() if not leaf.type.startswith("multipart/")]
    elif part.type in ("multipart/digest", "multipart/signed", "multipart/report") or part.parts:
        for child in part.parts:
            _take(child, chosen)


def _leaf(part: Part, chosen: Chosen) -> None:
    if part.disposition == "attachment" or (part.type.startswith("text/") and _is_file(part)):
        chosen.attached.append(part)
    elif part.type == "text/calendar":
        chosen.shown.append(part)
        chosen.attached.append(part)
    elif part.type.startswith("text/") or part.type in _REPORTS:
        chosen.shown.append(part)
    elif part.type in PICTURES:
        chosen.attached.append(part)
        if part.content_id:
            chosen.related.append(part)
        if part.disposition == "inline" or not part.filename:
            chosen.shown.append(part)
    else:
        chosen.attached.append(part)


def _is_file(part: Part) -> bool:
    """Text that is sent as a file without saying so: named, and neither plain text nor HTML nor an invitation."""
    return part.filename is not None and part.type not in ("text/plain", "text/html", "text/calendar")


def _alternative(parts: Iterable[Part], chosen: Chosen) -> None:
    """The best of the alternatives; invitations and attachments beside it are kept."""
    options: list[tuple[int, int, Chosen]] = []
    beside = Chosen()
    for position, part in enumerate(parts):
        inner = Chosen()
        _take(part, inner)
        rank = max((_RANK.get(leaf.type, 0) for leaf in inner.shown), default=-1)
        if part.type == "text/calendar" or rank < 0:
            beside.shown += inner.shown
            beside.attached += inner.attached
        else:
            options.append((rank, position, inner))
    if options:
        _, _, best = max(options, key=lambda option: option[:2])
        chosen.shown += best.shown
        chosen.related += best.related
        for _, _, option in options:
            chosen.attached += option.attached
    chosen.shown += beside.shown
    chosen.attached += beside.attached


def _related(part: Part, chosen: Chosen) -> None:
    """The root is shown; pictures with a Content-ID belong inside it, the rest is attached (RFC 2387 §3.4)."""
    start = part.params.get("start", "").strip("<>")
    root = next((child for child in part.parts if start and child.content_id == start), None) or _first_text(part.parts)
    for child in part.parts:
        if child is root:
            _take(child, chosen)
        elif child.type in PICTURES and child.content_id:
            chosen.related.append(child)
        else:
            chosen.attached += [leaf for leaf in child.walk() if not leaf.type.startswith("multipart/")]


def _first_text(parts: tuple[Part, ...]) -> Part | None:
    for part in parts:
        if part.type.startswith(("text/", "multipart/")):
            return part
    return parts[0] if parts else None
