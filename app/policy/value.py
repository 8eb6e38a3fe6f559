"""What a rule is about: an address, a domain, a network, each in the one spelling that mail servers look up.

Addresses and domains are in lower case, domains in punycode; networks are CIDR of few lengths, so that whoever asks
names each network that an address lies in.
"""

from __future__ import annotations

import re
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from app.policy.errors import BadValue

LONGEST: Final = 320
_PREFIXES: Final = {4: (32, 24, 16, 8), 6: (128, 64, 56, 48, 32)}
_MAPPED: Final = 96  # bits before an address of IPv4 in one of IPv6 (RFC 4291 §2.5.5.2)
_LOCAL: Final = re.compile(r"[^\s\x00-\x1f\x7f@<>\u2028\u2029\ud800-\udfff]{1,255}")
# Exim logs an address as it came, and mail servers look it up without quotes.
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\[^"\\])+)"')
_NAMED: Final = re.compile(r"[^<>]*<([^<>]*)>")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


class Kind(IntEnum):
    """Numbers as they lie in the table; what is narrower has the smaller one."""

    sender = 1  # an address
    domain = 2  # of a sender
    network = 3  # of the server that sends
    recipient = 4  # an address or domain of ours


def canonical(kind: Kind, text: str) -> str:
    """The spelling in which a rule holds what was typed or logged. Raises BadValue."""
    typed = text.strip()
    if len(typed) > LONGEST:
        raise BadValue(f"it is longer than {LONGEST} characters")
    if kind is Kind.network:
        return _network(typed)
    local, at, domain = typed.rpartition("@")
    if quoted := _QUOTED.fullmatch(local):
        local = quoted[1].replace("\\", "")
    if kind is Kind.domain and local:
        raise BadValue("it is an address, not a domain")
    if at and kind is not Kind.domain and not _LOCAL.fullmatch(local):
        raise BadValue("it is not an address")
    if kind is Kind.sender and not at:
        raise BadValue("it is not an address: it has no @")
    name = ascii_domain(domain)
    return name if kind is Kind.domain or not at else f"{local.lower()}@{name}"


def read(typed: str) -> tuple[Kind, str]:
    """What somebody typed into one line: a sender's address, a domain, or a server's address or network; in its
    canonical spelling. Raises BadValue, whose text says why."""
    text = typed.strip()
    if named := _NAMED.fullmatch(text):
        text = named[1]
    text = text.removeprefix("mailto:")
    if text.startswith((".", "*.")):
        raise BadValue("a rule is about one domain, not about those below it")
    text = text.removeprefix("*@").removeprefix("@")
    if not text:
        raise BadValue("nothing is there")
    if "@" in text:
        return Kind.sender, canonical(Kind.sender, text)
    if "/" in text or _is_ip(text):
        return Kind.network, canonical(Kind.network, text)
    domain = canonical(Kind.domain, text)
    if domain.rpartition(".")[2].isdigit():
        raise BadValue("it is neither an address, nor a domain, nor a network")
    return Kind.domain, domain


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def ascii_domain(text: str) -> str:
    """A domain in lower case and punycode. Raises BadValue."""
    name = text.rstrip(".").lower()
    if not name.isascii():
        import idna  # as rare as it is large

        try:
            name = idna.encode(name[:255], uts46=True).decode("ascii")
        except (idna.IDNAError, ValueError, IndexError):
            raise BadValue("it is not a domain, such as bank.example") from None
    if len(name) > 253 or "." not in name or not all(map(_LABEL.fullmatch, name.split("."))):
        raise BadValue("it is not a domain, such as bank.example")
    return name


def server(ip: str) -> IPv4Address | IPv6Address:
    """The address of a server; one of IPv4 that is written as one of IPv6 is that of IPv4. Raises ValueError."""
    address = ip_address(ip)
    return getattr(address, "ipv4_mapped", None) or address


def networks(ip: str) -> tuple[str, ...]:
    """Every network that a rule could name an address in, the narrowest first; none for what is no address."""
    try:
        address = server(ip)
    except ValueError:
        return ()
    return tuple(str(ip_network((address, prefix), strict=False)) for prefix in _PREFIXES[address.version])


def _network(typed: str) -> str:
    try:
        found = ip_network(typed, strict=False)
    except ValueError:
        raise BadValue("it is not an address of a server, or a network of such") from None
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is not None and found.prefixlen >= _MAPPED:  # as `server` does with who sends
        found = ip_network((mapped, found.prefixlen - _MAPPED))
    if found.prefixlen not in _PREFIXES[found.version]:
        lengths = ", ".join(f"/{each}" for each in _PREFIXES[found.version])
        raise BadValue(f"a network is one of {lengths}")
    return str(found)
