"""Which kind of check refused a mail, told by the reply that the client got.

An ordered table of patterns: the first that fits decides, a site's own before ours (POSTERN_BLOCKLOG_PATTERNS). Where
no text fits, the enhanced status code (RFC 3463) and the reply code tell what they can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.blocklog.codes import Policy, Stage

LONGEST = 500  # characters of a reply that are looked at
DETAIL = 80


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a reply looks like. A group named `detail` is kept: the list, the virus. `codes`: "4" and "5", or one."""

    policy: Policy
    regex: re.Pattern[str]
    codes: str = "45"


def _table(text: str) -> tuple[Pattern, ...]:
    """Patterns, one a line: the policy's name, with `4` or `5` behind it for such replies only, and the expression."""
    rows = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return tuple(_pattern(*row) for row in rows)


def _pattern(name: str, expression: str) -> Pattern:
    codes = name[-1] if name[-1] in "45" else "45"
    return Pattern(Policy[name.rstrip("45")], re.compile(expression, re.ASCII | re.IGNORECASE), codes)


# Postfix names the command whose check spoke before the text of an access table, a policy service or a list, so that
# "Helo command rejected:" alone says less than what follows: such rows stand below those that know a text.
KNOWN = _table(
    r"""
    internal   temporary lookup failure|server configuration|queue file write error|insufficient system
    internal   service unavailable - try again later|temporary local problem|local configuration
    internal   internal (?:server )?error|ports busy|\b(?:mail service|sending is|is) paused\b
    internal   \b(?:scanner|milter|filter|database|clamd?|spamd)\b.{0,40}\b(?:(?:un|not )available|failed|timeout|down)
    rate       throttl|rate ?limit|connection rate|too much mail|slow down|sending limit|(?:limit|rate) exceeded
    rate       too many (?:concurrent|open |simultaneous )?\s?(?:smtp )?(?:connections|messages|mails|sessions|requests)
    rate       too many recipients from
    greylist   gr[ea]y.?list|early.retry|postgrey
    rbl        client (?:host )?\[[\d.]+\] blocked using (?P<detail>[\w.-]+)
    rbl        client (?:host )?\[[\da-f:.]+:[\da-f:.]+\] blocked using (?P<detail>[\w.-]+)
    rhsbl      (?:address|command|client host) \[[^\]]*\] blocked using (?P<detail>[\w.-]+)
    rhsbl      \b(?:surbl|uribl|rhsbl|dbl)\b|(?:url|uri|link|domain)s? (?:is |are )?(?:listed|black ?listed)
    rbl        blocked using (?P<detail>[\w.-]+)
    rbl        (?:listed|found|blocked) (?:in|at|by|on) (?:a |the )?(?:dnsbl |rbl )?(?P<detail>[\w-]+(?:\.[\w-]+)+)
    rbl        black ?list(?:ed)? (?:at|by|in|on|using) (?P<detail>[\w-]+(?:\.[\w-]+)+)
    rbl        \b(?:dnsbl|dnsrbl|rbl|spamhaus|spamcop|sorbs|abusix|barracudacentral)\b
    rbl        (?:client|host|\bip\b).{0,60}(?:black|block)(?: |-)?listed|reputation
    dmarc      \bdmarc\b(?:.{0,20}policy for (?P<detail>[\w-]+(?:\.[\w-]+)+))?
    dkim       \bdkim\b
    spf        \bspf\b[ :_-]*(?:check )?(?P<detail>(?:hard|soft)?fail|permerror|temperror|none|neutral)?
    spf        sender policy framework|not (?:allowed|authori[sz]ed|permitted) to send (?:mail )?(?:from|for|as)
    virus      (?:found virus|virus found|infected|virus detected|malware detected)[:\s]+["']?(?P<detail>[\w.:/-]+)
    virus      \b(?:virus|malware)\b[^()]{0,40}\((?P<detail>[^()\s]+)\)
    virus      \b(?:virus|viruses|malware|infected|trojan|eicar|phish(?:ing)?)\b
    mime       \bbanned\b(?:[:\s(]+(?P<detail>[\w.-]+))?
    mime       \battachments?\b|\bmime\b|\bexecutables?\b|file ?(?:type|name|extension)
    spam       blocked by (?P<detail>spamassassin)|\bspam(?:my)?\b|\bgtube\b|\bube\b
    spam       content rejected|unsolicited|suspicious content
    size       too (?:big|large)\b|maximum message size|(?:message|mail|file) ?size.{0,20} exceeds
    size       exceeds (?:the )?(?:fixed |maximum )?(?:message )?size
    quota      over.?quota|mailbox (?:is )?full|\bquota\b|out of storage|insufficient (?:disk )?space in
    relay      relay(?:ing)? (?:access )?(?:is )?(?:denied|not |prohibited)|not .{0,20}relay|do(?:es)? not relay
    relay      lowest numbered mx record points to local host|authentication (?:is )?required
    protocol   pregreet|pre-greeting|pipelin|synchroni[sz]ation|protocol error|non-smtp|bare (?:lf|cr|newline)|too long
    protocol   mail loop
    protocol   too many (?:recipients|errors|hops|unknown commands|syntax)|multi-recipient bounce|restricted characters
    protocol   syntax error|bad sequence|improper use|must issue a starttls|send helo|need (?:rcpt|mail)\b
    greylist4  service currently unavailable
    client5    service currently unavailable
    sender     sender address rejected: (?:domain|need|undeliverable|unverified|malformed|user unknown|not owned)
    sender     sender address rejected: not logged|null ?mx
    sender     domain of sender|sender verif|verification failed|sender domain|invalid sender|complete sender
    sender     name required for sender
    sender     sender.{0,80}(?:does not (?:exist|resolve)|not found|unknown|invalid|unresolvable)
    rcpt       recipient address rejected: (?:domain|need|undeliverable|unverified|malformed|user unknown)
    rcpt       undeliverable address
    rcpt       user unknown|unknown (?:user|recipient|address)|no such (?:user|recipient|mailbox|address|person|account)
    rcpt       unroute?able|(?:invalid|valid) (?:recipient|mailbox|user|address)|complete recipient verify
    rcpt       (?:recipient|mailbox|user|account|address) (?:is )?(?:not found|unknown|unavailable|disabled|inactive)
    rcpt       (?:user|mailbox|recipient|account) .{0,80}(?:does not|doesn't) exist
    client     reverse (?:dns|hostname|name|lookup|address)|cannot find your|\bptr\b|\brdns\b
    client     dynamic(?:ally)? |dial-?up|residential|generic (?:host)?name
    helo       helo command rejected|\bhelo\b|\behlo\b|impersonating
    client     client host rejected|unverified client
    header     bad.header|header check|missing .{0,20}header|\bheaders?\b|rfc ?[25]322
    rule       (?:sender|recipient) address rejected: access denied|(?:black|block|deny).?listed|\b(?:black|deny)list\b
    rule       sender address rejected|access denied|denied by (?:the )?(?:recipient|user|your)
    protocol   data command rejected
    greylist4  try again later|please retry|come back later
    """
)

