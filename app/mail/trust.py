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
# A word with its quoted pieces (RFC 5322 §3.2.4), a mark, white space, or what stands in no such field.
_TOKEN = re.compile(r'((?>(?:[!#-\'*-:<-\[\]-~]|"(?>(?:[^"\\]|\\.)*)")+))|([;()])|[ \t\r\n]++|(?P<odd>.)', re.DOTALL)
_QUOTED = re.compile(r'"([^"\\]*)"')
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
    """Authserv-id in lower case, and of each result its properties: {"dkim": "pass", "header.d": "example.net"}.

    Names, addresses and comments in the field are often the sender's own words. What a sender could have made
    ambiguous, or what is longer than we read, says nothing at all.
    """
    sections = _sections(field)
    if sections is None or not sections[0]:
        return "", []
    return _bare(sections[0][0]).lower(), [dict(_result(words)) for words in sections[1:]]


def _sections(text: str) -> list[list[str]] | None:
    """The words between semicolons, without comments, which may be nested; None where they are not clear."""
    sections: list[list[str]] = [[]]
    depth = 0
    for token in _TOKEN.finditer(text):
        word, mark = token[1], token[2]
        if token["odd"] or (depth and word and '"' in word):
            return None
        if mark == "(":
            depth += 1
        elif mark == ")":
            depth -= 1
        elif mark and not depth:
            sections.append([])
        elif word and not depth:
            sections[-1].append(word)
        if depth < 0:
            return None
    return sections if not depth and len(text) <= LENGTH else None


def _result(words: list[str]) -> Iterator[tuple[str, str]]:
    """`method/version=result`, then each `ptype.property=value` the first time that it is named (RFC 8601 §2.2)."""
    named: set[str] = set()
    for name, value in _pairs(words):
        if not named:
            yield name.partition("/")[0], value
        elif "." in name and name not in named:
            yield name, value
        named.add(name)


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """Names and values; there may be white space around the equals sign. It ends at what is neither."""
    left = list(reversed(words))
    while left:
        name, equals, value = left.pop().partition("=")
        if not equals and left and left[-1].startswith("="):
            equals, value = "=", left.pop()[1:]
        if equals and not value and left:
            value = left.pop()
        if not name or not equals:
            return
        yield name.lower(), _bare(value).lower()


def _bare(word: str) -> str:
    """A word that is quoted as a whole without its quotes; any other as it is."""
    quoted = _QUOTED.fullmatch(word)
    return quoted[1] if quoted else word
