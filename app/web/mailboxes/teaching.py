"""How what somebody marks as spam, or as not spam, reaches the filter: by their site's way, else as the settings say.
And how a notice says it. How it went is told by lists/taught.py; sending/copies.py sends copies."""

from contextlib import suppress

from app.directory.errors import DirectoryError
from app.directory.teaching import Teaching, teaching
from app.mail.mailbox import Mailbox, named_mailbox
from app.web.resources import resources
from app.web.session import Current

SAID = " The filter learns from it."
_ENTRY = "teaching"
_SECONDS = 300  # that a site's way is remembered


def way(me: Current) -> Teaching:
    """Their way. Never raises: while the directory is away, as the settings say."""
    kept = me.cache.recall(_ENTRY)
    if not isinstance(kept, list):
        kept, gate = [], resources().directory_gate
        if not gate.shut():
            with suppress(DirectoryError), gate.asking(DirectoryError):
                found = teaching(resources().directory, me.account.site)
                kept = [found.way, found.spam_to, found.ham_to] if found else []
                me.cache.remember(_ENTRY, kept, seconds=_SECONDS)
    return Teaching(*kept) if kept else Teaching("move" if resources().settings.learning else "none")


def said(me: Current, boxes: tuple[Mailbox, ...], source: str, target: str, *, judged: bool = False) -> str:
    """What a notice of a move adds: "" where it teaches nothing. Who throws spam away says nothing of it. `judged`: as
    spam or as good mail, whatever is known of the mailboxes (one may just have been made)."""
    uses = [box.use if (box := named_mailbox(boxes, name)) else None for name in (source, target)]
    teaches = judged or (uses.count("junk") == 1 and uses[1] != "trash")
    return SAID if teaches and way(me).way == "move" else ""
