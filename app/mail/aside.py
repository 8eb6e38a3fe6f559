"""Files set aside: each lies in a hidden message of its own beside the draft, in Drafts, until a save takes it in.

So no node keeps an upload, and where the server cannot put messages together an autosave need not move the files. The
message's header names the draft; by that, and by nothing that a form says, it is known for one of ours when it is to be
removed or read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from app.mail import draft
from app.mail.connection import Connection, uid_set
from app.mail.entity import file_entity, merged
from app.mail.errors import CannotDo
from app.mail.field import folded, unstructured
from app.mail.flags import FILE
from app.mail.move import delete_for_good
from app.mail.outgoing import OWN, lying
from app.mail.part import Lease
from app.mail.syntax import numbers
from app.mail.writing import File, Stored, new_message_id, size

SECTION: Final = "TEXT"  # the body of a message that is one part: no file of any other kind is named so
FLAGS: Final = ("\\Draft", "\\Seen", FILE)
FIELD: Final = f"{OWN}Draft"


def set_aside(client: Connection, mailbox: str, file: File, message_id: str, *, lease: Lease | None = None) -> File:
    """Appends a file of the draft with this Message-ID, read while it is sent; the same file as it lies there.

    Raises what draft.save raises; then nothing was stored.
    """
    head = [
        folded("Date", [format_datetime(datetime.now(UTC))]),
        unstructured("Subject", f"A file of a draft: {file.name}"),
        folded("Message-ID", [new_message_id("files.invalid")]),  # for servers that do not tell the UID
        folded(FIELD, [message_id]),
        b"MIME-Version: 1.0\r\n",
    ]
    pieces = list(merged([*head, *file_entity(file)]))
    saved = draft.save(client, mailbox, pieces, flags=FLAGS, lease=lease)
    if saved.uid is None or saved.uidvalidity is None:
        raise CannotDo("the server does not tell where it keeps the file")
    octets = size(pieces[1:])
    return lying(file, Stored(saved.mailbox, saved.uidvalidity, saved.uid, SECTION, octets))


def ours(client: Connection, uidvalidity: int, mailbox: str, uids: Iterable[int], message_id: str) -> list[int]:
    """Those of the messages that hold a file of this draft. One command in the selected mailbox. Raises Renumbered."""
    client.select(mailbox, uidvalidity=uidvalidity)
    answer = client.ask(b"UID SEARCH UID", uid_set(uids), b"HEADER", FIELD, message_id)
    return numbers(answer.untagged, b"SEARCH")


def remove(client: Connection, mailbox: str, uidvalidity: int, uids: Sequence[int], message_id: str) -> None:
    """Removes those that hold a file of this draft and nothing else. Raises as move.delete_for_good."""
    found = ours(client, uidvalidity, mailbox, uids, message_id)
    if found:
        delete_for_good(client, mailbox, uidvalidity, found)
