"""Expecting a mail: for 15 minutes a page tells what becomes of a sender's mail: refused, delayed, arrived, or nothing.

Its state is its address. A script asks for `news` every few seconds: that reads the log and the account's last
notice, and searches the mailbox only after new mail was noticed there; what it found then is kept in the cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for

from app.blocklog import query
from app.blocklog.errors import LogError
from app.blocklog.query import Block, Recent
from app.mail.errors import MailError, SignInRefused
from app.web.blocked import found
from app.web.blocked.asked import ACCEPTED, SHOWN, STOPPED, is_from, sender_of
from app.web.blocked.found import Message
from app.web.blocklog import blocklog
from app.web.reading.mailbox import watched
from app.web.session import Current, current

LASTS = timedelta(minutes=15)
BEFORE = timedelta(minutes=15)  # it may have been tried just before somebody thought of looking
ROWS = 20


@dataclass(frozen=True, slots=True)
class News:
    """What is known: rows of the log, newest first, and messages in the mailbox. `away`: the log did not answer."""

    stopped: Sequence[Block]
    accepted: Sequence[Recent]
    messages: Sequence[Message]
    away: bool

    @property
    def nothing(self) -> bool:
        """Whether nobody tried."""
        return not (self.stopped or self.accepted or self.messages)


def expect() -> Response:
    """GET /expecting?q=&since=: the form, or what became of it; who names a sender is sent on with the time."""
    sought, since = _asked()
    if sought and since is None:
        now = int(datetime.now(UTC).timestamp())
        return make_response(redirect(url_for("blocked.expect", q=sought, since=now), 303))
    return _page(sought, since, fresh=True)


def news() -> Response:
    """GET /expecting/news: the same for a script, which asks often."""
    return _page(*_asked(), fresh=False)


def _asked() -> tuple[str, datetime | None]:
    text = request.args.get("since", "")[:11]
    now = datetime.now(UTC)
    try:
        since = datetime.fromtimestamp(int(text), UTC) if text.isascii() and text.isdigit() else None
    except (OverflowError, OSError, ValueError):
        since = None
    if since is not None and not timedelta(days=-1) < now - since < timedelta(days=7):
        since = None
    return sender_of(request.args.get("q", "")), since


def _page(sought: str, since: datetime | None, *, fresh: bool) -> Response:
    me, now = current(), datetime.now(UTC)
    told = _news(me, sought, since - BEFORE, fresh=fresh) if sought and since else None
    until = since + LASTS if since else now
    return make_response(
        render_template(
            "expecting.html", sought=sought, since=since, until=until, live=now < until, news=told, zone=me.zone
        )
    )


def _news(me: Current, sought: str, since: datetime, *, fresh: bool) -> News:
    try:
        with blocklog() as engine:
            wish: dict[str, Any] = {"sender": sought, "since": since, "limit": ROWS}
            rows = query.day_page(engine, me.account.id, policies=SHOWN, outcomes=STOPPED, **wish)
            accepted = query.recent_page(engine, me.account.id, outcomes=ACCEPTED, **wish)
    except LogError:
        return News((), (), _messages(me, sought, since, fresh=fresh), away=True)
    rows = tuple(row for row in rows if is_from(row.sender, sought))
    accepted = tuple(row for row in accepted if is_from(row.sender, sought))
    return News(rows, accepted, _messages(me, sought, since, fresh=fresh), away=False)


def _messages(me: Current, sought: str, since: datetime, *, fresh: bool) -> list[Message]:
    """What came into the mailbox since: searched for only where the account's notice is not the one it was."""
    if me.account.server is None:
        return []
    notice, entry = watched(me), f"expecting {sought}"
    token = notice.token if notice else 0
    kept = me.cache.recall(entry)
    if not fresh and isinstance(kept, dict) and kept.get("token") == token:
        return [message for message in _read(kept.get("found")) if message.arrived >= since]
    try:
        everything = [each for folder in found.folders(me, sought) for each in folder.messages]
    except SignInRefused:
        raise
    except MailError:
        return []
    rows = [[each.mailbox, each.uidvalidity, each.uid, each.subject, each.arrived.timestamp()] for each in everything]
    me.cache.remember(entry, {"token": token, "found": rows}, seconds=int(LASTS.total_seconds()))
    return [each for each in everything if each.arrived >= since]


def _read(rows: Any) -> list[Message]:
    try:
        return [
            Message(str(box), int(validity), int(uid), str(subject), datetime.fromtimestamp(at, UTC))
            for box, validity, uid, subject, at in rows
        ]
    except (TypeError, ValueError, IndexError, OverflowError):
        return []
