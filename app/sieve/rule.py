"""A rule as a person sets it: conditions about a message, and what is done with one that meets them.

A value that exists is valid: whoever makes one gets BadRule with the field and the reason, so that nothing that could
become script (line ends, NUL, half a character) ever reaches the writing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.sieve.errors import BadRule
from app.sieve.glob import misread

MOST_RULES: Final = 500
MOST_CONDITIONS: Final = 30
MOST_ACTIONS: Final = 20  # Pigeonhole takes 32 in one script's run
MOST_VALUES: Final = 500  # of one condition
MOST_COMPARED: Final = 2000  # of all: trying a rule on many messages must end
MOST_HEADERS: Final = 20
MOST_REDIRECTS: Final = 4  # sieve_max_redirects
LONGEST_NAME: Final = 200
LONGEST_VALUE: Final = 1000
LONGEST_TEXT: Final = 100_000
LARGEST: Final = 2**31 - 1  # what every server takes as a number (RFC 5228 §2.4.1)

COMPARISONS: Final = ("contains", "is", "matches")
RELATIONS: Final = ("eq", "ne", "gt", "ge", "lt", "le")  # RFC 5231
PARTS: Final = ("", "localpart", "domain", "user", "detail")
DATE_PARTS: Final = (
    *("date", "time", "weekday", "hour", "minute", "second", "year", "month", "day"),
    *("iso8601", "std11", "julian", "zone"),
)
# Which header fields hold addresses, to every server (RFC 5228 §5.1) and to Pigeonhole.
ADDRESS_HEADERS: Final = frozenset(
    ("from", "to", "cc", "bcc", "sender", "reply-to")
    + ("resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender")
)
FLAG_ACTIONS: Final = ("addflag", "setflag", "removeflag")
BARE_ACTIONS: Final = ("discard", "keep", "stop")

_HEADER: Final = re.compile(r"[!-9;-~]{1,100}")
_FLAG: Final = re.compile(
    r"\\(?:Seen|Answered|Flagged|Deleted|Draft)|[A-Za-z0-9$_][A-Za-z0-9$_.:+!#&',/<=>?@^`|~-]{0,99}"
)
_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,255}")
_TYPE: Final = re.compile(r"[A-Za-z0-9.+_-]{1,60}(?:/[A-Za-z0-9.+_-]{1,60})?")
_ZONE: Final = re.compile(r"[+-](?:0[0-9]|1[0-4])[0-5][0-9]|")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Condition:
    """One test. `kind` is header, address, envelope, exists, size, body or date (of the day it is; currentdate)."""

    kind: str
    op: str = "contains"
    values: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    negated: bool = False
    part: str = ""  # of an address; of a body: text, raw, content; of a date
    content: tuple[str, ...] = ()  # types of parts, for a body's part "content"
    size: int = 0
    zone: str = ""
    comparator: str = ""  # "i;octet" tells upper from lower case

    def __post_init__(self) -> None:
        check = _CONDITIONS.get(self.kind)
        if check is None:
            raise BadRule("kind", "There is no such condition.")
        _only(self, check.ops, check.parts)
        check.fields(self)


@dataclass(frozen=True, slots=True)
class Action:
    """What is done. `kind` is fileinto, redirect, addflag, setflag, removeflag, reject, ereject, discard, keep
    or stop."""

    kind: str
    values: tuple[str, ...] = ()
    copy: bool = False  # the message also goes on its way
    create: bool = False  # the mailbox, where there is none

    def __post_init__(self) -> None:
        check = _ACTIONS.get(self.kind)
        if check is None:
            raise BadRule("kind", "There is no such action.")
        if (self.copy and self.kind not in ("fileinto", "redirect")) or (self.create and self.kind != "fileinto"):
            raise BadRule("kind", "This action has no copy.")
        if self.kind not in FLAG_ACTIONS and len(self.values) != (self.kind not in BARE_ACTIONS):
            raise BadRule("value", "Say where to, or what.")
        check(self.values)

    @classmethod
    def mark_read(cls) -> Action:
        return cls("addflag", ("\\Seen",))


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions, joined, and actions in their order. Without conditions (`join` "always") it is for all mail."""

    name: str
    conditions: tuple[Condition, ...] = ()
    actions: tuple[Action, ...] = ()
    join: str = "allof"
    enabled: bool = True

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.join not in ("allof", "anyof", "always"):
            raise BadRule("join", "Choose whether all conditions must hold, or any.")
        if (self.join == "always") is bool(self.conditions):
            raise BadRule("conditions", "Say which mail the rule is for.")
        if len(self.conditions) > MOST_CONDITIONS:
            raise BadRule("conditions", f"A rule has at most {MOST_CONDITIONS} conditions.")
        if sum(len(condition.values) for condition in self.conditions) > MOST_COMPARED:
            raise BadRule("conditions", f"A rule looks for at most {MOST_COMPARED} texts.")
        if not self.actions:
            raise BadRule("actions", "Say what the rule does.")
        if len(self.actions) > MOST_ACTIONS:
            raise BadRule("actions", f"A rule has at most {MOST_ACTIONS} actions.")
        if sum(action.kind == "redirect" for action in self.actions) > MOST_REDIRECTS:
            raise BadRule("actions", f"A rule forwards to at most {MOST_REDIRECTS} addresses.")


