"""$Junk and $NotJunk (the registry of RFC 5788): what the user thinks of a message, told to filters that learn.

They are set where the message lies, before it is moved, and travel with it. A server that keeps no keywords, or refuses
them, loses nothing else: here nothing is raised but what ends the connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.mail.connection import Connection, chunks, flag_list
from app.mail.errors import MailError, MessageGone, OverQuota, Refused
from app.mail.syntax import atoms, fetches, number

_NO = (MessageGone, OverQuota, Refused)


@dataclass(frozen=True, slots=True)
class Marked:
    """`keyword` was set; `opposite` was taken off those of the UIDs `had`."""

    keyword: str
    opposite: str
    had: tuple[int, ...] = ()


def mark(client: Connection, mailbox: str, uidvalidity: int, uids: Sequence[int], *, junk: bool) -> Marked | None:
    """Set $Junk or $NotJunk and take off the other one; None where the mailbox keeps no such keyword.

    One command, whose answer tells who has the other one too; a second only for those. Raises Renumbered, MailboxGone.
    """
    keyword, opposite = ("$Junk", "$NotJunk") if junk else ("$NotJunk", "$Junk")
    client.select(mailbox, uidvalidity=uidvalidity, write=True)
    if client.note.read_only or not _kept(client, keyword):
        return None
    had: set[int] = set()
    try:
        for part in chunks(uids):
            answer = client.ask(b"UID STORE", part, b"+FLAGS", flag_list([keyword]))
            had |= set(_having(answer.untagged, opposite)) & set(uids)
        _store(client, sorted(had), b"-FLAGS.SILENT", opposite)
    except _NO:
        return None
    return Marked(keyword, opposite, tuple(sorted(had)))


def unmark(client: Connection, marked: Marked, uids: Mapping[int, int]) -> None:
    """Take a mark back in the selected mailbox. `uids`: {UID when it was set: UID now}."""
    if client.note.read_only or not _kept(client, marked.keyword):
        return
    try:
        _store(client, uids.values(), b"-FLAGS.SILENT", marked.keyword)
        _store(client, [uids[uid] for uid in marked.had if uid in uids], b"+FLAGS.SILENT", marked.opposite)
    except _NO:
        return


def take_back(client: Connection, mailbox: str, uidvalidity: int, uids: Iterable[int], marked: Marked | None) -> None:
    """Take a mark back where the messages stayed, as well as that is possible; raises nothing."""
    stayed = {uid: uid for uid in uids} if marked else {}
    if marked is None or not stayed:
        return
    try:
        client.select(mailbox, uidvalidity=uidvalidity, write=True)
        unmark(client, marked, stayed)
    except MailError:
        return


def _store(client: Connection, uids: Iterable[int], sign: bytes, keyword: str) -> None:
    for part in chunks(uids):
        client.ask(b"UID STORE", part, sign, flag_list([keyword]))


def _kept(client: Connection, keyword: str) -> bool:
    """Whether the mailbox says that it keeps this keyword, or new ones (RFC 3501 §7.1 PERMANENTFLAGS)."""
    kept = {flag.lower() for flag in client.note.permanentflags}
    return "\\*" in kept or keyword.lower() in kept


def _having(untagged: Sequence[Sequence[bytes]], keyword: str) -> Iterable[int]:
    for _, items in fetches(untagged):
        flags = {flag.decode("ascii", "replace").lower() for flag in atoms(items.get(b"FLAGS"))}
        if b"UID" in items and keyword.lower() in flags:
            yield number(items[b"UID"])
