"""The UIDs of the list that was shown last of a mailbox, in its order, kept in the cache of summaries.

From them the message page knows what comes before and after, whatever order, view or search the reader came from. Each
list of a mailbox has a name and its own entry: another window, or the poll for news, may show another one meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from app.mail.connection import Connection
from app.mail.order import CacheKey, SummaryCache

USUAL = ""  # the name of the list of everything, the newest first
OLDEST_FIRST = "\n-arrival\n"


def summary_key(client: Connection, uid: int) -> CacheKey:
    """Return the cache's key of a message in the selected mailbox."""
    return client.note.selected or "", client.note.uidvalidity or 0, uid


def shown_key(client: Connection, name: str = USUAL) -> CacheKey:
    """Return the cache's key of the UIDs last shown of a list of the selected mailbox; no message has UID 0."""
    return _key(client.note.selected or "", client.note.uidvalidity or 0, name)


def _key(mailbox: str, uidvalidity: int, name: str) -> CacheKey:
    return f"{mailbox}\0list {name}" if name else mailbox, uidvalidity, 0


def forget(cache: SummaryCache, mailbox: str, uidvalidity: int, gone: Iterable[int], *, name: str = USUAL) -> None:
    """Take UIDs out of what was last shown, so that nobody is led to them as the next message."""
    key = _key(mailbox, uidvalidity, name)
    left = set(gone)
    shown = read_shown(cache.get_many([key])[0])
    if left.intersection(shown):
        cache.put_many({key: json.dumps([uid for uid in shown if uid not in left]).encode()})


def read_shown(stored: bytes | None) -> list[int | None]:
    """Return the UIDs last shown in their order, None for an end of the list; nothing for any other entry."""
    try:
        found = json.loads(stored or b"[]")
    except ValueError:
        return []
    good = isinstance(found, list) and all(uid is None or isinstance(uid, int) for uid in found)
    return found if good else []