# RFC 3463, RFC 7372 and IANA's register, without the class. Too coarse to stand before a text.
STATUS = {
    "1.0": Policy.rcpt,
    "1.1": Policy.rcpt,
    "1.2": Policy.rcpt,
    "1.3": Policy.rcpt,
    "1.6": Policy.rcpt,
    "1.10": Policy.rcpt,
    "1.7": Policy.sender,
    "1.8": Policy.sender,
    "2.0": Policy.rcpt,
    "2.1": Policy.rcpt,
    "2.2": Policy.quota,
    "2.3": Policy.size,
    "3.4": Policy.size,
    "7.20": Policy.dkim,
    "7.21": Policy.dkim,
    "7.22": Policy.dkim,
    "7.23": Policy.spf,
    "7.24": Policy.spf,
    "7.25": Policy.client,
    "7.26": Policy.dmarc,
    "7.27": Policy.sender,
    "7.28": Policy.rate,
}
# The first label of a list's name may be the key that the list's owner gave the site.
_LIST_KEY = re.compile(
    r"(?<![\w.@-])(?=[a-z]*\d)[a-z0-9]{20,}\.(?=(?:[a-z0-9-]+\.)+[a-z]{2,}(?![\w@.-]))", re.ASCII | re.IGNORECASE
)


