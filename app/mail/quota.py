"""How full a mailbox is (RFC 2087, RFC 9208): what the server says of the quota that INBOX counts to."""

from __future__ import annotations

from dataclasses import dataclass

from app.mail.connection import Connection, quote_mailbox
from app.mail.syntax import named

KIB = 1024  # STORAGE is counted in units of 1024 octets


@dataclass(frozen=True, slots=True)
class Quota:
    """Octets in use, and how many there may be."""

    used: int
    limit: int


def quota(client: Connection) -> Quota | None:
    """The first limit on storage; None where there is none, or the server does not tell. Raises the tree of errors."""
    if not client.has("QUOTA"):
        return None
    for values in named(client.ask(b"GETQUOTAROOT", quote_mailbox("INBOX")).untagged, b"QUOTA"):
        limits = values[1] if len(values) > 1 else None
        found = limits if isinstance(limits, list) else []
        for name, used, limit in zip(found[0::3], found[1::3], found[2::3], strict=False):
            counts = [each for each in (used, limit) if isinstance(each, bytes) and each.isdigit() and len(each) < 19]
            if isinstance(name, bytes) and name.upper() == b"STORAGE" and len(counts) == 2:
                return Quota(int(counts[0]) * KIB, int(counts[1]) * KIB)
    return None
