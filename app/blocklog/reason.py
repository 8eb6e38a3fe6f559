"""A stopped message in one plain sentence: what became of it, why, and what its sender knows.

All words stand in the tables at the top. What a stranger may have chosen (names of lists, viruses, files, domains)
never becomes part of them: it is cut, cleaned, and stays a piece of its own, which a page isolates and escapes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from app.blocklog.codes import Outcome, Policy, Resolved

LONGEST = 60  # characters of a stranger's text inside a sentence
SOON = timedelta(minutes=15)  # greylisting asks for less: before that nobody says that it did not come back

# The order of the filter: what stops most comes first.
POLICIES: Mapping[Policy, str] = {
    Policy.rbl: "Server on a block list",
    Policy.rhsbl: "Domain on a block list",
    Policy.spam: "Spam",
    Policy.header: "Header",
    Policy.body: "Text",
    Policy.mime: "Attachment",
    Policy.virus: "Virus",
    Policy.rule: "Sender shut out",
    Policy.greylist: "First contact",
    Policy.helo: "False server name",
    Policy.client: "Server not accepted",
    Policy.sender: "Sender not valid",
    Policy.spf: "Sender forged (SPF)",
    Policy.dkim: "Signature broken (DKIM)",
    Policy.dmarc: "Sender forged (DMARC)",
    Policy.rate: "Too much at once",
    Policy.size: "Too large",
    Policy.quota: "Mailbox full",
    Policy.rcpt: "No such address",
    Policy.relay: "Not for us",
    Policy.protocol: "Rules of mail broken",
    Policy.other: "Other",
    Policy.internal: "Fault of ours",
}
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.refused: "Refused",
    Outcome.delayed: "Delayed",
    Outcome.quarantined: "Kept aside",
    Outcome.held: "Held back",
    Outcome.junked: "Put into spam",
    Outcome.discarded: "Thrown away",
    Outcome.dropped: "Thrown away later",
    Outcome.would_block: "Let through",
}

_WHY: Mapping[Policy, str] = {
    Policy.rbl: "their server is on a block list",
    Policy.rhsbl: "their domain, or one that it links to, is on a block list",
    Policy.spam: "it looked like spam",
    Policy.header: "something in its subject or header is not allowed here",
    Policy.body: "something in its text is not allowed here",
    Policy.mime: "it had an attachment of a kind that is not allowed here",
    Policy.virus: "it contained a virus",
    Policy.rule: "this sender is shut out, by you or by your provider",
    Policy.greylist: "it was the first mail of this sender to you",
    Policy.helo: "their server gave a name that cannot be right",
    Policy.client: "their server is not one that may send mail here",
    Policy.sender: "the sender’s address is not valid",
    Policy.spf: "their server may not send mail for the sender’s domain",
    Policy.dkim: "its signature does not fit, so it may be forged",
    Policy.dmarc: "it does not prove that it is from the sender’s domain",
    Policy.rate: "their server sent too much at once",
    Policy.size: "it was too large",
    Policy.quota: "your mailbox was full",
    Policy.rcpt: "there is no such address here",
    Policy.relay: "it was not for an address of ours",
    Policy.protocol: "their server broke the rules of mail",
    Policy.other: "the mail server had a reason that only its answer tells",
    Policy.internal: "our mail system had a fault",
}
# The same with what is known of it: {detail} and {domain} are the stranger's.
_NAMED: Mapping[Policy, str] = {
    Policy.rbl: "their server is on the block list {detail}",
    Policy.rhsbl: "their domain, or one that it links to, is on the block list {detail}",
    Policy.mime: "its attachment {detail} is of a kind that is not allowed here",
    Policy.virus: "it contained the virus {detail}",
    Policy.spf: "their server may not send mail for {domain}",
    Policy.dmarc: "it does not prove that it is from {domain}",
}
# The exact fault, where the server's answer names it: (policy, what the answer holds, why).
_EXACT: tuple[tuple[Policy, re.Pattern[str], str], ...] = tuple(
    (policy, re.compile(found, re.IGNORECASE), why)
    for policy, found, why in (
        (Policy.client, r"dynamic|dial-?up|residential|generic", "their server looks like a connection at home"),
        (Policy.client, r"hostname|host name|reverse|PTR|rDNS", "their server has no name"),
        (Policy.helo, r"(?:our|my|local) (?:own )?(?:name|address)|is us\b", "their server pretended to be ours"),
        (Policy.helo, r"not found|does not resolve|no such", "the name that their server gave does not exist"),
        (Policy.helo, r"fully.qualified|invalid name|syntax", "the name that their server gave is not complete"),
        (Policy.sender, r"domain not found|domain.{0,80}not exist|nullMX", "the sender’s domain does not exist"),
        (Policy.sender, r"undeliverable|verif|callout|unverified", "the sender’s address does not exist"),
        (Policy.sender, r"fully.qualified|syntax|malformed", "the sender’s address is not complete"),
        (Policy.rate, r"recipient", "it was for too many people at once"),
        (Policy.rate, r"connection|concurren", "their server opened too many connections at once"),
    )
)  # fmt: skip

# What became of it: {why} is one of the clauses above, {at} and {then} are times.
_SENTENCES: Mapping[Outcome, str] = {
    Outcome.refused: "Refused: {why}.",
    Outcome.delayed: "Asked at {at} to come again, as {why}; it has not come back since.",
    Outcome.quarantined: "Kept aside: {why}.",
    Outcome.held: "Held back: {why}.",
    Outcome.junked: "Put into your spam folder: {why}.",
    Outcome.discarded: "Thrown away, as {why}; the sender does not know.",
    Outcome.dropped: "Accepted, then thrown away, as {why}; the sender does not know.",
    Outcome.would_block: "Let through, though {why}.",
}
_FILTERED: Mapping[Outcome, str] = {
    Outcome.discarded: "Thrown away by a filter rule; the sender does not know.",
    Outcome.dropped: "Accepted, then thrown away by a filter rule; the sender does not know.",
}
_FRESH = "Asked at {at} to come again, as {why}."
_ARRIVED = "Asked at {at} to come again, as {why}; it arrived at {then}."
_ENDS: Mapping[Resolved, str] = {
    Resolved.greylist_passed: "It arrived at {then}.",
    Resolved.released: "It was released at {then}.",
    Resolved.sender_allowed: "The sender has been allowed since.",
    Resolved.expired: "It is no longer kept.",
}
_SLOT = re.compile(r"\{(\w+)\}")


class Stopped(Protocol):
    """What of a row of the block log the sentence is made of."""

    @property
    def policy(self) -> Policy: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def blocked_at(self) -> datetime: ...
    @property
    def resolved_at(self) -> datetime | None: ...
    @property
    def resolved_how(self) -> Resolved | None: ...
    @property
    def detail(self) -> str | None: ...
    @property
    def sender_domain(self) -> str: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence: words of ours, what a stranger chose, or a time."""

    text: str
    kind: Literal["words", "quoted", "moment"] = "words"
    at: datetime | None = None