def check_together(actions: tuple[Action, ...]) -> None:
    """A server that is to refuse a message and deliver it gives up on the whole script (RFC 5429 §2.2.1). Raises
    BadRule; scripts of others may say so, and are read nevertheless."""
    kinds = {action.kind for action in actions}
    if kinds & {"reject", "ereject"} and kinds & {"fileinto", "redirect", "keep"}:
        raise BadRule("actions", "A message that is refused cannot also be kept, filed or sent on.")


def check_name(name: str) -> None:
    """A name for a rule. Raises BadRule."""
    if not name.strip():
        raise BadRule("name", "Give the rule a name.")
    check_line(name, "name", LONGEST_NAME)


def check_line(text: str, field: str = "value", longest: int = LONGEST_VALUE) -> None:
    """One line of text. Raises BadRule."""
    if _CONTROL.search(text):
        raise BadRule(field, "Line breaks and control characters cannot stand here.")
    _check_length(text, field, longest)


def check_text(text: str, field: str = "value") -> None:
    """Lines of text, which end with LF. Raises BadRule."""
    if "\r" in text or "\x00" in text:
        raise BadRule(field, "This text holds a character that cannot be kept.")
    _check_length(text, field, LONGEST_TEXT)


def check_address(text: str, field: str = "value") -> None:
    """An address that mail can be sent to, as SMTP takes it everywhere. Raises BadRule."""
    local, at, domain = text.rpartition("@")
    if not at or len(text) > 320 or not all(map(_ATOM.fullmatch, [*local.split("."), *domain.split(".")])):
        raise BadRule(field, "This is not an address.")


