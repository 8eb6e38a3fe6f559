"""What of the log is asked for, as the address of its page says it; read strictly, and written again for links.

Days are those of the user's zone; the log keeps UTC. What makes no sense is left out: a page is shown, never an error.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import IntEnum
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from app.blocklog.codes import ADMINS_ONLY, Accepted, Outcome, Policy, word
from app.blocklog.reason import OUTCOMES, POLICIES

Place = tuple[datetime, int]
_Code = TypeVar("_Code", bound=IntEnum)

LONGEST = 320  # characters of an address or domain
SHOWN = tuple(policy for policy in POLICIES if policy not in ADMINS_ONLY)
STOPPED = tuple(outcome for outcome in OUTCOMES if outcome is not Outcome.would_block)
ACCEPTED = (Accepted.inbox, Accepted.junk, Accepted.forwarded)
_PLACE = re.compile(r"(\d{1,11})-(\d{1,19})")


@dataclass(frozen=True, slots=True)
class Asked:
    """One wish. `policies` and `outcomes` are empty where all are meant; `since` and `until` are days, both inside;
    `before` and `after`: the row next to which the page lies, older or newer than it; `rule`: what this one stopped."""

    sender: str = ""
    policies: tuple[Policy, ...] = ()
    outcomes: tuple[IntEnum, ...] = ()
    since: date | None = None
    until: date | None = None
    before: Place | None = None
    after: Place | None = None
    rule: int | None = None

    @property
    def newest(self) -> bool:
        """Whether the page is the first of all there is."""
        return not (self.filtered or self.before or self.after)

    @property
    def filtered(self) -> bool:
        """Whether less than everything is asked for."""
        return bool(self.sender or self.policies or self.outcomes or self.since or self.until or self.rule)

    def bounds(self, zone: tzinfo) -> dict[str, datetime | None]:
        """The days as a half-open span of time."""
        return {
            "since": _midnight(self.since, zone),
            "until": _midnight(self.until + timedelta(days=1), zone) if self.until else None,
        }

    def link(self, **other: Any) -> dict[str, Any]:
        """The query of an address that asks for this, or for this with something else."""
        now = replace(self, **other)
        said: Mapping[str, Any] = {
            "q": now.sender,
            "policy": tuple(word(each) for each in now.policies),
            "outcome": tuple(word(each) for each in now.outcomes),
            "since": now.since.isoformat() if now.since else None,
            "until": now.until.isoformat() if now.until else None,
            "before": place_text(*now.before) if now.before else None,
            "after": place_text(*now.after) if now.after else None,
            "rule": now.rule,
        }
        return {name: value for name, value in said.items() if value}


def asked_of(arguments: MultiDict[str, str], outcomes: Iterable[IntEnum]) -> Asked:
    """What a query string asks for."""
    days = sorted(each for each in (_day(arguments.get("since")), _day(arguments.get("until"))) if each)
    since = _day(arguments.get("since")) if len(days) < 2 else days[0]
    until = _day(arguments.get("until")) if len(days) < 2 else days[-1]
    return Asked(
        sender_text(arguments.get("q", "")),
        _codes(arguments.getlist("policy"), SHOWN),
        _codes(arguments.getlist("outcome"), outcomes),
        since,
        until,
        before := place_of(arguments.get("before", "")),
        None if before else place_of(arguments.get("after", "")),
        _rule(arguments.get("rule", "")),
    )


def sender_text(typed: str) -> str:
    """An address or a domain as the log keeps it: lower case, without brackets and spaces, the domain in punycode."""
    text = "".join(typed[:LONGEST].split()).strip("<>").lower()
    text = "".join(each for each in text if each.isprintable())
    local, at, domain = text.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return text
    return f"{local}@{domain}" if at and local else domain


def sender_of(words: str) -> str:
    """The sender that is meant by words of a search: the one that looks like an address or a domain, else the first."""
    found = [each.strip("\"'").removeprefix("from:").strip("\"'") for each in words[:LONGEST].split()]
    named = next((each for each in found if "@" in each or "." in each), found[0] if found else "")
    return sender_text(named)


def is_from(address: str, sought: str) -> bool:
    """Whether an address is the one sought, or of the domain sought or one below it; searches find parts of words, and
    bank.example.evil.example is nobody's bank. A word that is no domain may stand anywhere."""
    local, at, domain = sought.rpartition("@")
    theirs = sender_text(address)
    if at and local:
        return theirs == sought
    if "." not in domain:
        return sought in theirs
    return f".{theirs.rpartition('@')[2]}".endswith(f".{domain}")


def place_of(text: str) -> Place | None:
    """A row's place, its time and its number, as an address holds it."""
    found = _PLACE.fullmatch(text)
    if found is None or int(found[2]) >= 2**63:
        return None
    try:
        return datetime.fromtimestamp(int(found[1]), UTC), int(found[2])
    except (OverflowError, OSError, ValueError):
        return None


def place_text(at: datetime, number: int) -> str:
    """The opposite."""
    return f"{int(at.timestamp())}-{number}"


def _codes(words: list[str], known: Iterable[_Code]) -> tuple[_Code, ...]:
    return tuple(each for each in known if word(each) in words)


def _rule(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and 0 < int(text) < 2**31 else None


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if date(1971, 1, 1) < found < date(9000, 1, 1) else None


def _midnight(day: date | None, zone: tzinfo) -> datetime | None:
    return datetime.combine(day, time(), zone).astimezone(UTC) if day else None
