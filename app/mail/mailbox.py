"""The tree of mailboxes: one LIST with STATUS where the server offers it, LIST and a few STATUS where it does not.

Known servers' ways are met here: Courier's `INBOX.` in front of everything, mbox mailboxes that cannot hold others,
names in modified UTF-7 (RFC 3501 §5.1.3) and names that are not.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from imapclient import imap_utf7

from app.mail.connection import Answer, Connection, quote_mailbox
from app.mail.errors import MailboxGone, Refused
from app.mail.header import clean
from app.mail.special import DEFAULT_NAMES, USES, Use, assign, expand_pattern
from app.mail.syntax import Value, atoms, named, number, text

STATUS_COMMANDS = 12  # against servers without LIST-STATUS: the inbox, the junk, then as they are shown
STATUS_SECONDS = 1.0
DEEPEST = 20  # levels shown; what lies deeper keeps its delimiters in its label
_NO_USE = (len(USES), 0)
_CLOSED = frozenset({b"\\NOSELECT", b"\\NONEXISTENT"})


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox as it is shown. `label` is the last component of `name`; counts are None where nobody asked.

    `holds` is False where no mailbox can be made below it (\\Noinferiors).
    """

    name: str
    label: str
    delimiter: str | None
    depth: int
    selectable: bool
    use: Use | None
    unseen: int | None
    messages: int | None
    holds: bool = True


@dataclass(frozen=True, slots=True)
class _Listed:
    """One LIST response; `path` is its name's components without the namespace's prefix."""

    name: str
    delimiter: str | None
    attributes: frozenset[bytes]
    path: tuple[str, ...] = ()

    @property
    def selectable(self) -> bool:
        return not self.attributes & _CLOSED


def tree(
    client: Connection, *, special: Mapping[Use, str] | None = None, junk_pattern: str | None = None, today: date
) -> tuple[Mailbox, ...]:
    """Return all mailboxes in display order, each parent before its children, missing parents filled in.

    `special` is the account's own choice, `junk_pattern` the site's (`spam.%Y`), `today` the user's day.
    One command where LIST-STATUS is offered, else LIST and at most STATUS_COMMANDS of STATUS.
    """
    answer = client.ask(b"LIST", b'""', b'"*"', *_returns(client))
    listed = _with_paths(_listed(answer))
    uses = assign(listed, special=special or {}, junk_pattern=junk_pattern, today=today)
    ordered = _in_order(listed, uses)
    boxes = [_mailbox(each, uses) for each in ordered]
    counts = _counts(answer) if client.has("LIST-STATUS") else _ask_counts(client, boxes)
    return tuple(replace(box, messages=found[0], unseen=found[1]) if (found := counts.get(box.name)) else box
                 for box in boxes)  # fmt: skip


def find(boxes: Sequence[Mailbox], use: Use) -> Mailbox | None:
    """Return the mailbox of a use, None when there is none. Of several junk ones, the one that mail goes to now."""
    return next((box for box in boxes if box.use == use), None)


def named_mailbox(boxes: Sequence[Mailbox], name: str) -> Mailbox | None:
    """Return the mailbox of that very name."""
    return next((box for box in boxes if box.name == name), None)


def target_name(boxes: Sequence[Mailbox], use: Use, *, junk_pattern: str | None = None, today: date) -> str:
    """Return where mail of a use goes: its mailbox, or the name under which it is to be made.

    With a site pattern, junk goes to the mailbox of today, also on the first of January when it is not there yet.
    """
    box = find(boxes, use)
    if use == "junk" and junk_pattern and (box is None or _fits_pattern(box, junk_pattern)):
        today_name = expand_pattern(junk_pattern, today)
        same = (each.name for each in boxes if each.name == today_name or each.name == _prefix(boxes) + today_name)
        return next(same, _prefix(boxes) + today_name)
    return box.name if box else _prefix(boxes) + DEFAULT_NAMES.get(use, use.capitalize())


def make(client: Connection, name: str) -> str:
    """Create a mailbox and return its name; "already there" is as good. Raises Refused, OverQuota.

    Where names need a prefix that nothing told of yet (Courier's `INBOX.`), NAMESPACE does (RFC 2342).
    """
    try:
        client.ask(b"CREATE", quote_mailbox(name))
    except Refused as error:
        prefix = b"" if error.code == "ALREADYEXISTS" else _personal_prefix(client)
        full = decode_name(prefix)[0] + name
        if error.code != "ALREADYEXISTS" and (not prefix or name.startswith(decode_name(prefix)[0])):
            raise
        if full != name:
            client.ask(b"CREATE", quote_mailbox(full))
        name = full
    client.ask(b"SUBSCRIBE", quote_mailbox(name))
    return name


def _personal_prefix(client: Connection) -> bytes:
    if not client.has("NAMESPACE"):
        return b""
    for values in named(client.ask(b"NAMESPACE").untagged, b"NAMESPACE"):
        first = values[0][0] if values and isinstance(values[0], list) and values[0] else None
        return text(first[0]) if isinstance(first, list) and first else b""
    return b""


def _fits_pattern(box: Mailbox, pattern: str) -> bool:
    head = pattern.split("%", 1)[0]
    return box.name.startswith(head) or box.name.partition(box.delimiter or "\0")[2].startswith(head)


def _prefix(boxes: Iterable[Mailbox]) -> str:
    """Return what stands before every name but INBOX, such as `INBOX.` (RFC 2342)."""
    names = [box for box in boxes if box.name != "INBOX"]
    mark = names[0].delimiter if names else None
    return f"INBOX{mark}" if mark and all(box.name.startswith(f"INBOX{mark}") for box in names) else ""


