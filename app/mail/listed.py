"""The answers to LIST: names, attributes, components, counts, and the order in which mailboxes are shown.

Courier's `INBOX.` in front of everything is no level of the tree. Names in modified UTF-7 (RFC 3501 §5.1.3) are
decoded, names that are not are shown closed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from imapclient import imap_utf7

from app.mail.connection import Answer
from app.mail.header import clean
from app.mail.special import USES, Use
from app.mail.syntax import Value, atoms, named, number, text

DEEPEST = 20  # levels shown; what lies deeper keeps its delimiters in its label
_NO_USE = (len(USES), 0)
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CLOSED = frozenset({b"\\NOSELECT", b"\\NONEXISTENT"})


@dataclass(frozen=True, slots=True)
class Listed:
    """One LIST response; `path` is its name's components without the namespace's prefix."""

    name: str
    delimiter: str | None
    attributes: frozenset[bytes]
    path: tuple[str, ...] = ()

    @property
    def selectable(self) -> bool:
        return not self.attributes & _CLOSED


def listed(answer: Answer) -> list[Listed]:
    """Return what LIST told, each name once, with the components of its path; missing parents are filled in."""
    return _with_paths(_told(answer))


def _told(answer: Answer) -> list[Listed]:
    found: dict[str, Listed] = {}
    for values in named(answer.untagged, b"LIST"):
        if len(values) >= 3:
            each = _read_listed(values)
            if not (each.name in found and found[each.name].selectable):
                found[each.name] = each
    return list(found.values())


def _read_listed(values: list[Value]) -> Listed:
    raw = text(values[2]) if values[2] is not None else b"NIL"
    name, known = decode_name(raw)
    attributes = frozenset(attribute.upper() for attribute in atoms(values[0]))
    mark = text(values[1]).decode("ascii", "replace") or None
    return Listed(name, mark, attributes if known else attributes | {b"\\NOSELECT"})


def decode_name(raw: bytes) -> tuple[str, bool]:
    """Return a mailbox's name from modified UTF-7, and whether it can be sent back as it came.

    One that cannot (raw 8-bit, broken shifts, control characters) is shown and not opened. Blanks and joiners of any
    script are letters of a name: U+3000 of Japanese, U+200D within an emoji.
    """
    try:
        name: str = imap_utf7.decode(raw)
        same = imap_utf7.encode(name) == raw and not _UNFIT.search(name)
    except (ValueError, LookupError):
        name, same = raw.decode("utf-8", "replace"), False
    if name.upper() == "INBOX":
        return "INBOX", True
    return (name, True) if same else (clean(raw.decode("utf-8", "replace")) or "?", False)


def _with_paths(listed: list[Listed]) -> list[Listed]:
    """Give each its components; missing parents are added, closed. A prefix that all share is no component."""
    mark = next((each.delimiter for each in listed if each.delimiter), None)
    shared = f"INBOX{mark}" if mark else ""
    others = [each for each in listed if each.name != "INBOX"]
    prefix = shared if shared and others and all(each.name.startswith(shared) for each in others) else ""
    have = {each.name for each in listed}
    found: list[Listed] = []
    for each in listed:
        path = _components(each, prefix)
        for length in range(1, len(path)):
            parent = prefix + (each.delimiter or "").join(path[:length])
            if parent not in have:
                have.add(parent)
                found.append(Listed(parent, each.delimiter, frozenset({b"\\NONEXISTENT"}), path[:length]))
        found.append(replace(each, path=path))
    return found


def _components(each: Listed, prefix: str) -> tuple[str, ...]:
    bare = each.name.removeprefix(prefix) if each.name != "INBOX" else each.name
    return tuple(bare.rstrip(each.delimiter).split(each.delimiter, DEEPEST)) if each.delimiter else (bare,)


def in_order(listed: Sequence[Listed], uses: Mapping[str, Use]) -> list[Listed]:
    """Special ones first, each parent before its children, else by the alphabet."""
    first = {name: place for place, name in enumerate(uses)}
    ranks: dict[tuple[str, ...], tuple[int, int]] = {}
    for each in listed:
        if each.name in uses:
            rank = USES.index(uses[each.name]), first[each.name]
            for length in range(1, len(each.path) + 1):
                above = each.path[:length]
                ranks[above] = min(rank, ranks.get(above, rank))

    def key(each: Listed) -> tuple[tuple[tuple[int, int], str, str], ...]:
        steps = range(1, len(each.path) + 1)
        return tuple((ranks.get(each.path[:n], _NO_USE), each.path[n - 1].casefold(), each.path[n - 1]) for n in steps)

    return sorted(listed, key=key)


def counts(answer: Answer) -> dict[str, tuple[int, int]]:
    """Return {name: (messages, unseen)} of the STATUS responses (RFC 3501 §7.2.4)."""
    counts = {}
    for values in named(answer.untagged, b"STATUS"):
        if len(values) == 2 and isinstance(values[1], list):
            items = values[1]
            pairs = {text(key).upper(): number(value) for key, value in zip(items[::2], items[1::2], strict=False)}
            name = decode_name(text(values[0]) if values[0] is not None else b"NIL")[0]
            counts[name] = (pairs.get(b"MESSAGES", 0), pairs.get(b"UNSEEN", 0))
    return counts
