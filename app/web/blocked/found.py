"""What the mailbox holds of a sender: the newest of INBOX and of junk, by the list's own search, at a bounded cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.mail import listing
from app.mail.errors import MailboxGone
from app.mail.mailbox import Mailbox
from app.web.blocked.asked import is_from
from app.web.mailboxes import pane
from app.web.resources import resources
from app.web.session import Current, imap

SHOWN = 5
LOOKED_AT = 50  # of those that the search found; beyond, the count is "at least"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as these pages name it."""

    mailbox: str
    uidvalidity: int
    uid: int
    subject: str
    arrived: datetime


@dataclass(frozen=True, slots=True)
class Folder:
    """How many of a sender's lie in a mailbox, and the newest of them. `more`: there may be more than that."""

    mailbox: Mailbox
    total: int
    more: bool
    messages: Sequence[Message]


def folders(me: Current, sender: str) -> list[Folder]:
    """INBOX, then junk: NOOP, and for each of the two SELECT, a search and at most one FETCH. Raises the tree of
    app/mail/errors.py, NoMailbox, NotSignedIn."""
    with imap() as client:
        boxes = pane.folders(client, me)
        wanted = [box for box in boxes if box.use in ("inbox", "junk") and box.selectable]
        found = []
        for box in wanted[:2]:
            try:
                page = listing.page(
                    client,
                    box.name,
                    per_page=LOOKED_AT,
                    query=f'from:"{sender.replace(chr(34), "")}"',
                    search_seconds=resources().settings.search_seconds,
                    cache=me.cache,
                )
            except MailboxGone:
                continue
            theirs = [row for row in page.rows if (who := row.summary.sender) and is_from(who.address, sender)]
            found.append(Folder(box, len(theirs), page.pages > 1, [_message(page, row) for row in theirs[:SHOWN]]))
    return found


def _message(page: listing.Page, row: listing.Row) -> Message:
    return Message(page.mailbox, page.uidvalidity, row.uid, row.summary.subject, row.summary.arrived)
