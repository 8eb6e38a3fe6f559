"""What a person typed into the search box, as criteria of IMAP SEARCH (RFC 3501 §6.4.4), and the asking.

Words are joined by "and". Each is looked for in subject, sender and recipients, and in the text where that is bearable.
Nothing typed becomes syntax: every word leaves as a quoted string or a counted UTF-8 literal.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from app.mail.connection import Argument, Connection
from app.mail.flags import HIDDEN
from app.mail.header import clean
from app.mail.syntax import esearch, expand, numbers

View = Literal["all", "unread", "flagged"]

LONGEST = 300  # characters of a query
WORDS = 10
TEXT_UP_TO = 5000  # messages; without an index the server reads every one of them from its disk
SECONDS = 20.0  # until the first byte of an answer, where nobody says otherwise
FEW = 200  # hits that are fetched as one list of UIDs instead of asking for the count first

_WORD = re.compile(r'(-?)(?:([a-z]{2,7}):)?(?:"([^"]*)"?|(\S+))')
_VIEWS: dict[View, bytes] = {"all": b"UNDELETED", "unread": b"UNDELETED UNSEEN", "flagged": b"UNDELETED FLAGGED"}
_STATES = {"unread": b"UNSEEN", "read": b"SEEN", "flagged": b"FLAGGED", "answered": b"ANSWERED", "unseen": b"UNSEEN"}
_FIELDS = {"from": b"FROM", "to": b"TO", "cc": b"CC", "subject": b"SUBJECT", "text": b"TEXT", "body": b"BODY"}
_DAYS = {"since": b"SENTSINCE", "after": b"SENTSINCE", "before": b"SENTBEFORE", "on": b"SENTON"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is asked of SEARCH and SORT; `everything` where that is the whole mailbox. `seconds` to the first byte."""

    arguments: tuple[Argument, ...]
    charset: bytes
    everything: bool
    seconds: float = SECONDS


def tidy(query: str | None) -> str | None:
    """Return the query on one line, without controls and not too long; None when no word is left of it.

    It ends with the last word that is looked for, so that a page never names others.
    """
    line = clean((query or "")[:LONGEST])
    words = _words(line)
    return line[: words[-1][0].end()] if words else None


def _words(query: str) -> list[tuple[re.Match[str], str]]:
    """Return what is looked for, each with the word itself."""
    found = ((each, (each[4] if each[3] is None else each[3]).strip()) for each in _WORD.finditer(query))
    return [(each, word) for each, word in found if word][:WORDS]


def criteria(
    view: View, query: str | None = None, *, text: bool = True, seconds: float = SECONDS, kept: Collection[str] = ()
) -> Criteria:
    """Return the criteria of a view and a tidy query; `text`: whether bare words are looked for in bodies too.
    `kept`: the keywords that the mailbox keeps; of messages under some of ours no list shows any.

    Understood beside words and "phrases": from: to: cc: subject: text: is:unread since:2025-01-31 before: and -word.
    """
    hidden = "".join(f" UNKEYWORD {keyword}" for keyword in HIDDEN if keyword in kept)
    arguments: list[Argument] = [_VIEWS[view] + hidden.encode()]
    for found, word in _words(query or ""):
        asked = _asked(found[2] or "", word, text)
        arguments += [b"NOT", asked] if found[1] else [asked]
    charset = b"US-ASCII" if (query or "").isascii() else b"UTF-8"
    return Criteria(tuple(arguments), charset, view == "all" and len(arguments) == 1, seconds)


def _asked(field: str, word: str, text: bool) -> Argument:
    """Return one term in brackets."""
    if field == "is" and word.lower() in _STATES:
        return (_STATES[word.lower()],)
    if field in _DAYS and (day := _day(word)):
        return (_DAYS[field], day)
    if field in _FIELDS:
        return (_FIELDS[field], word)
    whole = f"{field}:{word}" if field else word
    headers: tuple[Argument, ...] = (b"OR SUBJECT", whole, b"OR FROM", whole, b"TO", whole)
    return (b"OR BODY", whole, *headers) if text else headers


def _day(word: str) -> bytes | None:
    try:
        day = date.fromisoformat(word)
    except ValueError:
        return None
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04d}".encode()


def searches_text(client: Connection, exists: int) -> bool:
    """Say whether bare words are looked for in bodies: in small mailboxes, and where the server keeps an index."""
    return exists <= TEXT_UP_TO or client.has("SEARCH=FUZZY")


def uids(client: Connection, asked: Criteria) -> list[int]:
    """Return all UIDs that match, ascending. One command: ESEARCH (RFC 4731) where offered, else SEARCH."""
    if client.has("ESEARCH"):
        answer = client.ask(b"UID SEARCH", b"RETURN (ALL)", *_charset(asked), *asked.arguments, timeout=asked.seconds)
        found = esearch(answer.untagged)
        return sorted(expand(found.all)) if found and found.all else []
    answer = client.ask(b"UID SEARCH", *_charset(asked), *asked.arguments, timeout=asked.seconds)
    return sorted(set(numbers(answer.untagged, b"SEARCH")))


def window(client: Connection, asked: Criteria, low: int, high: int, *, descending: bool) -> tuple[int, list[int]]:
    """Return (count, UIDs of places low to high, counted from 1) by UID; newest first when `descending`.

    At most two commands, and never more bytes than a few pages' (RFC 5267 §4.4) where CONTEXT=SEARCH is offered.
    """
    if not (client.has("CONTEXT=SEARCH") and client.has("ESEARCH")):
        found = uids(client, asked)
        return len(found), (found[::-1] if descending else found)[low - 1 : high]
    first, last = (1, FEW) if descending else (low, high)
    count, found = _partial(client, asked, first, last)
    if descending and count > FEW:
        first, last = max(1, count - high + 1), count - low + 1
        found = _partial(client, asked, first, last)[1] if last >= 1 else []
        return count, found[::-1]
    return count, found[::-1][low - 1 : high] if descending else found


def _partial(client: Connection, asked: Criteria, low: int, high: int) -> tuple[int, list[int]]:
    returns = b"RETURN (COUNT PARTIAL %d:%d)" % (low, high)
    answer = client.ask(b"UID SEARCH", returns, *_charset(asked), *asked.arguments, timeout=asked.seconds)
    found = esearch(answer.untagged)
    if found is None:
        return 0, []
    return found.count or 0, sorted(expand(found.partial or b"", high - low + 1))


def _charset(asked: Criteria) -> tuple[bytes, ...]:
    """Name the charset only where it is needed: a bare server need not know any (RFC 3501 §6.4.4)."""
    return () if asked.charset == b"US-ASCII" else (b"CHARSET", asked.charset)