def classify(
    text: str, *, code: int | None, dsn: str | None, stage: Stage, own: Sequence[Pattern] = ()
) -> tuple[Policy, str | None]:
    """The policy that a reply speaks of, and what it names: the list, the virus.

    Of what nothing is known a permanent one is `other`; a temporary one is a fault of ours, or, before there was an
    address to be refused, something about the client.
    """
    found = recognise(text, code=code, dsn=dsn, own=own)
    if found is not None:
        return found
    if _digit(code, dsn) == "4":
        return (Policy.client if stage in (Stage.connect, Stage.helo) else Policy.internal), None
    return Policy.other, None


def recognise(
    text: str, *, code: int | None, dsn: str | None, own: Sequence[Pattern] = ()
) -> tuple[Policy, str | None] | None:
    """The same; None where neither text nor codes say: such replies are shown to administrators."""
    if text.startswith("<"):  # an address or a HELO, which the client chose, and which stands here without quotes
        text = text[max(text.rfind(">: "), text.rfind("> "), text.rfind(">... ")) + 1 :]
    return _by_text(text[:LONGEST], _digit(code, dsn), tuple(own)) or _by_code(code, dsn)


def _digit(code: int | None, dsn: str | None) -> str:
    """4 or 5; "" where neither code says."""
    digit = str(code)[0] if code is not None else (dsn or "")[:1]
    return digit if digit in ("4", "5") else ""


# Replies repeat: all unknown recipients of a day are refused in the same words (41 µs without, 1 µs with).
@lru_cache(maxsize=2048)
def _by_text(text: str, digit: str, own: tuple[Pattern, ...]) -> tuple[Policy, str | None] | None:
    shown = masked(text)
    for table in (own, KNOWN):
        for pattern in table:
            if digit in pattern.codes and (match := pattern.regex.search(shown)):
                return pattern.policy, _detail(match)
    return None


def masked(text: str) -> str:
    """A text that may be shown: without the key in the name of a block list."""
    return _LIST_KEY.sub("", text)


def patterns(lines: Iterable[str]) -> tuple[Pattern, ...]:
    """A site's own patterns: a policy's name and a regular expression a line, `#` begins a remark. ValueError names the
    line that is none."""
    found = []
    for number, line in enumerate(lines, 1):
        words = line.strip().split(maxsplit=1)
        if not words or words[0].startswith("#"):
            continue
        try:
            found.append(_pattern(*words))
        except (KeyError, TypeError, re.error):
            raise ValueError(f"line {number} is not a policy's name and a regular expression") from None
    return tuple(found)


def _detail(match: re.Match[str]) -> str | None:
    if "detail" not in match.re.groupindex or not match["detail"]:
        return None
    return match["detail"].rstrip(".:-")[:DETAIL] or None


def _by_code(code: int | None, dsn: str | None) -> tuple[Policy, str | None] | None:
    status = (dsn or "").partition(".")[2]
    policy = STATUS.get(status)
    if policy is None and status.startswith("5."):
        policy = Policy.protocol
    if policy is None and status.startswith(("3.", "4.")):
        policy = Policy.internal
    if policy is None and code is not None and 500 <= code <= 504:
        policy = Policy.protocol
    return None if policy is None else (policy, None)
