"""The tree of mailboxes: one LIST with STATUS where the server offers it, LIST and a few STATUS where it does not, or
where the mailboxes are many.

What the answers hold lies in listed.py, which mailbox is the junk or the trash in special.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from app.mail.connection import Answer, Connection, quote_mailbox
from app.mail.errors import MailboxGone, Refused
from app.mail.listed import Listed, counts, in_order, listed
from app.mail.special import ATTRIBUTES, DEFAULT_NAMES, Use, assign, expand_pattern

STATUS_COMMANDS = 12  # against servers without LIST-STATUS: the inbox, the junk, then as they are shown
STATUS_SECONDS = 1.0
# To the first byte where there may be very many: Dovecot makes an index of 10,000 first, 2 to 10 s on a busy disk, then
# 0.05 s. A LIST that is given up earlier begins anew each time, and nobody gets to their mail.
LIST_SECONDS = 20.0
# Up to so many are counted all at once. Dovecot opens each that has no index yet: 2.5 ms, 7.4 s for 3,000 new ones.
MANY = 300


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox as it is shown. `label` is the last component of `name`; counts are None where nobody asked.

    `marked`: the server itself says its use.
    """

    name: str
    label: str
    delimiter: str | None
    depth: int
    selectable: bool
    use: Use | None
    unseen: int | None
    messages: int | None
    marked: bool = False


def tree(
    client: Connection, *,
    special: Mapping[Use, str] | None = None, junk_pattern: str | None = None, today: date, known: int | None = 0,
) -> tuple[Mailbox, ...]:  # fmt: skip
    """Return all mailboxes in display order, each parent before its children, missing parents filled in.

    `special` is the account's own choice, `junk_pattern` the site's (`spam.%Y`), `today` the user's day, `known` how
    many mailboxes there were the last time, None where nobody knows. One command where LIST-STATUS is offered and they
    are not MANY, else LIST and at most STATUS_COMMANDS of STATUS. Counting 100,000 messages that were never counted
    takes Dovecot 0.3 s: well within the deadline of a first byte.
    """
    few = known is not None and known <= MANY
    answer = _list(client, counted=few, seconds=None if few else LIST_SECONDS)
    found = listed(answer)
    uses = assign(found, special=special or {}, junk_pattern=junk_pattern, today=today)
    boxes = [_mailbox(each, uses) for each in in_order(found, uses)]
    told = _told(client, boxes, answer if few else None)
    counted = ((box, told.get(box.name)) for box in boxes)
    return tuple(replace(box, messages=count[0], unseen=count[1]) if count else box for box, count in counted)


def uncounted(client: Connection, *, today: date) -> tuple[Mailbox, ...]:
    """Return all mailboxes as `tree` does, for who only looks for a name: one LIST, no counts."""
    found = listed(_list(client, counted=False, seconds=LIST_SECONDS))
    uses = assign(found, special={}, junk_pattern=None, today=today)
    return tuple(_mailbox(each, uses) for each in in_order(found, uses))


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


def _fits_pattern(box: Mailbox, pattern: str) -> bool:
    head = pattern.split("%", 1)[0]
    return box.name.startswith(head) or box.name.partition(box.delimiter or "\0")[2].startswith(head)


def _prefix(boxes: Iterable[Mailbox]) -> str:
    """Return what stands before every name but INBOX, such as `INBOX.` (RFC 2342)."""
    names = [box for box in boxes if box.name != "INBOX"]
    mark = names[0].delimiter if names else None
    return f"INBOX{mark}" if mark and all(box.name.startswith(f"INBOX{mark}") for box in names) else ""


def _list(client: Connection, *, counted: bool, seconds: float | None = None) -> Answer:
    return client.ask(b"LIST", b'""', b'"*"', *_returns(client, counted), timeout=seconds)


def _told(client: Connection, boxes: Sequence[Mailbox], answer: Answer | None) -> dict[str, tuple[int, int]]:
    """Return the counts: those of the answer, or asked for now that it is known how many mailboxes there are."""
    if not client.has("LIST-STATUS") or (answer is None and len(boxes) > MANY):
        return _ask_counts(client, boxes)
    return counts(answer or _list(client, counted=True))


def _returns(client: Connection, counted: bool) -> tuple[bytes, ...]:
    """Return the options of LIST (RFC 5258, RFC 5819, RFC 6154 §3)."""
    options = [b"SPECIAL-USE"] if client.has("SPECIAL-USE") else []
    if counted and client.has("LIST-STATUS"):
        options.append(b"STATUS (MESSAGES UNSEEN)")
    if not options or not (client.has("LIST-EXTENDED") or client.has("LIST-STATUS")):
        return ()
    return (b"RETURN (" + b" ".join(options) + b")",)


def _mailbox(each: Listed, uses: Mapping[str, Use]) -> Mailbox:
    return Mailbox(
        name=each.name,
        label=each.path[-1] or each.name,
        delimiter=each.delimiter,
        depth=len(each.path) - 1,
        selectable=each.selectable,
        use=uses.get(each.name),
        unseen=None,
        messages=None,
        marked=not ATTRIBUTES.keys().isdisjoint(each.attributes),
    )


def _ask_counts(client: Connection, boxes: Sequence[Mailbox]) -> dict[str, tuple[int, int]]:
    told: dict[str, tuple[int, int]] = {}
    until = time.monotonic() + STATUS_SECONDS
    for box in _worth_counting(boxes):
        if time.monotonic() > until:
            break
        try:
            told |= counts(client.ask(b"STATUS", quote_mailbox(box.name), b"(MESSAGES UNSEEN)"))
        except (MailboxGone, Refused):
            continue
    return told


def _worth_counting(boxes: Sequence[Mailbox]) -> Iterator[Mailbox]:
    """Unread counts matter in the inbox, then the junk, then by the order shown; not in what one wrote oneself."""
    asked = [box for box in boxes if box.selectable and box.use not in ("drafts", "sent", "trash", "all")]
    asked.sort(key=lambda box: {"inbox": 0, "junk": 1}.get(box.use or "", 2))
    yield from asked[:STATUS_COMMANDS]
