"""Addresses that name their way: Postfix rewrites `host!user` and `user%host` (swap_bangpath, allow_percent_hack).

It asks about an address as it came and delivers to what it makes of it; so whoever spells one in such a way would get
past the rules about it.
"""

from __future__ import annotations

from typing import Final

_WAYS: Final = frozenset("!%@")
_MOST: Final = 3  # stops; Postfix refuses more than one where it is not the last itself


def swapped(address: str) -> str:
    """What an address without a domain becomes."""
    if "@" in address:
        return address
    host, bang, user = address.partition("!")
    if bang:
        return f"{user}@{host}"
    user, percent, host = address.rpartition("%")
    return f"{user}@{host}" if percent else address


def meant(recipient: str) -> tuple[str, ...]:
    """What a recipient may be to Postfix: itself, and, where its domain is one of the server's own names or addresses,
    what stands before that."""
    found = [swapped(recipient)]
    while len(found) < _MOST and not _WAYS.isdisjoint(local := found[-1].rpartition("@")[0]):
        found.append(swapped(local))
    return tuple(found)
