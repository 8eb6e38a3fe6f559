"""Files set aside: each lies in a hidden message of its own beside the draft, in Drafts, until a save takes it in.

So no node keeps an upload, and where the server cannot put messages together an autosave need not move the files. The
message's header names the draft; by that, and by nothing that a form or a draft says, it is known for one of ours when
it is to be removed or read back.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Final

from app.mail.connection import Argument, Connection, uid_set
from app.mail.entity import file_entity, merged
from app.mail.field import folded, is_id, unstructured
from app.mail.flags import FILE
from app.mail.header import fields
from app.mail.move import delete_for_good
from app.mail.outgoing import OWN
from app.mail.syntax import fetches, number, numbers, section
from app.mail.writing import File, Piece, Stored, Writing, new_message_id

SECTION: Final = "TEXT"  # the body of a message that is one part: no file of any other kind is named so
FLAGS: Final = ("\\Draft", "\\Seen", FILE)
FIELD: Final = f"{OWN}Draft"
MOST: Final = 20  # files looked at by one clearing
_MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
STATE: Final = "files"  # of a draft whose files stay set aside: which they are


def message(file: File, message_id: str) -> list[Piece]:
    """The hidden message of a file of the draft with this Message-ID."""
    head = [
        folded("Date", [format_datetime(datetime.now(UTC))]),
        unstructured("Subject", f"A file of a draft: {file.name}"),
        folded("Message-ID", [new_message_id("files.invalid")]),  # for servers that do not tell the UID
        folded(FIELD, [message_id]),
        b"MIME-Version: 1.0\r\n",
    ]
    return list(merged([*head, *file_entity(file)]))


def ours(client: Connection, mailbox: str, uidvalidity: int, uids: Iterable[int], message_id: str) -> list[int]:
    """Those of the messages that hold a file of this draft. One command in the selected mailbox. Raises Renumbered."""
    client.select(mailbox, uidvalidity=uidvalidity)
    answer = client.ask(b"UID SEARCH UID", uid_set(uids), b"HEADER", FIELD, message_id)
    return numbers(answer.untagged, b"SEARCH")


def remove(client: Connection, mailbox: str, uidvalidity: int, uids: Sequence[int], message_id: str) -> None:
    """Removes those that hold a file of this draft and nothing else. Raises as move.delete_for_good."""
    found = ours(client, mailbox, uidvalidity, uids, message_id)
    if found:
        delete_for_good(client, mailbox, uidvalidity, found)


def apart(writing: Writing) -> Writing:
    """The same for a draft that names its files, which are set aside in its own mailbox, and does not hold them."""
    rows = [
        [at.uidvalidity, at.uid, each.name, each.type, at.size, at.encoding, each.charset, each.content_id]
        for each in writing.files
        if isinstance(at := each.content, Stored)
    ]
    told = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return replace(writing, files=(), state={**writing.state, STATE: told}) if rows else writing


def read_back(client: Connection, mailbox: str, told: str, message_id: str) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """The files that a draft names, as far as they are there and are its own; and the names of the others.

    A draft may be a stranger's, moved here: what it names would go out with it. One command in the selected mailbox.
    """
    files = [file for row in _rows(told) if (file := _file(mailbox, row)) is not None]
    validity = client.note.uidvalidity
    uids = [at.uid for each in files if isinstance(at := each.content, Stored) and at.uidvalidity == validity]
    there = set(ours(client, mailbox, validity or 0, uids, message_id)) if uids and message_id else set()
    found = tuple(each for each in files if isinstance(at := each.content, Stored) and at.uid in there)
    return found, tuple(each.name for each in files if each not in found)


def clear(client: Connection, mailbox: str, *, before: date) -> int:
    """Removes files set aside before that day whose draft is not there any more; how many. At most MOST at a time: one
    command where there are none, else three, and one for each draft. Raises as move.delete_for_good."""
    note = client.select(mailbox, write=True)
    kept = FILE.lower() in {flag.lower() for flag in note.permanentflags}
    field: tuple[Argument, ...] = (b"KEYWORD " + FILE.encode(),) if kept else (b"HEADER", FIELD, "")
    answer = client.ask(b"UID SEARCH", *field, _before(before))
    old = numbers(answer.untagged, b"SEARCH")
    drafts: dict[str, list[int]] = {}
    for uid, message_id in _drafts_of(client, random.sample(old, min(len(old), MOST))).items():
        drafts.setdefault(message_id, []).append(uid)
    alone = [uid for message_id, uids in drafts.items() if not _is_there(client, message_id) for uid in uids]
    return len(delete_for_good(client, mailbox, note.uidvalidity or 0, alone).removed) if alone else 0


def _before(day: date) -> bytes:
    return b"BEFORE %d-%b-%d" % (day.day, _MONTHS[day.month - 1], day.year)


def _drafts_of(client: Connection, uids: Sequence[int]) -> dict[int, str]:
    """Which draft each of the files belongs to, by Message-ID."""
    if not uids:
        return {}
    answer = client.ask(b"UID FETCH", uid_set(uids), b"(UID BODY.PEEK[HEADER.FIELDS (%b)])" % FIELD.upper().encode())
    found = {}
    for _, items in fetches(answer.untagged):
        for _, value in fields(section(items, b"BODY[HEADER.FIELDS")):
            found[number(items.get(b"UID"))] = value.decode("ascii", "replace").strip()
    return {uid: found[uid] for uid in uids if is_id(found.get(uid, ""))}


def _is_there(client: Connection, message_id: str) -> bool:
    return bool(numbers(client.ask(b"UID SEARCH HEADER Message-ID", message_id).untagged, b"SEARCH"))


def _rows(told: str) -> list[object]:
    try:
        rows = json.loads(told)
    except (ValueError, RecursionError):
        return []
    return rows if isinstance(rows, list) else []


def _file(mailbox: str, row: object) -> File | None:
    """A file as a draft names it; None for what makes no sense."""
    if not isinstance(row, list) or len(row) != 8:
        return None
    uidvalidity, uid, name, kind, size, encoding, charset, content_id = row
    if not all(isinstance(each, int) and 0 < each < 2**32 for each in (uidvalidity, uid)):
        return None
    if not isinstance(size, int) or not all(isinstance(each, str) for each in (name, kind, encoding)):
        return None
    if not all(each is None or isinstance(each, str) for each in (charset, content_id)):
        return None
    return File(name, kind, Stored(mailbox, uidvalidity, uid, SECTION, size, encoding), content_id, charset)
