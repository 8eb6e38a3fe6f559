"""Moves and deletes messages, and says what really happened: "3 of 5 moved, 2 were already gone".

MOVE (RFC 6851) where offered, else COPY, \\Deleted and UID EXPUNGE (RFC 4315). Success is a COPYUID that names the UID;
an OK is none. Without UIDPLUS, EXPUNGE is sent only if what is marked is exactly ours: another client's marks are not
ours to empty. Then the messages stay marked, and the list hides them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from app.mail.connection import Answer, Connection, chunks, quote_mailbox, uid_set
from app.mail.create import make
from app.mail.errors import BadArgument, MailboxGone, MailError, MessageGone, NotPermitted, Refused
from app.mail.header import fields
from app.mail.syntax import expand, fetches, number, numbers, section

_COPYUID = re.compile(rb"\[COPYUID (\d{1,10}) ([\d,:]+) ([\d,:]+)\]", re.IGNORECASE)
_MARK = b"(\\Deleted)"
_ID = re.compile(r"[\x21-\x7e]{3,900}")


@dataclass(frozen=True, slots=True)
class Moved:
    """`moved`: UIDs that left · `uids`: {old: new} where the server told · `gone`: were not there any more ·
    `left`: still there, because the server stopped half-way. `message_ids`: {old: Message-ID} of those without a told
    UID. `hidden`: of `moved`, those that still lie, marked \\Deleted, where they were."""

    target: str
    target_uidvalidity: int | None
    moved: tuple[int, ...]
    uids: dict[int, int] | None
    gone: tuple[int, ...]
    left: tuple[int, ...] = ()
    message_ids: dict[int, str] = field(default_factory=dict)
    hidden: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """`removed`: are no more, or marked and hidden · `gone`: were not there any more · `left`: still are."""

    removed: tuple[int, ...]
    gone: tuple[int, ...]
    left: tuple[int, ...] = ()


def move(
    client: Connection, mailbox: str, uidvalidity: int, uids: Sequence[int], target: str, *, create: bool = False,
    batch: int | None = None,
) -> Moved:  # fmt: skip
    """Move messages; `create` makes the target, once, when the server says that there is none (TRYCREATE); `batch`: at
    most so many with one command.

    Raises Renumbered, MailboxGone, OverQuota, Refused, CannotDo; after an error of a first chunk nothing was moved.
    """
    client.select(mailbox, uidvalidity=uidvalidity, write=True)
    if client.note.read_only:
        raise NotPermitted("the mailbox is read-only")
    if target == client.note.selected:
        raise BadArgument("a message cannot be moved to where it is")
    source = client.note.selected or mailbox, uidvalidity
    told = client.has("UIDPLUS")
    known = {} if told else message_ids(client, uids)
    pairs: dict[int, int] = {}
    taken: list[int] = []
    left: list[int] = []
    hidden: list[int] = []
    validity: int | None = None
    for part in _parts([uid for uid in uids if told or uid in known], batch):
        here = sorted(expand(part))
        try:
            answer, target, here = _carry(client, here, target, create and not taken)
        except MailError:
            if not taken:
                raise
            left += here
            continue
        done = here
        if told:
            validity, named = copyuid(answer)
            pairs |= named
            known |= {} if named else _untold(client, answer, here, source, target)
            done = [uid for uid in here if uid in named or uid in known]
        if not client.has("MOVE"):
            kept, marked = _remove(client, done)
            left, hidden = left + kept, hidden + marked
        taken += done
    lost = set(uids) - set(taken) - set(left)
    ids = {uid: known[uid] for uid in taken if known.get(uid)}
    return Moved(
        target, validity, tuple(sorted(taken)), pairs if told else None, tuple(sorted(lost)), tuple(left), ids,
        tuple(sorted(hidden)),
    )  # fmt: skip


def _parts(uids: list[int], batch: int | None) -> Iterator[bytes]:
    size = batch or len(uids) or 1
    for start in range(0, len(uids), size):
        yield from chunks(uids[start : start + size])


def _untold(
    client: Connection, answer: Answer, uids: list[int], source: tuple[str, int], target: str
) -> dict[int, str]:
    """What an OK without COPYUID moved: {uid: Message-ID or ""}. Three commands, in a case that is rare.

    A target whose UIDs do not last has none to tell (RFC 4315 §3); it says so when it is selected. Everywhere else such
    an OK moved nothing: Dovecot answers so when all messages were gone. MOVE tells how many it took by EXPUNGE.
    """
    try:
        unlasting = client.select(target).uidnotsticky
    except MailError:
        unlasting = False
    client.select(source[0], uidvalidity=source[1], write=True)
    if not unlasting:
        return {}
    if client.has("MOVE"):
        return dict.fromkeys(uids[: sum(line[0].upper().endswith(b" EXPUNGE") for line in answer.untagged)], "")
    return message_ids(client, uids)


def _carry(client: Connection, uids: list[int], target: str, create: bool) -> tuple[Answer, str, list[int]]:
    """MOVE or COPY; return the answer, the target's name as it is, and what was asked for in the end."""
    try:
        return _sent(client, uids, target), target, uids
    except MessageGone:
        # Dovecot: NO [EXPUNGEISSUED] to the whole when another client took one of them; nothing was done then.
        left = existing(client, uids)
        return _sent(client, left, target) if left else Answer(b"", ()), target, left
    except (MailboxGone, Refused) as error:
        # RFC 3501 §6.4.7: a server SHOULD say TRYCREATE; pymap and others say NO alone.
        if not create or error.code not in ("TRYCREATE", "NONEXISTENT", ""):
            raise
        mailbox, validity = client.note.selected, client.note.uidvalidity
        target = make(client, target)
        if mailbox is not None:
            client.select(mailbox, uidvalidity=validity, write=True)
        return _sent(client, uids, target), target, uids


