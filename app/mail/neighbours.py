"""The messages above and below an open one: from the list that was shown last, else by one FETCH around its UID.

The list stores the UIDs it shows, with one more at each end; so going from message to message costs no IMAP command,
and follows the order, view or search that the reader came from. At an end of what was shown, the list is asked once
more (beyond.py); of a message that no list was seen to show, only the order of arrival is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from app.mail.beyond import Listed, Pages, beyond
from app.mail.connection import Connection
from app.mail.errors import ConnectionLost
from app.mail.lastshown import OLDEST_FIRST, USUAL, read_shown, shown_key
from app.mail.order import SummaryCache
from app.mail.syntax import fetches, number

AROUND = 40  # UIDs asked for on each side: about 1.5 KB


class Neighbours(NamedTuple):
    """UIDs, None at the ends. `previous` is the row above in a list (the newer one), `next` the row below.

    `pages`: on which they stand, and the message itself, where that is known.
    """

    previous: int | None
    next: int | None
    pages: Pages | None = None


def neighbours(
    client: Connection, mailbox: str, uidvalidity: int, uid: int, *,
    cache: SummaryCache | None = None, name: str = USUAL, listed: Listed | None = None,
) -> Neighbours:  # fmt: skip
    """Return the neighbours of a message in the list of that name. No command where `cache` knows them, else one; two
    in a sparse mailbox. `listed`: what is asked at an end of what was shown of a list in another order than arrival's.

    Raises Renumbered, MailboxGone. For a message that is gone, the neighbours of its place.
    """
    client.select(mailbox, uidvalidity=uidvalidity)
    shown = read_shown(cache.get_many([shown_key(client, name)])[0]) if cache is not None else []
    by_arrival = name in (USUAL, OLDEST_FIRST)
    if uid in (shown[1:-1] if by_arrival else shown):  # at an end of what was shown, one of them is known
        pages = None
        if cache is not None and listed is not None and not by_arrival and uid not in shown[1:-1]:
            with suppress(ConnectionLost):  # a search that takes too long: what is known is told
                around, pages = beyond(client, uid, listed, shown, cache=cache, name=name)
                shown = around or shown
        above, below = _beside(shown, uid)
        if listed is not None and not by_arrival:
            pages = pages or Pages.around(listed.page, above=above == shown[0], below=below == shown[-1])
        return Neighbours(above, below, pages)
    if not by_arrival:
        return Neighbours(None, None)
    above, below, _ = _asked(client, uid)
    return Neighbours(below, above) if name == OLDEST_FIRST else Neighbours(above, below)


def _beside(shown: Sequence[int | None], uid: int) -> tuple[int | None, int | None]:
    place = shown.index(uid)
    return shown[place - 1] if place else None, shown[place + 1] if place + 1 < len(shown) else None


def _asked(client: Connection, uid: int) -> Neighbours:
    """Ask for the UIDs around, and for the last one: it tells whether anything lies above what was asked for."""
    low, high = max(1, uid - AROUND), min(uid + AROUND, 0xFFFFFFFF)
    places = _places(client, b"UID FETCH", b"%d:%d,*" % (low, high))
    above = min((each for each in places if uid < each <= high), default=None)
    below = max((each for each in places if each < uid), default=None)
    further = any(each > high for each in places)
    place = places.get(uid)
    sparse = (above is None and further) or (below is None and place not in (None, 1))
    if place is None or not sparse:
        return Neighbours(above, below)
    near = _places(client, b"FETCH", b"%d:%d" % (max(1, place - 1), min(place + 1, client.note.exists)))
    if near.get(uid) != place:  # an EXPUNGE came with the first answer and moved the numbers
        return Neighbours(above, below)
    by_place = {number: each for each, number in near.items()}
    return Neighbours(by_place.get(place + 1), by_place.get(place - 1))


def _places(client: Connection, command: bytes, asked: bytes) -> dict[int, int]:
    """Return {uid: sequence number}."""
    found = fetches(client.ask(command, asked, b"(UID)").untagged)
    return {number(items[b"UID"]): place for place, items in found if b"UID" in items}
