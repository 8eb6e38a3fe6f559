"""How a new rule begins: empty, or from a message: its mailing list, else its sender, else its subject."""

import re
from collections.abc import Mapping

from app.mail.errors import MailError
from app.mail.header import addresses, decode, fields
from app.mail.latest import Latest, one
from app.web.filters.form import If, Typed
from app.web.session import imap

_LIST = re.compile(r"<([^<>\s]{1,255})>")


def begun(asked: Mapping[str, str]) -> Typed:
    """The form of a new rule. A message that is gone, or a server that is away, leaves it empty."""
    mailbox, numbers = asked.get("mailbox", ""), [asked.get(name, "") for name in ("uidvalidity", "uid")]
    if not mailbox or not all(each.isascii() and each.isdecimal() and len(each) <= 10 for each in numbers):
        return Typed()
    try:
        with imap() as client:
            return of_message(one(client, mailbox, int(numbers[0]), int(numbers[1])))
    except MailError:
        return Typed()


def of_message(found: Latest) -> Typed:
    """The rule that fits a message."""
    told = dict(reversed(fields(found.header)))
    listed = _LIST.search(decode(told.get("list-id", b""), 400))
    if listed:
        return Typed(name=listed[1][:100], ifs=(If("list", "contains", value=listed[1]),))
    who = addresses(told.get("from", b""), 1)
    if who and who[0].address:
        return Typed(name=(who[0].name or who[0].address)[:100], ifs=(If("sender", "is", value=who[0].address[:320]),))
    subject = decode(told.get("subject", b""), 200)
    return Typed(name=subject[:100], ifs=(If("subject", "contains", value=subject),)) if subject else Typed()
