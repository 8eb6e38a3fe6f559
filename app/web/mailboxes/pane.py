"""The folder pane: the tree of mailboxes with unread counts and the outbox's, kept in the cache for 30 seconds.

It is kept under the token of the account's last notice, so that new mail and own writes, which raise it, drop it.
"""

import json
import zlib
from base64 import b85decode, b85encode
from contextlib import suppress
from dataclasses import astuple
from datetime import datetime

from flask import g
from redis import RedisError

from app.mail.connection import Connection
from app.mail.lastshown import USUAL, shown_key
from app.mail.mailbox import MANY, Mailbox, named_mailbox, target_name, tree
from app.mail.special import USES, Use
from app.outbox.errors import OutboxAway
from app.store.notices import Notice, bump_notice, read_notice
from app.web.brand import brand
from app.web.mailboxes import answering, stopped
from app.web.profile import setting
from app.web.resources import resources
from app.web.session import Current

SECONDS = 30
SPECIAL = "special"  # the setting
_ENTRY = "pane"
_KNOWN = "folders"  # how many there were the last time: many are not counted all at once
_KNOWN_SECONDS = 30 * 86400


def folders(client: Connection, me: Current, *, shown: str = USUAL) -> tuple[Mailbox, ...]:
    """The tree in display order: from the cache, else by one LIST. Raises the tree of app/mail/errors.py.

    `shown`: the list of the selected mailbox whose UIDs will be asked for next; they come in the same round trip.
    """
    token = _token(noticed(me))
    kept = me.cache.recall(_ENTRY, ahead=[shown_key(client, shown)] if client.note.selected else ())
    if isinstance(kept, dict) and kept.get("token") == token and (found := _read(kept.get("tree"))):
        g.outbox, g.stopped, g.answering = kept.get("outbox"), kept.get("stopped"), kept.get("answering")
        return found
    today, known = datetime.now(me.zone).date(), me.cache.recall(_KNOWN)
    known = known if isinstance(known, int) else None
    boxes = tree(client, special=special(me), junk_pattern=junk_pattern(me), today=today, known=known)
    if known is None or (known > MANY) != (len(boxes) > MANY):
        me.cache.remember(_KNOWN, len(boxes), seconds=_KNOWN_SECONDS)
    g.outbox = _outbox(me)
    g.stopped = stopped.unread(me) if brand().has("blocked") else 0
    g.answering = answering.shown(me) if brand().has("vacation") else ""
    standing = {"outbox": g.outbox, "stopped": g.stopped, "answering": g.answering}
    entry = {"token": token, "tree": _rows(boxes), **standing}
    me.cache.remember(_ENTRY, entry, seconds=SECONDS)
    return boxes


def _outbox(me: Current) -> dict[str, int] | None:
    """How many mails wait to be sent, how many are stopped, and of how many there is something to be told; None while
    SQL is away, or was a moment ago."""
    gate = resources().profile_gate
    if gate.shut():
        return None
    try:
        waiting, stopped, told = resources().post.standing(me.account.id)
    except OutboxAway:
        gate.failed()
        return None
    gate.answered()
    return {"waiting": waiting, "stopped": stopped, "told": told}


def special(me: Current) -> dict[Use, str]:
    """The account's own choice of special folders; none while neither cache nor SQL answers."""
    kept = setting(me, SPECIAL)
    return {use: kept[use] for use in USES if isinstance(kept.get(use), str)} if isinstance(kept, dict) else {}


def junk_pattern(me: Current) -> str | None:
    """The site's pattern of junk mailboxes, such as `spam.%Y`: the mail server's own, else that of the settings."""
    server = me.account.server
    return (server.junk_pattern if server else None) or resources().settings.junk_pattern or None


def drafts(me: Current, boxes: tuple[Mailbox, ...]) -> str:
    """Where drafts lie, or will lie."""
    return target_name(boxes, "drafts", today=datetime.now(me.zone).date())


def drop(me: Current) -> None:
    """To be called when a mailbox of the pane turned out to be gone."""
    me.cache.forget(_ENTRY)


def wrote(me: Current) -> None:
    """To be called after every own write: the pane is read anew, and other open pages of the account look again.

    No error of Redis leaves here (full, a replica, away): what was done to the mail is done, and a page has to say so.
    """
    drop(me)
    g.pop("notice", None)
    with suppress(RedisError):
        bump_notice(me.redis, me.account.id)


def opened(boxes: tuple[Mailbox, ...], name: str) -> Mailbox:
    """The mailbox that is shown, also where the pane does not know it (yet)."""
    use: Use | None = "inbox" if name == "INBOX" else None
    return named_mailbox(boxes, name) or Mailbox(name, name, None, 0, True, use, None, None)


def noticed(me: Current) -> Notice | None:
    """The account's last notice as it came with the session; read anew after an own write. Raises redis.RedisError."""
    if "notice" not in g:
        g.notice = read_notice(me.redis, me.account.id)
    found: Notice | None = g.notice
    return found


def _token(notice: Notice | None) -> int:
    return notice.token if notice else 0


def _rows(boxes: tuple[Mailbox, ...]) -> object:
    """The tree as JSON; many are packed, as 3,000 would be more than an entry of the cache may hold."""
    rows = [astuple(box) for box in boxes]
    return b85encode(zlib.compress(json.dumps(rows).encode(), 1)).decode() if len(rows) > MANY else rows


def _read(rows: object) -> tuple[Mailbox, ...]:
    """The tree from its JSON; nothing for anything else."""
    try:
        if isinstance(rows, str):
            rows = json.loads(zlib.decompress(b85decode(rows)))
        return tuple(Mailbox(*row) for row in rows) if isinstance(rows, list) else ()
    except (TypeError, ValueError, zlib.error):
        return ()
