"""Which of some messages hold a text in their bodies, as the mail server finds it (BODY, RFC 3501 §6.4.4): one command,
whatever the messages weigh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.mail.connection import Argument, Connection
from app.mail.search import Criteria, uids

MOST: Final = 50  # texts of one command
OCTETS: Final = 4000  # of all of them


def fits(texts: Sequence[str]) -> bool:
    """Whether they can be asked for in one command."""
    plain = all(text.isprintable() for text in texts)
    return plain and 0 < len(texts) <= MOST and sum(len(text.encode(errors="replace")) for text in texts) <= OCTETS


def holding(client: Connection, low: int, high: int, texts: Sequence[str], *, seconds: float) -> frozenset[int]:
    """The UIDs from `low` to `high`, of the mailbox that is selected, whose body holds any of these texts; `seconds` to
    the first byte. Raises the tree of app/mail/errors.py: Refused or CannotDo where the server does not search so."""
    arguments: list[Argument] = [b"UID", b"%d:%d" % (low, high)]
    for text in texts[:-1]:
        arguments += [b"OR BODY", text]
    arguments += [b"BODY", texts[-1]]
    charset = b"US-ASCII" if all(text.isascii() for text in texts) else b"UTF-8"
    found = uids(client, Criteria(tuple(arguments), charset, False, seconds))
    return frozenset(uid for uid in found if low <= uid <= high)
