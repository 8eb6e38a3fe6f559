"""Beyond what was shown of a search, a view or an order: the UIDs around a message, by asking for the list once more.

Only UIDs cross the wire, about four pages of them. What was shown counts as found although it is no longer unread: who
reads an unread view to the end of a page goes on with its next one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.mail import order, search
from app.mail.connection import Connection, uid_set
from app.mail.lastshown import shown_key
from app.mail.listing import window
from app.mail.order import Sort, SummaryCache
from app.mail.search import View

MARGIN = 3  # pages before the one that an address names: that many messages may have left the list meanwhile


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as an address names it, and the page of it on which a message was opened. `query` is tidy."""

    page: int = 1
    per_page: int = 50
    sort: Sort = "arrival"
    descending: bool = True
    view: View = "all"
    query: str | None = None
    seconds: float = search.SECONDS


class Pages(NamedTuple):
    """On which pages of the list the message above, a message and the one below stand."""

    previous: int
    own: int
    next: int

    @classmethod
    def around(cls, own: int, *, above: bool, below: bool) -> Pages:
        """Of a message within its page; whether the others are the last of the one before, the first of the next."""
        return cls(max(1, own - above), own, own + below)


def beyond(
    client: Connection, uid: int, listed: Listed, shown: Sequence[int | None], *, cache: SummaryCache, name: str
) -> tuple[list[int | None], Pages | None]:
    """The UIDs of the page on which a message stands, one more at each end, None for an end of the list; they are kept
    as what was shown. Nothing where the message is not found. At most two commands."""
    low, high = max(1, (listed.page - MARGIN) * listed.per_page), (listed.page + 1) * listed.per_page + 1
    sort = listed.sort if order.can_sort(client, client.note.exists) else "arrival"
    total, uids = window(
        client, _criteria(client, listed, shown), low, high,
        sort=sort, descending=listed.descending, asks=listed.query is not None, cache=cache,
    )  # fmt: skip
    if uid not in uids:
        return [], None
    place = low + uids.index(uid)
    pages = Pages(*((each - 1) // listed.per_page + 1 for each in (place - 1, place, place + 1)))
    first, last = (pages.own - 1) * listed.per_page, pages.own * listed.per_page + 1
    inner = uids[max(first, low) - low : last - low + 1]
    around = [None] * (first == 0) + inner + [None] * (last > total)
    cache.put_many({shown_key(client, name): json.dumps(around).encode()})
    return around, pages


def _criteria(client: Connection, listed: Listed, shown: Sequence[int | None]) -> search.Criteria:
    deep = search.searches_text(client, client.note.exists)
    kept = client.note.permanentflags
    asked = search.criteria(listed.view, listed.query, text=deep, seconds=listed.seconds, kept=kept)
    if listed.view == "all" and "is:" not in (listed.query or ""):  # nothing leaves it by being read
        return asked
    known = b"UID " + uid_set([each for each in shown if each is not None])
    return replace(asked, arguments=(b"OR", known, asked.arguments))
