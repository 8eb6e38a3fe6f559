"""The subjects of single messages, by their places: where nothing else of them is shown."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from app.mail.connection import Connection
from app.mail.errors import MailboxGone, Renumbered
from app.mail.header import decode, fields
from app.mail.part import Place
from app.mail.syntax import fetches, number, section
from app.mail.wire import chunks

_LONGEST = 300


def subjects(client: Connection, places: Iterable[Place]) -> dict[Place, str]:
    """Those of the messages that are there, two commands a mailbox. Raises the tree of app/mail/errors.py."""
    found: dict[Place, str] = {}
    boxes: dict[tuple[str, int], list[int]] = {}
    for place in places:
        boxes.setdefault((place.mailbox, place.uidvalidity), []).append(place.uid)
    for (mailbox, uidvalidity), uids in boxes.items():
        with suppress(MailboxGone, Renumbered):
            client.select(mailbox, uidvalidity=uidvalidity)
            told = _told(client, uids)
            found |= {Place(mailbox, uidvalidity, uid): told[uid] for uid in uids if uid in told}
    return found


def _told(client: Connection, uids: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in chunks(sorted(set(uids))):
        answer = client.ask(b"UID FETCH", part, b"(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        for _, items in fetches(answer.untagged):
            raw = dict(fields(section(items, b"BODY[HEADER.FIELDS"))).get("subject", b"")
            if b"UID" in items:
                found[number(items[b"UID"])] = decode(raw, _LONGEST)
    return found
