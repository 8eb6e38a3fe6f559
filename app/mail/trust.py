"""Who vouches for a sender: what the provider's own mail servers wrote into Authentication-Results (RFC 8601).

Everybody can write that field. Only those under a name that the operator listed are read, and of these only the
topmost, which the last server added. The provider's border must remove forged ones from incoming mail (§5 there).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["passed", "failed", "unknown"]

LENGTH = 4096  # characters of one field that are read
_TOKEN = re.compile(r'"[^"]*"|[^\s;()"]+|[;()]')
_FAILED = frozenset({"fail", "permerror", "policy"})


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of the domain in From. `method` is DMARC, DKIM or SPF, or empty where nobody checked."""

    state: State
    domain: str
    method: str = ""


def judge(results: Sequence[str], names: Sequence[str], domain: str) -> Trust | None:
    """Whether `domain`, the one that the reader sees in From, sent the message. None where no name is trusted.

    `results` are the message's Authentication-Results, the topmost first; `names` the trusted authserv-ids in lower
    case.
    """
    if not names or not domain:
        return None
    for field in results:
        name, checks = _read(field)
        if name in names:
            return _verdict(checks, domain.lower())
    return Trust("unknown", domain)


def _verdict(checks: list[dict[str, str]], domain: str) -> Trust:
    """DMARC decides where it was checked; else DKIM or SPF, only for the very domain in From or one above it."""
    by = {method: [each for each in checks if method in each] for method in ("dmarc", "dkim", "spf")}
    for each in by["dmarc"]:
        if each["dmarc"] == "pass" and _aligned(each.get("header.from", ""), domain):
            return Trust("passed", domain, "DMARC")
        if each["dmarc"] in _FAILED:
            return Trust("failed", domain, "DMARC")
    for each in by["dkim"]:
        if each["dkim"] == "pass" and _aligned(each.get("header.d") or each.get("header.i", ""), domain):
            return Trust("passed", domain, "DKIM")
    for each in by["spf"]:
        if each["spf"] == "pass" and _aligned(each.get("smtp.mailfrom", ""), domain):
            return Trust("passed", domain, "SPF")
    broken = [method for method in ("dkim", "spf") if any(each[method] in _FAILED for each in by[method])]
    return Trust("failed", domain, "DKIM and SPF") if len(broken) == 2 else Trust("unknown", domain)


def _aligned(signer: str, domain: str) -> bool:
    """Relaxed alignment (RFC 7489 §3.1), without a list of public suffixes: the same domain, or one above it."""
    signer = signer.rpartition("@")[2].lower().rstrip(".")
    return signer == domain or ("." in signer and domain.endswith(f".{signer}"))


def _read(field: str) -> tuple[str, list[dict[str, str]]]:
    """Authserv-id in lower case, and of each result its properties: {"dkim": "pass", "header.d": "example.net"}."""
    sections = list(_sections(field[:LENGTH]))
    name = sections[0][0].strip('"').lower() if sections and sections[0] else ""
    return name, [dict(_pairs(words)) for words in sections[1:]]


def _sections(text: str) -> Iterator[list[str]]:
    """The words between semicolons, without comments, which may be nested."""
    words: list[str] = []
    depth = 0
    for token in _TOKEN.findall(text):
        if token == "(":
            depth += 1
        elif token == ")":
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif token == ";":
            yield words
            words = []
        else:
            words.append(token)
    yield words


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """`method/version=result` and `ptype.property=value`; spaces around the equals sign are allowed (RFC 8601 §2.2)."""
    for word in re.sub(r"\s*=\s*", "=", " ".join(words)).split(" "):
        name, equals, value = word.partition("=")
        if equals:
            yield name.partition("/")[0].lower(), value.strip('"').lower()
