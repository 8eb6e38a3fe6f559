"""Reads what a person typed as their address into the keys of the directory: lower case, the domain in punycode.

Anything that is no plain address (control characters, quotes, spaces, over-long) is refused here, before SQL or a mail
server sees it.
"""

import re
import unicodedata
from dataclasses import dataclass

MAX_TYPED = 254  # RFC 5321 §4.5.3.1.3 less the angle brackets
MAX_LOCAL = 64  # §4.5.3.1.1

# RFC 5321 §4.1.2 Atom and dot, and any letter or digit beyond ASCII (RFC 6531). Not "*": the catch-all's key, and
# Dovecot's usual separator of a master user's name. Quoted local parts are refused: no provider hands them out, and
# quotes are what injections need.
_LOCAL = re.compile(r"[\w!#$%&'+/=?^`{|}~.-]+")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class BadAddress(ValueError):
    """What was typed is not an address. The text says why, for logs and the command line."""


@dataclass(frozen=True, slots=True)
class TypedAddress:
    """The keys of a typed address. `domain` is None for a bare local part without a default domain."""

    local: str
    domain: str | None

    @property
    def plain(self) -> str:
        """The local part without `+detail` (RFC 5233 §1); the whole where there is none."""
        before = self.local.partition("+")[0]
        return before or self.local

    @property
    def address(self) -> str:
        """`local@domain`, or the local part alone."""
        return self.local if self.domain is None else f"{self.local}@{self.domain}"


def parse_address(typed: str, *, domain: str | None = None) -> TypedAddress:
    """The keys of what was typed; `domain` is the default for a bare local part. Raises BadAddress.

    In `user%domain` the last % stands for @, but only where there is no @.
    """
    text = typed.strip(" ")
    if len(text) > MAX_TYPED:
        raise BadAddress(f"is longer than {MAX_TYPED} characters")
    at = text.rfind("@")
    if at < 0:
        at = text.rfind("%")
    local, own = (text, None) if at < 0 else (text[:at], text[at + 1 :])
    name = own if own is not None else domain
    parsed = TypedAddress(local_part(local), None if name is None else ascii_domain(name))
    if len(parsed.address.encode()) > MAX_TYPED:
        raise BadAddress(f"is longer than {MAX_TYPED} octets")
    return parsed


def local_part(text: str) -> str:
    """A local part as the directory's key: NFC (RFC 6532 §3.1), lower case. Raises BadAddress."""
    key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    if not _LOCAL.fullmatch(key):
        raise BadAddress("is not a local part")
    if len(key.encode()) > MAX_LOCAL:
        raise BadAddress(f"has a local part longer than {MAX_LOCAL} octets")
    return key


def ascii_domain(text: str) -> str:
    """A domain as the directory's key: lower case, punycode, no dot at the end. Raises BadAddress.

    Names beyond ASCII follow IDNA 2008 with the mapping of UTS 46, as browsers and registries do. Python's own codec is
    IDNA 2003: it turns straße.example into strasse.example, which is somebody else's domain; hence the dependency.
    It is imported late: hardly any process meets such a name.
    """
    name = text.lower() if text.isascii() else _punycode(text)
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress("is not a domain")
    if labels[-1].isdigit():
        raise BadAddress("is an IP address and not a domain")
    return name


def _punycode(text: str) -> str:
    import idna

    if len(text) > 253:  # idna's own bound comes after work that grows with the square of the length
        raise BadAddress("is not a domain")
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, ValueError, IndexError) as error:
        raise BadAddress(f"is not a domain: {error}") from None


def shown_domain(domain: str) -> str:
    """A domain key as people write it (punycode decoded); the key itself where that is not possible."""
    if "xn--" not in domain:
        return domain
    import idna

    try:
        return idna.decode(domain)
    except (idna.IDNAError, ValueError, IndexError):
        return domain
