"""Moves and deletes messages, and says what really happened: "3 of 5 moved, 2 were already gone".

MOVE (RFC 6851) where offered, else COPY, \\Deleted and UID EXPUNGE (RFC 4315). Success is a COPYUID that names the UID;
an OK is none. Without UIDPLUS, EXPUNGE is sent only if what is marked is exactly ours: another client's marks are not
ours to empty. Then the messages stay marked, and the list hides them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.mail.connection import Answer, Connection, chunks, quote_mailbox, uid_set
from app.mail.create import make
from app.mail.errors import BadArgument, CannotDo, MailboxGone, MailError, MessageGone, Refused
from app.mail.header import fields
from app.mail.syntax import expand, fetches, number, numbers, section

_COPYUID = re.compile(rb"\[COPYUID (\d+) ([\d,:]+) ([\d,:]+)\]", re.IGNORECASE)
_MARK = b"(\\Deleted)"
_ID = re.compile(r"[\x21-\x7e]{3,900}")


@dataclass(frozen=True, slots=True)
class Moved:
    """`moved`: UIDs that left · `uids`: {old: new} where the server told · `gone`: were not there any more ·
    `left`: still there, because the server stopped half-way. `message_ids`: {old: Message-ID} where `uids` is None."""

    target: str
    target_uidvalidity: int | None
    moved: tuple[int, ...]
    uids: dict[int, int] | None
    gone: tuple[int, ...]
    left: tuple[int, ...] = ()
    message_ids: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deleted:
    """`removed`: are no more, or marked and hidden · `gone`: were not there any more · `left`: still are."""

    removed: tuple[int, ...]
    gone: tuple[int, ...]
    left: tuple[int, ...] = ()


def move(
    client: Connection, mailbox: str, uidvalidity: int, uids: Sequence[int], target: str, *, create: bool = False
) -> Moved:
    """Move messages; `create` makes the target, once, when the server says that there is none (TRYCREATE).

    Raises Renumbered, MailboxGone, OverQuota, Refused, CannotDo; after an error of a first chunk nothing was moved.
    """
    client.select(mailbox, uidvalidity=uidvalidity, write=True)
    if client.note.read_only:
        raise Refused("the mailbox is read-only")
    if target == client.note.selected:
        raise BadArgument("a message cannot be moved to where it is")
    told = client.has("UIDPLUS")
    known = {} if told else _message_ids(client, uids)
    present = [uid for uid in uids if told or uid in known]
    pairs: dict[int, int] = {}
    taken: list[int] = []
    validity: int | None = None
    left: list[int] = []
    for part in chunks(present):
        here = sorted(expand(part))
        try:
            answer, target, here = _carry(client, here, target, create and not taken)
        except MailError:
            if not taken:
                raise
            left += here
            continue
        validity, named = copyuid(answer) if told else (None, {})
        pairs |= named
        done = [uid for uid in here if uid in named] if told else here
        left += [] if client.has("MOVE") else _remove(client, done)
        taken += done
    lost = set(uids) - set(taken) - set(left)
    ids = {uid: known[uid] for uid in taken if known.get(uid)} if not told else {}
    return Moved(target, validity, tuple(sorted(taken)), pairs if told else None, tuple(sorted(lost)), tuple(left), ids)


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


def _message_ids(client: Connection, uids: Iterable[int]) -> dict[int, str]:
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
        raise Refused("the mailbox is read-only")
    present = existing(client, uids)
    left = _remove(client, present)
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


def _remove(client: Connection, uids: Sequence[int]) -> list[int]:
    """Mark and expunge; return those that are neither gone nor marked. Without UIDPLUS they may stay marked."""
    if not uids:
        return []
    for part in chunks(uids):
        client.ask(b"UID STORE", part, b"+FLAGS.SILENT", _MARK)
    if client.has("UIDPLUS"):
        for part in chunks(uids):
            client.ask(b"UID EXPUNGE", part)
        return existing(client, uids)
    marked = set(numbers(client.ask(b"UID SEARCH", b"DELETED").untagged, b"SEARCH"))
    if marked == set(uids):
        client.ask(b"EXPUNGE")
        return existing(client, uids)
    return [uid for uid in existing(client, uids) if uid not in marked]


def bring_back(client: Connection, moved: Moved, mailbox: str) -> Moved:
    """Undo a move: from its target to `mailbox`, by the UIDs that COPYUID told, else by Message-ID.

    Raises Renumbered where the target's UIDs mean other messages now, CannotDo where nothing tells the copies.
    """
    note = client.select(moved.target, uidvalidity=moved.target_uidvalidity, write=True)
    found = list(moved.uids.values()) if moved.uids is not None else _by_message_id(client, moved.message_ids)
    if not found:
        raise CannotDo("nothing tells which messages these are now")
    return move(client, moved.target, note.uidvalidity or 0, found, mailbox, create=True)


def _by_message_id(client: Connection, message_ids: dict[int, str]) -> list[int]:
    """The latest message of each Message-ID: of several with one, the copy has the highest UID."""
    found = set()
    for identity in list(message_ids.values())[:200]:
        answer = client.ask(b"UID SEARCH HEADER Message-ID", identity)
        hits = numbers(answer.untagged, b"SEARCH")
        if hits:
            found.add(max(hits))
    return sorted(found)
