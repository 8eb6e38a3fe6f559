"""Takes a move back: the copies return, or, where the originals still lie hidden, those are shown again.

Without UIDPLUS a move may leave its originals where they were, marked \\Deleted among another client's marks. An undo
that copied once more would leave each message there twice, once hidden.
"""

from __future__ import annotations

from app.mail.connection import Connection, chunks
from app.mail.errors import CannotDo, MailboxGone, Refused, Renumbered
from app.mail.flags import flags_of
from app.mail.keywords import Marked, unmark
from app.mail.move import Moved, delete_for_good, move
from app.mail.syntax import numbers

_MARK = b"(\\Deleted)"
_MOST = 200  # messages that are looked for by Message-ID, one command each


def bring_back(
    client: Connection, moved: Moved, mailbox: str, uidvalidity: int = 0, marked: Marked | None = None
) -> int:
    """Undo a move to `mailbox`, whose UIDVALIDITY was `uidvalidity`; return how many messages are back.

    The copies are known by the UIDs that COPYUID told, else by Message-ID. `marked`: keywords that were set before.
    Raises Renumbered where the target's UIDs mean other messages now, CannotDo where nothing tells the copies.
    """
    note = client.select(moved.target, uidvalidity=moved.target_uidvalidity, write=True)
    validity, lasting = note.uidvalidity or 0, not note.uidnotsticky
    copies = _copies(client, moved)
    if not copies:
        raise CannotDo("nothing tells which messages these are now")
    shown = _shown_again(client, moved, mailbox, uidvalidity, copies, marked) if lasting else {}
    rest = {uid: copy for uid, copy in copies.items() if uid not in shown}
    done = 0
    if rest:
        client.select(moved.target, uidvalidity=validity, write=True)
        if marked:
            unmark(client, marked, rest)
        done = len(move(client, moved.target, validity, list(dict.fromkeys(rest.values())), mailbox, create=True).moved)
    if shown:
        delete_for_good(client, moved.target, validity, list(dict.fromkeys(shown.values())))
    return done + len(shown)


def _copies(client: Connection, moved: Moved) -> dict[int, int]:
    """{old UID: UID of the copy}; of several messages with one Message-ID the latest, for the copy has the highest."""
    found = dict(moved.uids or {})
    for uid, identity in list(moved.message_ids.items())[:_MOST]:
        hits = numbers(client.ask(b"UID SEARCH HEADER Message-ID", identity).untagged, b"SEARCH")
        if hits:
            found[uid] = max(hits)
    return found


def _shown_again(
    client: Connection, moved: Moved, mailbox: str, uidvalidity: int, copies: dict[int, int], marked: Marked | None
) -> dict[int, int]:
    """Take the mark off originals that still lie there; return {old UID: UID of the copy} of those that are shown."""
    hidden = [uid for uid in moved.hidden if uid in copies]
    if not hidden:
        return {}
    try:
        client.select(mailbox, uidvalidity=uidvalidity, write=True)
        there = [uid for uid, flags in flags_of(client, hidden).items() if "\\deleted" in flags]
        for part in chunks(there):
            client.ask(b"UID STORE", part, b"-FLAGS.SILENT", _MARK)
        shown = {uid: copies[uid] for uid, flags in flags_of(client, there).items() if "\\deleted" not in flags}
    except (Renumbered, MailboxGone, Refused):
        return {}
    if marked:
        unmark(client, marked, {uid: uid for uid in shown})
    return shown
