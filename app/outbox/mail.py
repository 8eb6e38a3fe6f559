"""A mail in the outbox: what is to be sent, where its bytes lie, and how far it has come.

    QUEUED ──> CLAIMED ──> IN_DATA ──> ACCEPTED ──> FILED ──> DONE
       │          │           ├──> UNKNOWN   the line or the courier died between the final dot and the written 250
       └──────────┴───────────┴──> REFUSED   certain: nothing was sent, the draft can be edited
    CANCELLED: undone, or its bytes are gone or changed

Times are milliseconds of the epoch, UTC.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How far a mail has come."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    IN_DATA = "in_data"
    ACCEPTED = "accepted"
    FILED = "filed"
    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    UNKNOWN = "unknown"


STATES = tuple(str(state) for state in State)
TOLD = ("gone", "changed", "quota", "no-dsn")  # reasons of an end that its owner is told of until they have read it
ENDED = (State.DONE, State.CANCELLED, State.REFUSED)  # nothing more happens by itself, and the row may be forgotten

LATE_TRIES = 5  # from then on a mail that waits is told of on every page: about three minutes after it was due
MOST_UNDO = 301_000  # milliseconds: the longest time for undo, and what a clock rounds

# Keyword of final bytes whose final dot a request was about to send, without a row.
IN_DATA = "$PosternInData"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies: the three that name it for good, as long as the mailbox is not renumbered."""

    mailbox: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipient whom the submission server refused, and its words."""

    address: str
    code: int
    enhanced: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent. The final bytes lie at `place`, `size` octets with this SHA-256 (hex), and have no Bcc.

    `bcc`: the whole header field that the copy in Sent begins with, with its CRLF; "" where there is none · `draft`:
    the draft that it was made of, removed at the end · `original` and `flag`: what it answers or forwards, and
    \\Answered or $Forwarded · `sent`: the mailbox for the copy; None: the account's usual one · `utf8`: the header is
    in UTF-8 · `notify`: ask for reports of delivery · `partial`: send to the others where some recipients are refused ·
    `words`: a digest of what was written, by which a second press of Send is told from another message · `resent`: a
    message of somebody's sent on as it is, whose `message_id` stands in Resent-Message-ID; it has no draft.
    """

    place: Place
    size: int
    sha256: str
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    bcc: str = ""
    draft: Place | None = None
    original: Place | None = None
    flag: str | None = None
    sent: str | None = None
    utf8: bool = False
    notify: bool = False
    partial: bool = False
    words: str = ""
    resent: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Letter:
        fields: dict[str, Any] = json.loads(text)
        for name in ("place", "draft", "original"):
            fields[name] = Place(**fields[name]) if fields[name] else None
        return cls(**{**fields, "recipients": tuple(fields["recipients"])})


@dataclass(frozen=True, slots=True)
class Mail:
    """One row. `account` is the account's JSON as it was when the mail was put in.

    `until`: when somebody has to look at it next: the time it is due, of its next try, or when its claim ends; None
    where nobody has to. `reason`: one word for why it stands where it stands; `last_reply`: the server's own words.
    """

    id: str
    account_id: str
    account: str = field(repr=False)
    letter: Letter
    state: State
    due: int
    until: int | None
    owner: str | None = None
    fence: int = 0
    tries: int = 0
    reason: str = ""
    last_reply: str = ""
    refusals: tuple[Refusal, ...] = ()
    credential: bytes | None = field(default=None, repr=False)
    created: int = 0
    changed: int = 0

    @property
    def scheduled(self) -> bool:
        """Whether it was put in to be sent later, not only after the time for undo."""
        return self.due - self.created > MOST_UNDO

    @property
    def others(self) -> bool:
        """Whether it was refused for some recipients only, so that its owner may have it sent to the others."""
        some = 0 < len(self.refusals) < len(self.letter.recipients)
        return self.state == State.REFUSED and self.reason == "recipients" and some

    @property
    def left(self) -> bool:
        """Whether it was refused and its final bytes lie where they lay: nobody has brought its draft back yet."""
        return self.others or (self.state == State.REFUSED and self.reason in ("sign-in", "expired"))

    @property
    def parked(self) -> bool:
        """Whether it waits for its owner: nobody can sign in for them until they say so themselves."""
        return self.state == State.QUEUED and self.until is None


def mail_id(account_id: str, compose_id: str) -> str:
    """The id of the mail that a compose window makes: the same however often it is sent, another for each account."""
    text = f"{len(account_id)}:{account_id}{compose_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
