"""What is done in the account's mailboxes before and after a mail is sent: its bytes looked up, the copy put into Sent
once, what it answers marked, its draft removed last. Each step can be repeated: it looks first at what is there.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from app.mail import draft as drafts
from app.mail import flags
from app.mail.connection import Connection
from app.mail.errors import CannotDo, ConnectionLost, MailboxGone, MessageGone, OverQuota, Refused, Renumbered
from app.mail.flags import OUTGOING
from app.mail.mailbox import target_name, uncounted
from app.mail.move import delete_for_good, existing, move
from app.mail.part import Lease, fetch
from app.mail.syntax import atoms, number, numbers
from app.mail.writing import Stored
from app.outbox.mail import IN_DATA, Letter, Place

GONE = (MailboxGone, Renumbered, MessageGone)
_SEARCH_SECONDS = 20.0
_MOST = 100  # final bytes uncovered at once
_OWN = ("\\Draft", OUTGOING, IN_DATA)
_WORDS = re.compile(r"[\x21-\x7e]{1,998}")


class Changed(Exception):
    """The bytes in the mailbox are not those that were to be sent."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The final bytes as they lie there; `doubtful`: a request that sent them died near the final dot."""

    size: int
    doubtful: bool


def look(client: Connection, letter: Letter) -> Seen:
    """Finds the final bytes. Two commands. Raises MessageGone, MailboxGone, Renumbered; Changed for another size."""
    client.select(letter.place.mailbox, uidvalidity=letter.place.uidvalidity)
    items = fetch(client, letter.place.uid, b"RFC822.SIZE FLAGS")
    size, marks = number(items.get(b"RFC822.SIZE")), {each.upper() for each in atoms(items.get(b"FLAGS"))}
    if size != letter.size or b"\\DELETED" in marks:
        raise Changed(f"{size} octets in place of {letter.size}")
    return Seen(size, IN_DATA.upper().encode() in marks)


def mark(client: Connection, place: Place, keyword: str, *, on: bool) -> None:
    """Sets or takes away a keyword, where the server keeps any. Raises the tree of errors; Renumbered and the like."""
    changes = {"add": (keyword,)} if on else {"remove": (keyword,)}
    with suppress(CannotDo, Refused):
        flags.store(client, place.mailbox, place.uidvalidity, [place.uid], **changes)


def sent_name(client: Connection, letter: Letter) -> str:
    """The mailbox for the copy, whether it exists or not."""
    today = datetime.now(UTC).date()
    return letter.sent or target_name(uncounted(client, today=today), "sent", today=today)


def copies(client: Connection, mailbox: str, letter: Letter, *, since: datetime) -> list[int]:
    """The UIDs of the mail in a mailbox, by its Message-ID, ascending; none where there is no such mailbox.

    Only those since two days before `since`: in a large mailbox a search by header reads every message.
    """
    if not _WORDS.fullmatch(letter.message_id):
        return []
    day = (since - timedelta(days=2)).strftime("%d-%b-%Y").encode()
    try:
        client.select(mailbox, write=True)
        client.noop()
    except MailboxGone:
        return []
    name = b"Resent-Message-ID" if letter.resent else b"Message-ID"
    words = (b"UID SEARCH UNDELETED SINCE", day, b"HEADER", name)
    answer = client.ask(*words, letter.message_id, timeout=_SEARCH_SECONDS)
    return sorted(numbers(answer.untagged, b"SEARCH"))


def file(client: Connection, letter: Letter, lease: Lease, *, since: datetime, resumed: bool) -> str:
    """Makes the one copy in Sent; returns "", or why there is none: "quota", "gone".

    `lease`: a way to a second connection · `resumed`: somebody may have done it before, so Sent is searched first.
    Raises the tree of errors.
    """
    sent = sent_name(client, letter)
    found = copies(client, sent, letter, since=since) if resumed and sent != letter.place.mailbox else []
    try:
        if found:
            _cleaned(client, sent, found[-1])
            _removed(client, letter.place)
        elif letter.bcc:
            _appended(client, letter, sent, lease)
            _removed(client, letter.place)
        else:
            return _moved(client, letter, sent)
    except OverQuota:
        _cleaned(client, letter.place.mailbox, letter.place.uid)  # it stays where it is, to be seen
        return "quota"
    except GONE:
        return "gone"
    return ""


def _moved(client: Connection, letter: Letter, sent: str) -> str:
    place = letter.place
    if place.mailbox == sent:
        _cleaned(client, sent, place.uid)
        return ""
    done = move(client, place.mailbox, place.uidvalidity, [place.uid], sent, create=True)
    if done.gone:
        return "gone"
    if done.left:
        raise ConnectionLost("the server did not move the mail")
    uid = (done.uids or {}).get(place.uid)
    if uid is None:
        found = copies(client, done.target, letter, since=datetime.now(UTC) - timedelta(days=400))
        uid = found[-1] if found else None
    if uid is not None:
        _cleaned(client, done.target, uid)
    return ""


