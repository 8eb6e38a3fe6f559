"""Changes flags of messages and says which messages really have them now: OK alone proves nothing.

A UID STORE on expunged UIDs answers plain OK, so existence and the state before are read first; that also tells an undo
what to take back (RFC 3501 §6.4.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.mail.connection import Connection, chunks, flag_list
from app.mail.errors import CannotDo, NotPermitted, Refused
from app.mail.syntax import atoms, fetches, number

OUTGOING = "$PosternOutgoing"  # the final bytes of a mail in the outbox, beside its draft
FILE = "$PosternFile"  # a file of a draft, until a save takes it in
HIDDEN = (OUTGOING, FILE)  # what no list shows


@dataclass(frozen=True, slots=True)
class Done:
    """`changed`: had another state before · `same`: had it already · `gone`: not there any more. UIDs, ascending."""

    changed: tuple[int, ...]
    same: tuple[int, ...]
    gone: tuple[int, ...]


def store(
    client: Connection,
    mailbox: str,
    uidvalidity: int,
    uids: Sequence[int],
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> Done:
    """Add and remove flags; raises Renumbered, MailboxGone, Refused where the mailbox is read-only or keeps none of it.

    Never repeated by itself. Three commands at most where nothing went wrong: the state before, the two changes.
    """
    added, removed = tuple(add), tuple(remove)
    client.select(mailbox, uidvalidity=uidvalidity, write=True)
    if client.note.read_only:
        raise NotPermitted("the mailbox is read-only")
    _check_kept(client, added)
    before = flags_of(client, uids)
    wanted, unwanted = {flag.lower() for flag in added}, {flag.lower() for flag in removed}
    change = [uid for uid, flags in before.items() if not wanted <= flags or flags & unwanted]
    missing = set(uids) - set(before)
    after: dict[int, frozenset[str]] = {}
    for sign, flags in ((b"+FLAGS", added), (b"-FLAGS", removed)):
        for part in chunks(change) if flags else ():
            answer = client.ask(b"UID STORE", part, sign, flag_list(flags))
            after |= {uid: have for uid, have in _told(answer.untagged) if uid in before}
    untold = [uid for uid in change if uid not in after]
    after |= flags_of(client, untold) if untold else {}
    done = [uid for uid in change if uid in after and wanted <= after[uid] and not after[uid] & unwanted]
    if change and after and not done:
        raise Refused("the flags were not kept")
    missing |= {uid for uid in change if uid not in after}
    return Done(tuple(sorted(done)), tuple(sorted(set(before) - set(change))), tuple(sorted(missing)))


def flags_of(client: Connection, uids: Iterable[int]) -> dict[int, frozenset[str]]:
    """Return {uid: flags in lower case} of those of the UIDs that exist in the selected mailbox."""
    asked = set(uids)
    found: dict[int, frozenset[str]] = {}
    for part in chunks(asked):
        answer = client.ask(b"UID FETCH", part, b"(UID FLAGS)")
        found |= {uid: flags for uid, flags in _told(answer.untagged) if uid in asked}
    return found


def _told(untagged: Sequence[Sequence[bytes]]) -> Iterable[tuple[int, frozenset[str]]]:
    for _, items in fetches(untagged):
        if b"UID" in items and b"FLAGS" in items:
            flags = (flag.decode("ascii", "replace").lower() for flag in atoms(items[b"FLAGS"]))
            yield number(items[b"UID"]), frozenset(flags)


def _check_kept(client: Connection, flags: Sequence[str]) -> None:
    """Refuse keywords that the mailbox says it does not keep (RFC 3501 §7.1 PERMANENTFLAGS)."""
    kept = {flag.lower() for flag in client.note.permanentflags}
    if kept and "\\*" not in kept and any(flag.lower() not in kept for flag in flags):
        raise CannotDo("the mailbox does not keep this flag")
