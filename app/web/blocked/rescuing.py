"""Brings a message out of the spam folder, as "Not spam" in the list does: filters that learn from a move see one."""

from app.mail import rescue
from app.mail.errors import MailError, SignInRefused
from app.web.mailboxes import pane, teaching, undo
from app.web.sending import copies
from app.web.serving.log import described, logger
from app.web.session import Current, imap

MOVED = "The message is in your inbox now."
NOT_THERE = "The message is no longer in your spam folder, or cannot be told from others there. Nothing was moved."
AWAY = "The message could not be moved: your mail server does not answer, or refuses it. It is still where it was."


def brought_back(me: Current, message_id: str) -> str:
    """One of the sentences above. Raises SignInRefused."""
    try:
        with imap() as client:
            boxes = pane.folders(client, me)
            junk = [box.name for box in boxes if box.use == "junk" and box.selectable]
            inbox = next((box.name for box in boxes if box.use == "inbox"), "INBOX")
            done = rescue.rescue(client, junk[:2], message_id, inbox)
            more, beside = copies.sent(client, me, boxes, done.moved, spam=False) if done else ("", {})
    except SignInRefused:
        raise
    except MailError as error:
        logger.warning("a message was not brought back", extra=described(error))
        return AWAY
    if done is None or not done.moved.moved:
        return NOT_THERE
    pane.wrote(me)
    said = MOVED + (more or teaching.said(me, boxes, done.mailbox, inbox, judged=True))
    if done.moved.uids or done.moved.message_ids:
        undo.offer(me, said, undo.move_record(done.mailbox, done.uidvalidity, done.moved, done.marked) | beside)
    return said
