"""The keeper's ear at Redis: revocations, requests of other nodes, heartbeats.

A message is only a hint. The truth are the epochs, compared on every (re)connect of the subscription, every 60 s, and
for one account on each message about it. Redis away stops none of the lending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.keeper.counts import END_CHANNEL, HEARTBEAT
from app.keeper.pool import Pool
from app.store.notices import REVOKED_CHANNEL, epoch_key, parse_epoch, text_of

COMPARE = 60.0  # seconds between comparisons of all epochs
FLUSH = 1.0  # seconds between tellings of counts
RETRY = 1.0
_AT_ONCE = 500  # epochs in one MGET

log = logging.getLogger("postern.keeper")


class Epochs:
    """Ends what was revoked. `run` and `beat` are tasks for the life of the keeper."""

    def __init__(self, pool: Pool, client: Redis, *, compare: float = COMPARE) -> None:
        self.pool, self.client, self.compare = pool, client, compare

    async def run(self) -> None:
        """Listens for ever; after each failure begins anew."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                log.info("Redis: %s", type(error).__name__)
            except Exception:
                log.exception("listening failed")
            await asyncio.sleep(RETRY)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        async with self.client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(REVOKED_CHANNEL, END_CHANNEL)
            compared = 0.0
            while True:
                if loop.time() - compared >= self.compare or not compared:
                    await self.compare_all()
                    compared = loop.time()
                message = await channel.get_message(timeout=min(1.0, self.compare))
                if message is not None:
                    await self._heard(text_of(message["channel"]), text_of(message["data"]))

    async def _heard(self, channel: str, text: str) -> None:
        if channel == REVOKED_CHANNEL:
            await self.compare_some([text])
            return
        member, _, account = text.partition(" ")
        if member == self.pool.counts.member:
            self.pool.evict_account(account)
            await self.pool.counts.flush()  # at once: who asked looks again after 100 ms

    async def compare_all(self) -> None:
        """Compares the epochs of every account that has a connection here."""
        accounts = sorted(self.pool.accounts())
        for start in range(0, len(accounts), _AT_ONCE):
            await self.compare_some(accounts[start : start + _AT_ONCE])

    async def compare_some(self, accounts: list[str]) -> None:
        """Compares the epochs of those of the accounts that have a connection here. RedisError."""
        held = [account for account in accounts if account in self.pool.accounts()]
        if held:
            found = await self.client.mget([epoch_key(account) for account in held])
            self.pool.end_revoked({account: parse_epoch(value) for account, value in zip(held, found, strict=True)})

    async def beat(self) -> None:
        """Tells the counts: changes every second, everything every ten."""
        begun, beaten = False, 0.0
        while True:
            now = asyncio.get_running_loop().time()
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                if not begun:
                    await self.pool.counts.begin()
                    begun = True
                if now - beaten >= HEARTBEAT:
                    await self.pool.counts.beat(self.pool.counted())
                    beaten = now
                else:
                    await self.pool.counts.flush()
            await asyncio.sleep(FLUSH)
