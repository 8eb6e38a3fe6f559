"""Other versions of a draft: what another tab or program stored under the Message-ID that a draft keeps from its first
save on. Programs that edit a draft keep the Message-ID or make a new one; the second cannot be told from a new message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.mail import draft
from app.mail.connection import Argument, Connection
from app.mail.envelope import arrived
from app.mail.field import is_id
from app.mail.flags import OUTGOING
from app.mail.part import Place, fetch
from app.mail.syntax import numbers, text
from app.mail.writing import Writing

SECONDS: Final = 5.0  # a search by header may have to read every draft


@dataclass(frozen=True, slots=True)
class Version:
    """A draft as it lies on the server. `at`: when the server got it."""

    place: Place
    at: datetime
    writing: Writing


def latest(client: Connection, mailbox: str, message_id: str, *, besides: int | None = None) -> Version | None:
    """The latest draft of a mailbox with that Message-ID, except one UID; None where there is none. Up to five
    commands. Raises the tree of errors; CannotDo for a draft too long to be read."""
    if not is_id(message_id):
        return None
    note = client.select(mailbox)
    client.noop()
    line: list[Argument] = [b"UID SEARCH UNDELETED"]
    if OUTGOING in client.note.permanentflags:  # the final bytes of a mail on its way carry the same Message-ID
        line += [b"UNKEYWORD", OUTGOING.encode()]
    answer = client.ask(*line, b"HEADER Message-ID", message_id, timeout=SECONDS)
    uid = max((uid for uid in numbers(answer.untagged, b"SEARCH") if uid != besides), default=None)
    if uid is None or note.uidvalidity is None:
        return None
    writing = draft.read(client, mailbox, note.uidvalidity, uid)
    at = arrived(text(fetch(client, uid, b"INTERNALDATE").get(b"INTERNALDATE")))
    return Version(Place(mailbox, note.uidvalidity, uid), at, writing)