def why(row: Stopped) -> tuple[Piece, ...]:
    """The clause after "because": "their server is on the block list zen.spamhaus.org"."""
    return _filled(_clause(row), _quotes(row))


def sentence(row: Stopped, *, now: datetime | None = None) -> tuple[Piece, ...]:
    """The whole sentence of a row, in pieces."""
    text = _sentence(row, now or datetime.now(UTC)).replace("{why}", _clause(row))
    if row.resolved_how is not None and not (row.outcome is Outcome.delayed and _came(row)):
        text = f"{text} {_ENDS[row.resolved_how]}"
    return _filled(text, _quotes(row) | {"at": row.blocked_at, "then": row.resolved_at or row.blocked_at})


def spoken(pieces: tuple[Piece, ...], clock: Callable[[datetime], str]) -> str:
    """The pieces as one line of plain text, their times written by `clock`."""
    return "".join(clock(piece.at) if piece.at is not None else piece.text for piece in pieces)


def cleaned(text: str | None, most: int = LONGEST) -> str:
    """A stranger's text on one line, without controls and marks of direction, cut."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text or "").split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _sentence(row: Stopped, now: datetime) -> str:
    if row.outcome is Outcome.delayed:
        return _ARRIVED if _came(row) else _FRESH if now - row.blocked_at < SOON else _SENTENCES[Outcome.delayed]
    if row.policy in (Policy.rule, Policy.other, Policy.header, Policy.body) and row.outcome in _FILTERED:
        return _FILTERED[row.outcome]
    return _SENTENCES[row.outcome]


def _came(row: Stopped) -> bool:
    return row.resolved_at is not None and row.resolved_how in (Resolved.greylist_passed, None)


def _clause(row: Stopped) -> str:
    for policy, found, text in _EXACT:
        if policy is row.policy and found.search(row.reason):
            return text
    named = _NAMED.get(row.policy)
    known = named and (cleaned(row.detail) if "{detail}" in named else cleaned(row.sender_domain))
    return named if named and known else _WHY[row.policy]


def _quotes(row: Stopped) -> dict[str, str | datetime]:
    return {"detail": cleaned(row.detail), "domain": cleaned(row.sender_domain)}


def _filled(text: str, values: Mapping[str, str | datetime]) -> tuple[Piece, ...]:
    """The text with its slots filled. What is put in is not looked at again: braces in it stay braces."""
    pieces = []
    for number, part in enumerate(_SLOT.split(text)):
        if number % 2 == 0:
            pieces += [Piece(part)] if part else []
            continue
        value = values[part]
        pieces.append(Piece("", "moment", value) if isinstance(value, datetime) else Piece(value, "quoted"))
    return tuple(pieces)
