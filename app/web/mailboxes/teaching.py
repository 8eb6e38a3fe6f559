"""Whether moving a message teaches the filter, and how that is said. How it went is told by app/web/lists/taught.py."""

from app.mail.mailbox import Mailbox, named_mailbox
from app.web.resources import resources

SAID = " The filter learns from it."


def said(boxes: tuple[Mailbox, ...], source: str, target: str, *, judged: bool = False) -> str:
    """What a notice of a move adds: "" where it teaches nothing. Who throws spam away says nothing of it. `judged`: as
    spam or as good mail, whatever is known of the mailboxes (one may just have been made)."""
    uses = [box.use if (box := named_mailbox(boxes, name)) else None for name in (source, target)]
    teaches = judged or uses.count("junk") == 1 and uses[1] != "trash"
    return SAID if resources().settings.learning and teaches else ""
