"""What the lines of all Postfix programs share: the queue id, the client, an SMTP reply."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from app.blocklog.event import Line, Peer
from app.blocklog.formats.eximwords import rule_number

ID = r"(?P<id>NOQUEUE|[0-9A-Za-z]{5,40})"
CLIENT = r"(?P<name>[^\s\[\]]*)\[(?P<ip>[^\]\s]*)\](?::\d+)?"
DENIED = "This address does not accept mail from you"
_REPLY = re.compile(r"(?:(?P<code>[2-5]\d\d) )?(?:(?P<dsn>[245]\.\d{1,3}\.\d{1,3})(?: |\Z))?(?P<text>.*)", re.DOTALL)


@dataclass(slots=True)
class Reply:
    """An SMTP reply apart."""

    code: int | None
    dsn: str | None
    text: str


def begins(text: str, *words: str) -> bool:
    """Whether a line begins so behind its queue id. Further on a stranger's text may hold the same words."""
    return text.startswith(words, text.find(": ") + 2)


def queue(line: Line) -> str:
    """Whose queue ids a line's are: programs of one Postfix share them, whatever the port is called."""
    return line.instance.partition("/")[0]


def queue_id(match: re.Match[str]) -> str | None:
    """None: the message has none yet."""
    return None if match["id"] == "NOQUEUE" else str(match["id"])


def own_rule(text: str, recipient: str | None) -> int | None:
    """The rule that refused a recipient, as the policy service has Postfix tell it (app/policy/answers.py), which alone
    begins a text with that recipient and then speaks so: a remote server's words stand behind others."""
    head, found, tail = text.partition(f"<{recipient}>: Recipient address rejected: {DENIED} [rule ")
    return rule_number(tail[:-1]) if found and not head and tail.endswith("]") else None


def peer_of(match: re.Match[str], helo: str = "", *, proven: bool = False) -> Peer:
    """The client that CLIENT found."""
    ip, name = match.group("ip", "name")
    if ":" in ip:
        try:
            ip = ip_address(ip.removeprefix("IPv6:")).compressed
        except ValueError:
            ip = ""
    return Peer("" if ip == "unknown" else ip[:45], "" if name == "unknown" else name[:253], helo[:253], proven)


def reply_of(text: str) -> Reply:
    """The codes that a reply begins with, if any, and its text."""
    match = _REPLY.match(text)
    assert match is not None  # each part of it may be missing
    code, dsn, rest = match.groups()
    return Reply(int(code) if code else None, dsn, rest.strip(" ;"))
