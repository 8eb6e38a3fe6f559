"""Summaries that this process read or wrote lately, opened: a page asks for the same 50 again and again.

They cost 50 unsealings and a round trip to Redis, a sixth of a warm list. A message never changes under its name, so
nothing here can be stale; and nothing here is needed: what is not here is in Redis, or on the mail server.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence

KEPT = 2048  # summaries; about 1 MB a worker
LONGEST = 4096  # bytes of one; no longer ones are kept


class Near:
    """The last summaries by (keys of the account, place of the message), least recently asked out first."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get_many(self, names: Sequence[Hashable]) -> list[bytes | None]:
        """What is known under each name."""
        with self._lock:
            found = [self._kept.get(name) for name in names]
            for name, value in zip(names, found, strict=True):
                if value is not None:
                    self._kept.move_to_end(name)
        return found

    def put_many(self, values: Iterable[tuple[Hashable, bytes]]) -> None:
        """Keeps each, in place of what was known under its name."""
        with self._lock:
            for name, value in values:
                self._kept.pop(name, None)
                if len(value) <= LONGEST:
                    self._kept[name] = value
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
