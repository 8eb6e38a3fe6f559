"""The end of Postfix' lines of refusal: whose mail it was, for whom. What stands before it may be a stranger's.

A Subject, a reply, a quoted local part may hold a perfect copy of such an end. No copy may name a recipient: where it
cannot be told which one is Postfix' own, there is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 8192  # characters; Postfix itself cuts at 2,000
CUT = 640  # bytes behind the name of the client: a syslog may cut a line at 1,024 (RFC 3164 §4.1)
CONTENT = 200  # characters of a header or of a line of text that cleanup shows
COPIES = 64

# A backslash stands in quotes only: what begins inside of a quoted local part meets one, or its closing quote alone.
ADDRESS = r'(?:"(?:[^"\\]|\\.)*"|[^<>"\\\s])*'
_FIELDS = (
    rf"; (?:from=<(?P<sender>{ADDRESS})>,? ?)?(?:to=<(?P<recipient>{ADDRESS})>,? ?)?(?:proto=\w+,? ?)"
    r"(?:helo=<(?P<helo>[^<>\s]*)>)?"
    r"(?: ?sasl_method=[^\s,]*)?(?:,? ?sasl_username=(?P<user>[^\s,]*))?(?:,? ?sasl_sender=[^\s,]*)?"
)
_LAST = re.compile(_FIELDS + r" ?\Z")
_LOOSE = re.compile(_FIELDS)
_BEFORE_REPLY = re.compile(_FIELDS + r"(?:: (?P<reply>.*))?\Z", re.DOTALL)
_MIME_ERROR = re.compile(rf"; from=<(?P<sender>{ADDRESS})> to=<(?P<recipient>{ADDRESS})>\Z")


@dataclass(slots=True)
class Ending:
    """`before`: the text that it ends. None: not said."""

    before: str
    sender: str | None = None
    recipient: str | None = None
    helo: str = ""
    reply: str = ""
    signed_in: bool = False


def ending(text: str) -> Ending | None:
    """The end of a line whose end nothing follows (smtpd, postscreen, a milter's verdict): the last that fits."""
    for start in reversed(_starts(text)):
        if match := _LAST.match(text, start):
            return _read(text, match, sure=not _maybe_cut(text))
    return None


def mime_ending(text: str) -> Ending | None:
    """The same of a MIME error, which has no protocol."""
    for start in reversed(_starts(text)):
        if match := _MIME_ERROR.match(text, start):
            return _read(text, match, sure=not _maybe_cut(text))
    return None


def content_ending(text: str) -> Ending | None:
    """The end that stands between a message's own text, of at most 200 characters, and the reply.

    The reply may hold what a pattern caught of the message ("$1"). What it caught stands in the message's text as
    well, unless that was cut. So of two ends the first is a copy if it lies in these 200 characters, the second if
    neither does; of three, or of one inside the quotes of another, nothing can be said.
    """
    found = [match for start in _starts(text) if (match := _LOOSE.match(text, start))]
    if not found:
        return None
    two = len(found) == 2 and found[1].start() >= found[0].end()
    sure = two or len({match["recipient"] for match in found}) == 1
    first = not sure or (two and found[0].start() >= CONTENT)
    whole = [match for each in found if (match := _BEFORE_REPLY.match(text, each.start()))]
    if not whole:
        return Ending(text[: found[0].start()])
    return _read(text, whole[0 if first else -1], sure=sure and not _maybe_cut(text))


def _starts(text: str) -> list[int]:
    found, place = [], text.find("; ")
    while place >= 0:
        if text.startswith(("from=<", "to=<", "proto="), place + 2):
            found.append(place)
        place = text.find("; ", place + 2)
    return found[-COPIES:]


def _read(text: str, match: re.Match[str], *, sure: bool) -> Ending:
    fields = match.groupdict(default="")
    before, reply = text[: match.start()].rstrip(), fields.get("reply", "")
    if not sure:
        return Ending(before, reply=reply)
    signed_in = bool(fields.get("user"))
    return Ending(before, match["sender"], fields["recipient"] or None, fields.get("helo", ""), reply, signed_in)


def _maybe_cut(text: str) -> bool:
    """Whether the line may have been cut, so that its end is the inside of a longer local part."""
    return len(text) > CUT // 4 and len(text.encode()) > CUT
