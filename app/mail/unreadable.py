"""Messages over which a mail server hangs up: Dovecot says BYE to a whole FETCH when one file of it cannot be opened.

Its answer breaks off before such a message. What makes it do so twice is left out of what lists ask for, for ten
minutes: its row lacks subject and sender, and all others are shown.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from app.mail.connection import Connection
from app.mail.errors import ConnectionLost, ServerSilent
from app.mail.order import CacheKey, SummaryCache
from app.mail.syntax import fetches, number

SECONDS: Final = 600
STRIKES: Final = 2  # a line that breaks by itself does so somewhere else the next time


def avoided(client: Connection, cache: SummaryCache, uids: Sequence[int]) -> frozenset[int]:
    """Those of the UIDs that are not to be asked for now."""
    marks = cache.get_many([_key(client, uid) for uid in uids])
    return frozenset(uid for uid, mark in zip(uids, marks, strict=True) if _strikes(mark) >= STRIKES)


def broke_off(client: Connection, cache: SummaryCache, uids: Sequence[int], error: ConnectionLost) -> None:
    """Remembers which of the UIDs a FETCH of them all did not get to. Not after silence: that says nothing of any."""
    told = {number(items.get(b"UID")) for _, items in fetches(error.told)}
    first = next((uid for uid in sorted(uids) if uid not in told), None)
    if first is not None and not isinstance(error, ServerSilent):
        strikes = _strikes(cache.get_many([_key(client, first)])[0]) + 1
        cache.put_many({_key(client, first): b"%d %d" % (strikes, time.time())})


def _key(client: Connection, uid: int) -> CacheKey:
    # Under UID 0, as it changes: under another one each process would go by what it read or wrote itself.
    return f"{client.note.selected}\0unreadable {uid}", client.note.uidvalidity or 0, 0


def _strikes(mark: bytes | None) -> int:
    strikes, _, at = (mark or b"").partition(b" ")
    recent = at.isdigit() and time.time() - int(at) < SECONDS
    return int(strikes) if recent and strikes.isdigit() else 0
