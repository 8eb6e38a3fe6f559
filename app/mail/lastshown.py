"""The UIDs of the list that was shown last of a mailbox, in its order, kept in the cache of summaries.

From them the message page knows what comes before and after, whatever order, view or search the reader came from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from app.mail.connection import Connection
from app.mail.order import CacheKey, SummaryCache


def summary_key(client: Connection, uid: int) -> CacheKey:
    """Return the cache's key of a message in the selected mailbox."""
    return client.note.selected or "", client.note.uidvalidity or 0, uid


def shown_key(client: Connection) -> CacheKey:
    """Return the cache's key of the UIDs last shown of the selected mailbox; no message has UID 0."""
    return summary_key(client, 0)


def forget(cache: SummaryCache, mailbox: str, uidvalidity: int, gone: Iterable[int]) -> None:
    """Take UIDs out of what was last shown, so that nobody is led to them as the next message."""
    key = mailbox, uidvalidity, 0
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
