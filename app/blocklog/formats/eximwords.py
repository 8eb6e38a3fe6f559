"""The words that Exim's log lines are made of: ids, addresses, hosts, fields, and the tag that our ACLs write.

Every expression is anchored by who uses it and never tries a text twice (atomic groups), so that a line costs
time in proportion to its length. HELO, sender, recipient, Message-ID and remote replies are text of strangers.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from app.blocklog.codes import Policy
from app.blocklog.event import Peer

QUOTED = r'"(?>(?:[^"\\]++|\\.)*)"'
_ATOM = r'[^\s<>"(),:;\\\[\]@]++'
ADDRESS = rf'(?:{QUOTED}|[^\s<>"(),:;\\\[\]@]{{1,64}}+)@(?:\[[0-9A-Za-z:.]++\]|{_ATOM})'
# A sender may be empty, or lack a domain; a quoted local part may hold brackets and spaces.
SENDER = rf'(?>(?:{QUOTED}|[^<>"\s])*)'
HOST = (
    r"(?:H=)?(?:(?P<name>[^\s()\[\]=]++) )?(?:\((?P<helo>[^\s()]*+)\) )?\[(?P<ip>[0-9A-Fa-f:.]++)\](?::(?P<port>\d++))?"
)
# What may stand between: I=[…]:25, U=ident, X=TLS…, SNI="…", and flags without a value (DS, L).
FIELDS = rf'(?>(?: (?!F=)(?:[A-Za-z]++=(?:{QUOTED}|[^\s":]*+(?>(?::[^\s":]++)*))|(?:DS|L|K)\b))*)'
ID = r"[A-Za-z0-9]{6}-(?:[A-Za-z0-9]{6}-[A-Za-z0-9]{2}|[A-Za-z0-9]{11}-[A-Za-z0-9]{4})"
_LIST = re.compile(rf"{ADDRESS}(?>(?:[ ,]{{1,2}}{ADDRESS})*)")
_LISTED = re.compile(ADDRESS)
_TAG = re.compile(rf"\[blk((?>(?: [a-z]{{1,2}}=(?>(?:{QUOTED}|[^\s\]\"])*))+))\] ?")
_PAIR = re.compile(rf" ([a-z]{{1,2}})=((?>(?:{QUOTED}|[^\s\]\"])*))")
_FIELD = re.compile(rf' ([A-Za-z]+)=({QUOTED}|[^\s"]*)')
_CODE = re.compile(r"([45]\d\d)[ -](?!\d\d\d[ -])")
_DSN = re.compile(r"([45]\.\d{1,3}\.\d{1,3})(?: |$)")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Tag:
    """What a `[blk p=spam s=17.2 n=2 r=a@x,b@x]`, or `[blk p=rule id=42]`, at the beginning of a reason says.
    `recipients` are believed only where there are as many as it counts."""

    policy: Policy | None = None
    score: float | None = None
    detail: str | None = None
    code: int | None = None
    recipients: tuple[str, ...] = ()
    rule: int | None = None


def addresses(text: str) -> tuple[str, ...]:
    """The addresses of a list that holds nothing else; of any other text none."""
    return tuple(_LISTED.findall(text)) if _LIST.fullmatch(text) else ()


def last_list(text: str, before: str = " for ") -> tuple[str, ...]:
    """The addresses that stand behind `before` at the end of a line, and nothing but them: who writes a Message-ID or
    a sender cannot stand there, as a quoted local part ends in a quote that this cuts off from its beginning."""
    _, found, rest = text.rpartition(before)
    return addresses(rest) if found else ()


def tag(reason: str) -> tuple[Tag, str]:
    """The tag that a reason begins with, and the words behind it."""
    found = _TAG.match(reason)
    if not found:
        return Tag(), reason
    said: dict[str, str] = {}
    for name, value in _PAIR.findall(found[1]):
        said.setdefault(name, value)
    listed = addresses(said.get("r", ""))
    counted = said.get("n", "")
    return (
        Tag(
            Policy.__members__.get(said.get("p", "")),
            _number(said.get("s", "")),
            said.get("d") or None,
            int(said["c"]) if re.fullmatch(r"[45]\d\d", said.get("c", ""), re.ASCII) else None,
            listed if counted == str(len(listed)) else (),
            rule_number(said.get("id", "")),
        ),
        reason[found.end() :],
    )


def status(reason: str) -> tuple[int | None, str | None]:
    """Reply code and enhanced code (RFC 3463), where a reason begins with them, as Exim's `message =` may."""
    code = _CODE.match(reason)
    dsn = _DSN.match(reason, code.end() if code else 0)
    return (int(code[1]) if code else None), (dsn[1] if dsn else None)


def fields(text: str) -> dict[str, str]:
    """The `NAME=value` of a line, the first of each name, without quotes. Text of strangers stands in quotes."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        found.setdefault(name, _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value)
    return found


def peer(found: re.Match[str]) -> Peer:
    """Who was connected, from a match that holds HOST."""
    helo = found["helo"] or found["name"] or ""
    return Peer(ip(found["ip"]), found["name"] or "", helo)


def ip(text: str | None) -> str:
    """An address in its canonical text; "" for what is none."""
    try:
        return str(ip_address(text or ""))
    except ValueError:
        return ""


def rule_number(text: str) -> int | None:
    """The number of a rule, as the database has them."""
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII) else None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d{1,5}(\.\d{1,6})?", text, re.ASCII) else None