def _sent(client: Connection, uids: list[int], target: str) -> Answer:
    command = b"UID MOVE" if client.has("MOVE") else b"UID COPY"
    return client.ask(command, uid_set(uids), quote_mailbox(target))


def copyuid(answer: Answer) -> tuple[int | None, dict[int, int]]:
    """Return (target's UIDVALIDITY, {old: new}) from an answer's COPYUID codes, tagged or not (RFC 4315 §3)."""
    pairs: dict[int, int] = {}
    validity = None
    for line in (*(pieces[0] for pieces in answer.untagged), answer.text):
        found = _COPYUID.search(line)
        if found and (line is answer.text or line[:5].upper() == b"* OK "):
            old, new = expand(found[2]), expand(found[3])
            if len(old) == len(new):
                validity = int(found[1])
                pairs |= zip(old, new, strict=True)
    return validity, pairs


def message_ids(client: Connection, uids: Iterable[int]) -> dict[int, str]:
    """Return {uid: Message-ID or ""} of those UIDs that exist in the selected mailbox."""
    found: dict[int, str] = {}
    for part in chunks(uids):
        answer = client.ask(b"UID FETCH", part, b"(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        for _, items in fetches(answer.untagged):
            raw = dict(fields(section(items, b"BODY[HEADER.FIELDS"))).get("message-id", b"")
            text = raw.decode("ascii", "replace")
            if b"UID" in items:
                found[number(items[b"UID"])] = text if _ID.fullmatch(text) else ""
    return {uid: found[uid] for uid in uids if uid in found}


def delete_for_good(client: Connection, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> Deleted:
    """Remove messages without a copy. Raises as move()."""
    client.select(mailbox, uidvalidity=uidvalidity, write=True)
    if client.note.read_only:
        raise NotPermitted("the mailbox is read-only")
    present = existing(client, uids)
    left, _ = _remove(client, present)
    gone = tuple(sorted(set(uids) - set(present)))
    return Deleted(tuple(uid for uid in present if uid not in set(left)), gone, tuple(left))


def existing(client: Connection, uids: Iterable[int]) -> list[int]:
    """Return those of the UIDs that are in the selected mailbox, ascending."""
    asked = set(uids)
    found: set[int] = set()
    for part in chunks(asked):
        told = fetches(client.ask(b"UID FETCH", part, b"(UID)").untagged)
        found |= {number(items[b"UID"]) for _, items in told if b"UID" in items}
    return sorted(found & asked)


def _remove(client: Connection, uids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Mark and expunge; return those that are neither gone nor marked, and those that stay marked (no UIDPLUS)."""
    if not uids:
        return [], []
    for part in chunks(uids):
        client.ask(b"UID STORE", part, b"+FLAGS.SILENT", _MARK)
    if client.has("UIDPLUS"):
        for part in chunks(uids):
            client.ask(b"UID EXPUNGE", part)
        return existing(client, uids), []
    marked = set(numbers(client.ask(b"UID SEARCH", b"DELETED").untagged, b"SEARCH"))
    if marked == set(uids):
        client.ask(b"EXPUNGE")
        return existing(client, uids), []
    there = existing(client, uids)
    return [uid for uid in there if uid not in marked], [uid for uid in there if uid in marked]
