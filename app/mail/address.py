"""Mail addresses as they are written: which may stand in a header or an envelope, how, and what is wrong with others.

People read domains in their own letters, the wire carries them in punycode (RFC 5890); a local part beyond ASCII needs
SMTPUTF8 (RFC 6531) and is never changed. Nothing that is no address of RFC 5321 §4.1.2 leaves here.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final

import idna

from app.mail.errors import BadArgument
from app.mail.host import imitates

MAX_ADDRESS: Final = 254  # RFC 5321 §4.5.3.1.3 less the angle brackets
MAX_LOCAL: Final = 64  # §4.5.3.1.1
_ATOMS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
# Real ones are `"a..b"@docomo.ne.jp`; with spaces, quotes or an @ inside they only serve to confuse readers of headers.
_QUOTED: Final = re.compile(r'"[!#-?A-\[\]-~]+"')
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class BadAddress(BadArgument):
    """What was given is no address; `text` says why, in words for the person who typed it."""


def normal(address: str) -> str:
    """The address as people read it: local part in NFC, domain in lower case and in its own letters.

    A domain that imitates another in foreign letters stays in punycode. Raises BadAddress.
    """
    local, _, domain = on_wire(address).rpartition("@")
    return f"{local}@{_readable(domain)}"


def on_wire(address: str) -> str:
    """The address for a header or an envelope: the domain in punycode. Raises BadAddress."""
    local, domain = _halves(address)
    wire = f"{_local(local)}@{ascii_domain(domain)}"
    if len(wire.encode()) > MAX_ADDRESS:
        raise BadAddress("is too long")
    return wire


def needs_utf8(address: str) -> bool:
    """Whether the address can be reached only where SMTPUTF8 is offered (RFC 6531 §3.1)."""
    return not address.rpartition("@")[0].isascii()


def _halves(address: str) -> tuple[str, str]:
    local, at, domain = address.rpartition("@")
    if not at:
        raise BadAddress("has no @")
    if not local:
        raise BadAddress("has nothing before the @")
    if not domain:
        raise BadAddress("has nothing after the @")
    return local, domain


def _local(text: str) -> str:
    local = unicodedata.normalize("NFC", text)
    if len(local.encode(errors="replace")) > MAX_LOCAL:
        raise BadAddress("is too long before the @")
    if _QUOTED.fullmatch(local):
        return local[1:-1] if _ATOMS.fullmatch(local[1:-1]) else local
    if not _ATOMS.fullmatch(local):
        raise BadAddress(_wrong_with(local))
    return local


def _wrong_with(local: str) -> str:
    if "@" in local:
        return "has more than one @"
    if any(each.isspace() for each in local):
        return "has a space before the @"
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return "has a dot too many before the @"
    return "has a character before the @ that no address has"


def ascii_domain(text: str) -> str:
    """A domain, or an address literal (`[192.0.2.1]`), as the wire carries it. Raises BadAddress.

    Names beyond ASCII follow IDNA 2008 with the mapping of UTS 46, as browsers and registries do.
    """
    if text.startswith("["):
        return _literal(text)
    name = text.removesuffix(".").lower() if text.isascii() else _punycode(text)
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress("has a domain that cannot exist")
    if labels[-1].isdigit():
        raise BadAddress("has a number for a domain")
    return name


def _literal(text: str) -> str:
    inside = text[1:-1] if text.endswith("]") else ""
    six = inside[:5].lower() == "ipv6:"
    try:
        found = ipaddress.ip_address(inside[5:] if six else inside)
    except ValueError:
        raise BadAddress("has a domain that cannot exist") from None
    if (found.version == 6) != six or "%" in inside:
        raise BadAddress("has a domain that cannot exist")
    return f"[IPv6:{found}]" if six else f"[{found}]"


def _punycode(text: str) -> str:
    if len(text) > 253:  # idna's own bound comes after work that grows with the square of the length
        raise BadAddress("is too long")
    try:
        return idna.encode(text.rstrip("."), uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, ValueError, IndexError):
        raise BadAddress("has a domain that cannot exist") from None


def _readable(domain: str) -> str:
    """The domain in its own letters, where that is the same domain and no imitation of another."""
    if "xn--" not in domain or imitates(domain):
        return domain
    try:
        shown = idna.decode(domain)
        return shown if ascii_domain(shown) == domain else domain
    except (idna.IDNAError, ValueError, IndexError):
        return domain
