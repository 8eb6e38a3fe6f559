"""What may be forgotten: summaries of messages and small entries of one account, sealed, best effort.

A message never changes under (server, login, mailbox, uidvalidity, uid), so its summary is kept under a keyed hash
of all five. Whoever reads Redis learns neither names nor contents. No error leaves this module: without a cache it is
slower.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from redis import Redis, RedisError

from app.store.near import Near
from app.store.seal import BrokenSeal, derive, measured, seal, unseal

FORMAT = 1
SUMMARY_SECONDS = 14 * 86400
ENTRY_BYTES = 262144

SummaryKey = tuple[str, int, int]


@dataclass
class Counters:
    """What the cache was asked since the process began, for /metrics."""

    hits: int = 0
    misses: int = 0
    errors: int = 0


@dataclass(frozen=True)
class AccountCache:
    """The cache of one account: `get_many` and `put_many` for summaries, `recall` and so on for small JSON entries."""

    redis: Redis
    name_key: bytes
    seal_key: bytes
    owner: str
    counters: Counters = field(default_factory=Counters)
    near: Near = field(default_factory=Near)
    ahead: dict[SummaryKey, bytes | None] = field(default_factory=dict)  # what came with another answer, for once

    def get_many(self, keys: Sequence[SummaryKey]) -> list[bytes | None]:
        """The summaries of (mailbox, uidvalidity, uid), None where there is none. One round trip at most; never raises.

        No message has UID 0: what is kept under it may change, and is always asked of Redis.
        """
        places = [self._place(key) for key in keys]
        found = dict(zip(keys, self.near.get_many(places), strict=True))
        came = {key: self.ahead.pop(key) for key in found.keys() & self.ahead.keys()}
        found.update(came)
        if far := [key for key, value in found.items() if value is None and key not in came]:
            found.update(zip(far, self._far(far), strict=True))
            self.near.put_many((self._place(key), each) for key in far if key[2] and (each := found[key]) is not None)
        values = [found[key] for key in keys]
        missing = values.count(None)
        self.counters.misses += missing
        self.counters.hits += len(values) - missing
        return values

    def _far(self, keys: Sequence[SummaryKey]) -> list[bytes | None]:
        names = self._summary_names(keys)
        try:
            found: Any = self.redis.mget(names)
        except RedisError:
            self.counters.errors += 1
            return [None] * len(keys)
        return [self._open(name, sealed) for name, sealed in zip(names, found, strict=True)]

    def _place(self, key: SummaryKey) -> Hashable:
        """A summary's name in this process. The keys are the account's own: nobody finds another's."""
        return (self.seal_key, self.owner, *key)

    def put_many(self, summaries: Mapping[SummaryKey, bytes]) -> None:
        """Keeps summaries for two weeks. One round trip; never raises."""
        if not summaries:
            return
        self.near.put_many((self._place(key), value) for key, value in summaries.items() if key[2])
        for key in summaries:
            self.ahead.pop(key, None)
        pipe = self.redis.pipeline(transaction=False)
        for name, value in zip(self._summary_names(list(summaries)), summaries.values(), strict=True):
            pipe.set(name, seal(self.seal_key, value, name), ex=SUMMARY_SECONDS)
        try:
            pipe.execute()
        except RedisError:
            self.counters.errors += 1

    def recall(self, entry: str, *, ahead: Sequence[SummaryKey] = ()) -> Any:
        """The value that was remembered under a name, or None. Never raises.

        `ahead`: summaries of which the next `get_many` will ask; they come in the same round trip.
        """
        names = [self._name("entry", entry), *self._summary_names(ahead)]
        try:
            found: Any = self.redis.mget(names)
        except RedisError:
            self.counters.errors += 1
            return None
        plain, *others = (self._open(name, sealed) for name, sealed in zip(names, found, strict=True))
        self.ahead.update(zip(ahead, others, strict=True))
        return None if plain is None else json.loads(plain)

    def remember(self, entry: str, value: Any, *, seconds: int) -> bool:
        """Keeps a JSON value (at most 256 KB) under a name for that long; False where it was not kept. Never raises."""
        plain = json.dumps(value, separators=(",", ":")).encode()
        name = self._name("entry", entry)
        if len(plain) > ENTRY_BYTES:
            return False
        try:
            return bool(self.redis.set(name, seal(self.seal_key, plain, name), ex=seconds))
        except RedisError:
            self.counters.errors += 1
            return False

    def forget(self, *entries: str) -> None:
        """Drops entries. Never raises; an entry that could not be dropped ends by its own time."""
        try:
            self.redis.delete(*(self._name("entry", entry) for entry in entries))
        except RedisError:
            self.counters.errors += 1

    def take(self, entry: str) -> Any:
        """The value under a name, for the first who asks; None for all others. Never raises."""
        name = self._name("entry", entry)
        try:
            sealed: Any = self.redis.getdel(name)
        except RedisError:
            self.counters.errors += 1
            return None
        plain = self._open(name, sealed)
        return None if plain is None else json.loads(plain)

    def _summary_names(self, keys: Sequence[SummaryKey]) -> list[bytes]:
        """As `_name`, with what all messages of a mailbox share written once."""
        places = {(box, validity) for box, validity, _ in keys}
        heads = {place: measured(FORMAT, self.owner, "summary", *place) for place in places}
        return [self._named(heads[box, validity] + measured(uid)) for box, validity, uid in keys]

    def _name(self, *parts: str | int) -> bytes:
        return self._named(measured(FORMAT, self.owner, *parts))

    def _named(self, text: bytes) -> bytes:
        """A keyed hash (BLAKE2b, RFC 7693 §2.5): a page needs 50, and HMAC by OpenSSL 3 takes eight times as long."""
        return b"c:" + blake2b(text, key=self.name_key, digest_size=20).digest()

    def _open(self, name: bytes, sealed: bytes | None) -> bytes | None:
        """The name is bound in: an entry moved under another name does not open."""
        if sealed is None:
            return None
        try:
            return unseal(self.seal_key, sealed, name)
        except BrokenSeal:
            return None


def open_cache(
    redis: Redis,
    server_key: bytes,
    *,
    account_id: str,
    server: str,
    login: str,
    counters: Counters | None = None,
    near: Near | None = None,
) -> AccountCache:
    """The cache of an account on its server; its keys follow from the server's key and the account alone.

    `counters` and `near` are those of the process.
    """
    name_key, seal_key = _keys(server_key, account_id)
    owner = json.dumps([server, login])
    return AccountCache(redis, name_key, seal_key, owner, counters or Counters(), near or Near())


@lru_cache(maxsize=4096)
def _keys(server_key: bytes, account_id: str) -> tuple[bytes, bytes]:
    """Kept, because deriving them took 40 µs of every page."""
    return derive(server_key, f"cache names {account_id}"), derive(server_key, f"cache contents {account_id}")
