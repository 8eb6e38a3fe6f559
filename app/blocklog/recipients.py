"""Whose mail it is: addresses, and logins of mail servers, as accounts and sites, asked in batches and remembered.

The directory is a neighbour, so that looking up is handed in (follow.py). What was found holds for a minute: an alias
that changes then is soon right, and a flood of mail for one address asks once.
"""

import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

HOLDS = 60.0  # seconds
MOST = 50_000  # remembered
BATCH = 400  # asked at once
MOST_OWNERS = 20  # of one address

Owner = tuple[str, str]  # account and site; "" for nobody, for none of ours
NOBODY: tuple[Owner, ...] = (("", ""),)
LookUp = Callable[[Collection[str]], Mapping[str, tuple[Owner, ...]]]
LookUpLogins = Callable[[str, Collection[str]], Mapping[str, Owner]]
_K = TypeVar("_K")
_V = TypeVar("_V")


class Recipients:
    """Owners of addresses, and accounts of logins on a node."""

    def __init__(self, look_up: LookUp, look_up_logins: LookUpLogins, clock: Callable[[], float] = time.monotonic):
        self.look_up, self.look_up_logins, self.clock = look_up, look_up_logins, clock
        self._owners: dict[str, tuple[float, tuple[Owner, ...]]] = {}
        self._logins: dict[tuple[str, str], tuple[float, Owner]] = {}

    def of(self, addresses: Collection[str]) -> dict[str, tuple[Owner, ...]]:
        """The owners of some addresses: an account each, or nobody on the site of its domain. "" is nobody's."""
        wanted = {each for each in addresses if each}
        asked = self._asked(self._owners, wanted)
        for start in range(0, len(asked), BATCH):
            found = self.look_up(asked[start : start + BATCH])
            for each in asked[start : start + BATCH]:
                self._owners[each] = (self.clock(), (found.get(each) or NOBODY)[:MOST_OWNERS])
        return {"": NOBODY, **{each: self._owners[each][1] for each in wanted}}

    def of_logins(self, logins: Collection[tuple[str, str]]) -> dict[tuple[str, str], Owner]:
        """The accounts that sign in on a node under some logins, each given as (node, login); ("", "") for nobody."""
        asked = self._asked(self._logins, set(logins))
        for node in {each[0] for each in asked}:
            names = [login for other, login in asked if other == node]
            for start in range(0, len(names), BATCH):
                found = self.look_up_logins(node, names[start : start + BATCH])
                for each in names[start : start + BATCH]:
                    self._logins[node, each] = (self.clock(), found.get(each, ("", "")))
        return {each: self._logins[each][1] for each in logins}

    def _asked(self, known: dict[_K, tuple[float, _V]], wanted: Collection[_K]) -> list[_K]:
        """Those of which nothing is known, or too long ago."""
        if len(known) > MOST:
            known.clear()
        now = self.clock()
        return sorted(each for each in wanted if each not in known or now - known[each][0] > HOLDS)  # type: ignore[type-var]