def _returns(client: Connection) -> tuple[bytes, ...]:
    """Return the options of LIST (RFC 5258, RFC 5819, RFC 6154 §3)."""
    options = [b"SPECIAL-USE"] if client.has("SPECIAL-USE") else []
    if client.has("LIST-STATUS"):
        options.append(b"STATUS (MESSAGES UNSEEN)")
    if not options or not (client.has("LIST-EXTENDED") or client.has("LIST-STATUS")):
        return ()
    return (b"RETURN (" + b" ".join(options) + b")",)


def _listed(answer: Answer) -> list[_Listed]:
    found: dict[str, _Listed] = {}
    for values in named(answer.untagged, b"LIST"):
        if len(values) >= 3:
            each = _read_listed(values)
            found.setdefault(each.name, each)
    return list(found.values())


def _read_listed(values: list[Value]) -> _Listed:
    raw = text(values[2]) if values[2] is not None else b"NIL"
    name, known = decode_name(raw)
    attributes = frozenset(attribute.upper() for attribute in atoms(values[0]))
    mark = text(values[1]).decode("ascii", "replace") or None
    return _Listed(name, mark, attributes if known else attributes | {b"\\NOSELECT"})


def decode_name(raw: bytes) -> tuple[str, bool]:
    """Return a mailbox's name from modified UTF-7, and whether it can be sent back as it came.

    One that cannot (raw 8-bit, broken shifts, control characters) is shown and not opened.
    """
    try:
        name: str = imap_utf7.decode(raw)
        same = imap_utf7.encode(name) == raw and name.isprintable()
    except (ValueError, LookupError):
        name, same = raw.decode("utf-8", "replace"), False
    if name.upper() == "INBOX":
        return "INBOX", True
    return (name, True) if same else (clean(raw.decode("utf-8", "replace")) or "?", False)


def _with_paths(listed: list[_Listed]) -> list[_Listed]:
    """Give each its components; missing parents are added, closed. A prefix that all share is no component."""
    mark = next((each.delimiter for each in listed if each.delimiter), None)
    shared = f"INBOX{mark}" if mark else ""
    others = [each for each in listed if each.name != "INBOX"]
    prefix = shared if shared and others and all(each.name.startswith(shared) for each in others) else ""
    have = {each.name for each in listed}
    found: list[_Listed] = []
    for each in listed:
        path = _components(each, prefix)
        for length in range(1, len(path)):
            parent = prefix + (each.delimiter or "").join(path[:length])
            if parent not in have:
                have.add(parent)
                found.append(_Listed(parent, each.delimiter, frozenset({b"\\NONEXISTENT"}), path[:length]))
        found.append(replace(each, path=path))
    return found


def _components(each: _Listed, prefix: str) -> tuple[str, ...]:
    bare = each.name.removeprefix(prefix) if each.name != "INBOX" else each.name
    return tuple(bare.rstrip(each.delimiter).split(each.delimiter, DEEPEST)) if each.delimiter else (bare,)


def _in_order(listed: Sequence[_Listed], uses: Mapping[str, Use]) -> list[_Listed]:
    """Special ones first, each parent before its children, else by the alphabet."""
    first = {name: place for place, name in enumerate(uses)}
    ranks: dict[tuple[str, ...], tuple[int, int]] = {}
    for each in listed:
        if each.name in uses:
            rank = USES.index(uses[each.name]), first[each.name]
            for length in range(1, len(each.path) + 1):
                above = each.path[:length]
                ranks[above] = min(rank, ranks.get(above, rank))

    def key(each: _Listed) -> tuple[tuple[tuple[int, int], str, str], ...]:
        steps = range(1, len(each.path) + 1)
        return tuple((ranks.get(each.path[:n], _NO_USE), each.path[n - 1].casefold(), each.path[n - 1]) for n in steps)

    return sorted(listed, key=key)


def _mailbox(each: _Listed, uses: Mapping[str, Use]) -> Mailbox:
    return Mailbox(
        name=each.name,
        label=each.path[-1] or each.name,
        delimiter=each.delimiter,
        depth=len(each.path) - 1,
        selectable=each.selectable,
        use=uses.get(each.name),
        unseen=None,
        messages=None,
        holds=b"\\NOINFERIORS" not in each.attributes and each.delimiter is not None,
    )


def _counts(answer: Answer) -> dict[str, tuple[int, int]]:
    """Return {name: (messages, unseen)} of the STATUS responses (RFC 3501 §7.2.4)."""
    counts = {}
    for values in named(answer.untagged, b"STATUS"):
        if len(values) == 2 and isinstance(values[1], list):
            items = values[1]
            pairs = {text(key).upper(): number(value) for key, value in zip(items[::2], items[1::2], strict=False)}
            name = decode_name(text(values[0]) if values[0] is not None else b"NIL")[0]
            counts[name] = (pairs.get(b"MESSAGES", 0), pairs.get(b"UNSEEN", 0))
    return counts


def _ask_counts(client: Connection, boxes: Sequence[Mailbox]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    until = time.monotonic() + STATUS_SECONDS
    for box in _worth_counting(boxes):
        if time.monotonic() > until:
            break
        try:
            counts |= _counts(client.ask(b"STATUS", quote_mailbox(box.name), b"(MESSAGES UNSEEN)"))
        except (MailboxGone, Refused):
            continue
    return counts


def _worth_counting(boxes: Sequence[Mailbox]) -> Iterator[Mailbox]:
    """Unread counts matter in the inbox, then the junk, then by the order shown; not in what one wrote oneself."""
    asked = [box for box in boxes if box.selectable and box.use not in ("drafts", "sent", "trash", "all")]
    asked.sort(key=lambda box: {"inbox": 0, "junk": 1}.get(box.use or "", 2))
    yield from asked[:STATUS_COMMANDS]