def _cleaned(client: Connection, mailbox: str, uid: int) -> None:
    """The copy is read, and no draft."""
    note = client.select(mailbox, write=True)
    with suppress(CannotDo, Refused):
        flags.store(client, mailbox, note.uidvalidity or 0, [uid], add=("\\Seen",), remove=_OWN)


def _appended(client: Connection, letter: Letter, sent: str, lease: Lease) -> None:
    """The copy with its Bcc in front: put together on the server, or streamed through where it has no CATENATE."""
    place = letter.place
    whole = Stored(place.mailbox, place.uidvalidity, place.uid, "", letter.size)
    drafts.save(client, sent, (letter.bcc.encode(), whole), flags=("\\Seen",), lease=lease)


def _removed(client: Connection, place: Place) -> None:
    with suppress(*GONE):
        delete_for_good(client, place.mailbox, place.uidvalidity, [place.uid])


def finish(client: Connection, letter: Letter) -> None:
    """Marks what was answered or forwarded, then removes the draft. Raises only what makes the connection unfit."""
    if letter.original and letter.flag:
        original = letter.original
        with suppress(CannotDo, Refused, *GONE):
            flags.store(client, original.mailbox, original.uidvalidity, [original.uid], add=(letter.flag,))
    if letter.draft and letter.draft != letter.place:
        with suppress(Refused):
            _removed(client, letter.draft)
    with suppress(Refused, *GONE):
        _cleared(client, letter)


def _cleared(client: Connection, letter: Letter) -> None:
    """Removes the same mail's bytes of a request that died before the outbox knew of them: no list shows them. A
    message that waits to be sent on carries the Message-ID of its first sending."""
    place = letter.place
    client.select(place.mailbox, uidvalidity=place.uidvalidity)
    if letter.resent or OUTGOING not in client.note.permanentflags or not _WORDS.fullmatch(letter.message_id):
        return
    words = (b"UID SEARCH UNDELETED KEYWORD", OUTGOING.encode(), b'NOT HEADER Resent-Message-ID ""')
    answer = client.ask(*words, b"HEADER Message-ID", letter.message_id, timeout=_SEARCH_SECONDS)
    found = [uid for uid in numbers(answer.untagged, b"SEARCH") if uid != place.uid]
    if found:
        delete_for_good(client, place.mailbox, place.uidvalidity, found)


def bring_back(client: Connection, letter: Letter) -> Place | None:
    """After an undo or a refusal: the draft stands as before. Where it is gone, the final bytes become the draft.

    Returns where the draft lies, None where both are gone or the message is another's. Raises the tree of errors.
    """
    place, draft = letter.place, letter.draft
    if letter.resent:
        _removed(client, place)
        return None
    if draft is not None and draft != place and there(client, draft):
        _removed(client, place)
        return draft
    if not there(client, place):
        return None
    with suppress(CannotDo, Refused, *GONE):
        gone = (OUTGOING, IN_DATA)
        flags.store(client, place.mailbox, place.uidvalidity, [place.uid], add=("\\Draft",), remove=gone)
    return place


def uncover(client: Connection, mailbox: str, named: Collection[Place], *, before: date) -> int:
    """Final bytes that came before that day and that no mail names become drafts for their owner to see; how many.

    So end those of a mail whose owner never decided, and of a request that died: nothing is hidden for ever. One
    command where there are none. Raises the tree of errors.
    """
    note = client.select(mailbox, write=True)
    if OUTGOING.lower() not in {each.lower() for each in note.permanentflags}:
        return 0
    day = before.strftime("%d-%b-%Y").encode()
    answer = client.ask(b"UID SEARCH UNDELETED KEYWORD", OUTGOING.encode(), b"BEFORE", day)
    found = numbers(answer.untagged, b"SEARCH")
    left = [uid for uid in found if Place(mailbox, note.uidvalidity or 0, uid) not in named][:_MOST]
    if not left:
        return 0
    gone = (OUTGOING, IN_DATA)
    return len(flags.store(client, mailbox, note.uidvalidity or 0, left, add=("\\Draft",), remove=gone).changed)


def there(client: Connection, place: Place) -> bool:
    """Whether a message is where it was. Raises the tree of errors."""
    try:
        client.select(place.mailbox, uidvalidity=place.uidvalidity)
        return bool(existing(client, [place.uid]))
    except (MailboxGone, Renumbered):
        return False