def _check_length(text: str, field: str, longest: int) -> None:
    if len(text) > longest:
        raise BadRule(field, f"This is longer than {longest} characters.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRule(field, "This text holds half a character.") from None


def _only(condition: Condition, ops: tuple[str, ...], parts: tuple[str, ...]) -> None:
    if condition.op not in ops:
        raise BadRule("op", "This cannot be compared in that way.")
    if condition.part not in parts:
        raise BadRule("part", "There is no such part.")
    if condition.comparator not in ("", "i;octet") or (condition.comparator and condition.kind in ("exists", "size")):
        raise BadRule("op", "This cannot be compared in that way.")
    if not _ZONE.fullmatch(condition.zone) or (condition.zone and condition.kind != "date"):
        raise BadRule("zone", "This is not the zone of a clock.")
    if condition.size and condition.kind != "size":
        raise BadRule("size", "Only a size has a size.")
    if bool(condition.content) is not (condition.part == "content"):
        raise BadRule("content", "Say which parts of the message.")


def _check_values(condition: Condition) -> None:
    if not condition.values or not all(condition.values):
        raise BadRule("value", "Say what to look for.")
    if len(condition.values) > MOST_VALUES:
        raise BadRule("value", f"At most {MOST_VALUES} can be looked for.")
    for value in condition.values:
        check_line(value)
        if condition.op == "matches" and misread(value):
            raise BadRule("value", "Use either * or ? in a pattern, and \\ before a sign only: servers misread others.")


def _check_headers(condition: Condition) -> None:
    if not condition.headers or len(condition.headers) > MOST_HEADERS:
        raise BadRule("header", "Say which header field.")
    if not all(map(_HEADER.fullmatch, condition.headers)):
        raise BadRule("header", "This is not the name of a header field.")
    if condition.kind == "address" and not {name.lower() for name in condition.headers} <= ADDRESS_HEADERS:
        raise BadRule("header", "This header field holds no addresses.")
    if condition.kind == "envelope" and not {name.lower() for name in condition.headers} <= {"from", "to"}:
        raise BadRule("header", "An envelope has from and to.")
    if (condition.kind == "exists") is bool(condition.values):
        raise BadRule("value", "Say what to look for." if condition.kind != "exists" else "Nothing is compared here.")
    if condition.values:
        _check_values(condition)


def _check_size(condition: Condition) -> None:
    if not 0 <= condition.size <= LARGEST or condition.values or condition.headers:
        raise BadRule("value", "This is not a size.")


def _check_body(condition: Condition) -> None:
    if condition.headers:
        raise BadRule("header", "A body has no header fields.")
    if len(condition.content) > MOST_HEADERS or not all(map(_TYPE.fullmatch, condition.content)):
        raise BadRule("content", "This is not a type of content.")
    _check_values(condition)


def _check_date(condition: Condition) -> None:
    if condition.headers:
        raise BadRule("header", "A date has no header fields.")
    _check_values(condition)


def _check_mailbox(values: tuple[str, ...]) -> None:
    if not values[0]:
        raise BadRule("value", "Say which folder.")
    check_line(values[0])


def _check_flags(values: tuple[str, ...]) -> None:
    if not values or len(values) > MOST_HEADERS:
        raise BadRule("value", "Say which mark.")
    if not all(map(_FLAG.fullmatch, values)):
        raise BadRule("value", "This is not a mark that mail servers keep.")


def _check_reason(values: tuple[str, ...]) -> None:
    if not values[0].strip():
        raise BadRule("value", "Say why the message is refused.")
    check_text(values[0])


@dataclass(frozen=True, slots=True)
class _Kind:
    ops: tuple[str, ...]
    parts: tuple[str, ...]
    fields: Callable[[Condition], None]


_CONDITIONS: Final = {
    "header": _Kind(COMPARISONS, ("",), _check_headers),
    "address": _Kind((*COMPARISONS, "list"), PARTS, _check_headers),  # :list, RFC 6134
    "envelope": _Kind(COMPARISONS, PARTS, _check_headers),
    "exists": _Kind(("exists",), ("",), _check_headers),
    "size": _Kind(("over", "under"), ("",), _check_size),
    "body": _Kind(COMPARISONS, ("text", "raw", "content"), _check_body),
    "date": _Kind((*COMPARISONS, *RELATIONS), DATE_PARTS, _check_date),
}
_ACTIONS: Final[dict[str, Callable[[tuple[str, ...]], None]]] = {
    "fileinto": _check_mailbox,
    "redirect": lambda values: check_address(values[0]),
    **dict.fromkeys(FLAG_ACTIONS, _check_flags),
    **dict.fromkeys(("reject", "ereject"), _check_reason),
    **dict.fromkeys(BARE_ACTIONS, lambda values: None),
}
