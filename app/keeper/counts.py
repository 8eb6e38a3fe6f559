"""How many connections each account has on which node: the limit over all nodes, kept in Redis.

One hash per keeper (`keeper:<node>/<pid>`: account → "count unused-since"), alive for 30 s from each heartbeat, and one
sorted set `keepers` of heartbeats, by Redis's clock: a node whose own is wrong neither ends the others nor is ended.
Redis away means no limit over all nodes, never no connection.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.store.notices import text_of

HEARTBEAT = 10.0  # seconds
EXPIRY = 30
MEMBERS = "keepers"
END_CHANNEL = "keeper:end"  # "<member> <account>": please end an unused connection of that account
PATIENCE = 0.5  # seconds that a login waits for Redis
_AWAY_PAUSE = 2.0  # seconds without asking again after Redis failed


def node_name(configured: str = "") -> str:
    """The node's name: as configured, else the host's."""
    return configured or socket.gethostname()


class Counts:
    """This keeper's counts. Without a client everything is allowed and nothing is told."""

    def __init__(self, client: Redis | None, *, node: str, total: int) -> None:
        self.client, self.node, self.total = client, node, total
        self.member = f"{node}/{os.getpid()}"
        self._dirty: dict[str, str | None] = {}
        self._away_until = 0.0

    @property
    def key(self) -> str:
        return f"keeper:{self.member}"

    async def begin(self) -> None:
        """Deletes what keepers of this node that ended without a word have left."""
        if self.client is None:
            return
        members = [text_of(each) for each in await self.client.zrange(MEMBERS, 0, -1)]
        gone = [each for each in members if each.rpartition("/")[0] == self.node and not self._alive(each)]
        if gone:
            await self.client.delete(*[f"keeper:{each}" for each in gone])
            await self.client.zrem(MEMBERS, *gone)

    def _alive(self, member: str) -> bool:
        number = member.rpartition("/")[2]
        if member == self.member or not number.isdigit():
            return False
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def changed(self, account: str, count: int, unused_since: float = 0.0) -> None:
        """Remembers a change; the next `flush` tells it. `unused_since`: of the longest unused one, 0 for none."""
        if self.client is not None:
            self._dirty[account] = f"{count} {unused_since:.0f}" if count else None

    async def beat(self, counted: dict[str, tuple[int, float]]) -> None:
        """Every 10 s: still here, with everything anew (Redis may have come back empty)."""
        if self.client is None:
            return
        for account, (count, unused_since) in counted.items():
            self.changed(account, count, unused_since)
        await self.flush()
        now, _ = await self.client.time()
        pipe = self.client.pipeline(transaction=False)
        pipe.zadd(MEMBERS, {self.member: now})
        pipe.zremrangebyscore(MEMBERS, 0, now - 10 * EXPIRY)
        pipe.expire(self.key, EXPIRY)
        await pipe.execute()

    async def flush(self) -> None:
        """Tells all changes."""
        if self.client is None or not self._dirty:
            return
        dirty, self._dirty = self._dirty, {}
        pipe = self.client.pipeline(transaction=False)
        if present := {account: text for account, text in dirty.items() if text is not None}:
            pipe.hset(self.key, mapping=present)  # type: ignore[arg-type]
        if absent := [account for account, text in dirty.items() if text is None]:
            pipe.hdel(self.key, *absent)
        pipe.expire(self.key, EXPIRY)
        await pipe.execute()

    async def claim(self, account: str, mine: int) -> bool:
        """Whether `mine` connections here, the new one included, keep the account within its limit over all nodes.

        If not, the node whose connection is unused longest is asked to end it.
        """
        if self.client is None or time.monotonic() < self._away_until:
            return True
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._claim(self.client, account, mine)
        except (RedisError, OSError, TimeoutError):
            self._away_until = time.monotonic() + _AWAY_PAUSE
            return True

    async def _claim(self, client: Redis, account: str, mine: int) -> bool:
        # Told first, read then: of two nodes that do so at once at least one sees the other.
        self._dirty.pop(account, None)
        pipe = client.pipeline(transaction=False)
        pipe.hset(self.key, account, f"{mine} 0")
        pipe.expire(self.key, EXPIRY)
        pipe.zrange(MEMBERS, 0, -1)  # who has ended has no hash any more
        members = [text_of(each) for each in (await pipe.execute())[2]]
        others = [each for each in members if each != self.member]
        if not others:
            return mine <= self.total
        pipe = client.pipeline(transaction=False)
        for member in others:
            pipe.hget(f"keeper:{member}", account)
        found = {member: _parse(text) for member, text in zip(others, await pipe.execute(), strict=True)}
        if mine + sum(count for count, _ in found.values()) <= self.total:
            return True
        for member in _whom_to_ask(found):
            await client.publish(END_CHANNEL, f"{member} {account}")
        return False

    async def end(self) -> None:
        """An orderly end: nothing of this keeper is counted any more."""
        if self.client is not None:
            await self.client.delete(self.key)
            await self.client.zrem(MEMBERS, self.member)


def _whom_to_ask(found: dict[str, tuple[int, float]]) -> list[str]:
    """The node with the longest unused connection; where none is known to be unused, all that have one."""
    idle = {member: since for member, (_, since) in found.items() if since}
    if idle:
        return [min(idle, key=lambda member: idle[member])]
    return [member for member, (count, _) in found.items() if count]


def _parse(text: Any) -> tuple[int, float]:
    words = text_of(text).split() if text is not None else []
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return 0, 0.0
    return int(words[0]), float(words[1])
