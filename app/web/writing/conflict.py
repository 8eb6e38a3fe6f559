"""A draft that another tab or program changed meanwhile: both texts are shown, and who wrote them chooses.

Until then each save goes on into a draft of its own beside the other. What was not chosen goes to the trash, where it
can be had back; nothing is overwritten.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from flask import flash, g

from app.mail import errors as mail
from app.mail import move
from app.mail.connection import Connection
from app.mail.difference import Side, sides
from app.mail.versions import Version, latest
from app.mail.writing import Writing
from app.web.letter.kept import kept_files
from app.web.letter.letter import TYPED, Letter, letter_of, written
from app.web.sending import outbox

CHOICES = frozenset({"keep-mine", "take-other", "keep-both"})
NEW = "Not done. This draft was changed elsewhere meanwhile: see both texts, and choose. Yours is saved."
AGAIN = "Nothing was thrown away: the other text has changed once more. See it as it is now, and choose."
_GONE = "This draft was sent or removed elsewhere meanwhile. Yours is kept as a draft."
_OTHER_GONE = "The other text is not there any more. Yours is kept."
_LABELS = {"from": "From", "to": "To", "cc": "Copy", "bcc": "Blind copy", "subject": "Subject", "files": "Attachments",
           "html": "Text"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two versions of a draft. `at`: when the other was stored · `lines`: (label, mine, other) of fields that differ ·
    `texts`: None where both say the same."""

    at: datetime
    lines: tuple[tuple[str, str, str], ...]
    texts: tuple[Side, Side] | None


def fresh() -> Conflict | None:
    """What this request has found, for its page."""
    found: Conflict | None = g.get("conflict")
    return found


def noticed(client: Connection, letter: Letter, writing: Writing) -> Letter:
    """`letter` was saved, as `writing`, in place of a draft that was not there any more. Never raises."""
    version = _other(client, letter)
    if version is None:
        flash(_GONE, "warning")
        return replace(letter, conflict=None)
    if _is_former(letter, version) or outbox.words(version.writing) == outbox.words(writing):
        with suppress(mail.MailError):
            move.delete_for_good(client, version.place.mailbox, version.place.uidvalidity, [version.place.uid])
        return letter
    return _between(letter, writing, version)


def again(client: Connection, letter: Letter, writing: Writing) -> Letter:
    """The same for a page that shows a conflict once more. Never raises."""
    version = _other(client, letter)
    return replace(letter, conflict=None) if version is None else _between(letter, writing, version)


def settled(client: Connection, letter: Letter) -> tuple[Letter, Version | None] | None:
    """The letter that goes on, and the version that was not chosen, for the trash. `letter` is saved already.

    None where the other changed once more, so that nobody has seen what would be thrown away.
    """
    version = _other(client, letter)
    if version is None:
        flash(_OTHER_GONE, "warning")
        return replace(letter, conflict=None), None
    if version.place != letter.conflict:
        return None
    return replace(letter, conflict=None), version


def with_files(client: Connection, letter: Letter) -> Letter:
    """The letter with files that lay in the draft that is gone, as they lie in its other version. Never raises."""
    version = _other(client, letter)
    if version is None:
        return letter
    lying = list(kept_files(version.writing.files))
    files = []
    for each in letter.files:
        same = [other for other in lying if (other.name, other.size) == (each.name, each.size)]
        if each.place == letter.draft and same:
            lying.remove(same[0])
            each = same[0]
        files.append(each)
    return replace(letter, files=tuple(files))


def _other(client: Connection, letter: Letter) -> Version | None:
    if letter.draft is None:
        return None
    with suppress(mail.MailError):
        return latest(client, letter.draft.mailbox, letter.message_id, besides=letter.draft.uid)
    return None


def _is_former(letter: Letter, version: Version) -> bool:
    """Whether the other is what this very form saved before, and the answer was lost on its way back."""
    theirs, _, before = version.writing.state.get("turn", "").partition(".")
    mine, _, now = letter.turn.partition(".")
    return theirs == mine != "" and before.isdecimal() and int(before[:9]) < int(now)


def _between(letter: Letter, writing: Writing, version: Version) -> Letter:
    differing = tuple((_LABELS[name], mine, other) for name, mine, other in _fields(writing, version) if mine != other)
    mine, other = letter_of(writing, None).text, letter_of(version.writing, None).text
    texts = sides(mine, other) if mine != other else None
    g.conflict = Conflict(version.at, differing, texts)
    return replace(letter, conflict=version.place)


def _fields(writing: Writing, version: Version) -> Iterator[tuple[str, str, str]]:
    theirs = version.writing
    yield "from", written([writing.sender]), written([theirs.sender])
    mine, other = letter_of(writing, None), letter_of(theirs, None)
    for name in (*TYPED, "subject"):
        yield name, getattr(mine, name), getattr(other, name)
    yield "files", _names(writing), _names(theirs)
    same = "formatted" if mine.html == other.html or mine.text != other.text else "formatted in another way"
    yield "html", "formatted" if mine.html else "plain text", same if other.html else "plain text"


def _names(writing: Writing) -> str:
    return ", ".join(each.name for each in writing.files)
