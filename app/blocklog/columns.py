"""Texts of strangers as the block log's columns take them: without control characters, cut, keys in lower case."""

import re
from functools import lru_cache
from ipaddress import ip_address, ip_network

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def text(value: str, length: int) -> str:
    """A text in one line."""
    cut = value[: 2 * length]
    return (cut if cut.isprintable() else _CONTROL.sub(" ", cut)).strip()[:length]  # printable: ten times as fast


def optional(value: str | None, length: int) -> str | None:
    """The same; None for nothing."""
    return (text(value, length) or None) if value else None


@lru_cache(maxsize=4096)
def address(value: str) -> tuple[str, str]:
    """Local part and domain of an address in lower case, the domain in punycode as far as it is one."""
    local, _, domain = value.rpartition("@") if "@" in value else (value, "", "")
    return text(local.lower(), 255), text(punycode(domain.lower().strip(".")), 253)


def punycode(domain: str) -> str:
    """A domain as the directory writes it; unchanged where it is none."""
    if domain.isascii() or len(domain) > 253:
        return domain
    import idna

    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, ValueError, IndexError):
        return domain


@lru_cache(maxsize=4096)
def ip(value: str) -> str:
    """An address of a machine in its canonical text, "" where it is none."""
    if not value or _IPV4.fullmatch(value):  # written in one way only (ip_address: 10 µs)
        return value
    try:
        found = ip_address(value.partition("%")[0])  # without the name of an interface
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


def network(value: str) -> str:
    """The /24 or /64 of a machine: greylisting takes another of the same network for the same sender."""
    if ":" not in value:
        return value.rpartition(".")[0]
    return ":".join(ip_address(value).exploded.split(":")[:4]) if ip(value) else value


def server(value: str) -> str:
    """Under what a sending server is known: its address, of IPv6 its /64, as one machine has all of it to choose from
    (RFC 6177 §2)."""
    found = ip(value)
    return str(ip_network((found, 64), strict=False)) if ":" in found else found
