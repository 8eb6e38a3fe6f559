"""Watchers: one connection per account over all nodes that waits in INBOX for news while a page polls.

Its news go to Redis, so that polls touch no IMAP. It ends when nobody polls any more (`watch:<account>` has expired),
when its lock is another's, when the account is revoked, or when the connection dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.keeper.pool import Pool
from app.keeper.process import cancel
from app.keeper.protocol import Key, Wanted
from app.keeper.upstream import Upstream
from app.mail.errors import ConnectionLost, MailError, NotAuthorized, PasswordExpired, SignInRefused
from app.mail.login import Credentials
from app.mail.response import Response
from app.store.notices import (
    NOTICE_SECONDS,
    WATCHER_SECONDS,
    first_token,
    notice_fields,
    notice_key,
    text_of,
    watch_key,
    watcher_key,
)

RENEW = 10.0  # seconds between renewals of the lock; also of NOOPs where the server has no IDLE
SETTLE = 0.1  # seconds: a delivery tells EXISTS and RECENT in several lines
# Seconds until it looks by itself: Dovecot 2.3.19 loses what comes in the half second before it hibernates a
# connection, which it does after 5 minutes as shipped. Also RFC 2177's 29 minutes.
LOOK_AGAIN = 240.0
# Seconds until a login that the server refused is tried again: pages poll for days after a password was changed, and
# mail servers and fail2ban punish the node's address for refused logins, with everybody on it.
REFUSED = 600.0

REFUSALS = (SignInRefused, PasswordExpired, NotAuthorized)

log = logging.getLogger("postern.keeper")

# Only the holder renews or removes its lock.
_RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('expire', KEYS[1], ARGV[2]) else return 0 end"
_REMOVE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"


class Watchers:
    """The watchers of this node, by account."""

    def __init__(self, pool: Pool, client: Redis | None, *, member: str, renew: float = RENEW) -> None:
        self.pool, self.client, self.member, self.renew = pool, client, member, renew
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[Key, float] = {}  # until when

    def watching(self, account: str) -> bool:
        return account in self._tasks

    @property
    def count(self) -> int:
        return len(self._tasks)

    async def may(self, wanted: Wanted) -> bool:
        """Whether this node may watch the account now: nobody else does, and Redis is there."""
        refused = self._refused.get(wanted.key, 0.0) > time.monotonic()
        if self.client is None or self.watching(wanted.account) or refused:
            return False
        try:
            lock = self.client.set(watcher_key(wanted.account), self.member, nx=True, ex=WATCHER_SECONDS)
            return bool(await lock)
        except (RedisError, OSError):
            return False

    def start(self, wanted: Wanted, credentials: Credentials) -> None:
        """Begins; `may` has said yes."""
        task = asyncio.create_task(self._run(wanted, credentials))
        self._tasks[wanted.account] = task
        task.add_done_callback(lambda _: self._tasks.pop(wanted.account, None))

    async def close(self) -> None:
        """Ends all watchers."""
        await cancel(self._tasks.values())

    async def give_up(self, account: str) -> None:
        """Removes the lock, where it is ours."""
        if self.client is not None:
            with contextlib.suppress(RedisError, OSError):
                await _awaited(self.client.eval(_REMOVE, 1, watcher_key(account), self.member))

    async def _run(self, wanted: Wanted, credentials: Credentials) -> None:
        upstream: Upstream | None = None
        try:
            # A login of its own: one that a page just hands back has the page's mailbox selected.
            upstream = await self.pool.acquire(wanted, credentials, fresh=True)
            del credentials
            await self._watch(upstream)
        except (MailError, TimeoutError, RedisError, OSError) as error:
            log.info("a watcher ended: %s", type(error).__name__)
            if isinstance(error, REFUSALS):
                self._remember(wanted.key)
        finally:
            if upstream is not None:
                upstream.close()
            await self.give_up(wanted.account)

    def _remember(self, key: Key) -> None:
        now = time.monotonic()
        self._refused = {key: until for key, until in self._refused.items() if until > now}
        self._refused[key] = now + REFUSED

    async def _watch(self, upstream: Upstream) -> None:
        news = asyncio.Event()
        upstream.on_news = news.set
        tagged, _ = await upstream.command(b"EXAMINE", b"INBOX")
        if not tagged.split(b" ", 2)[1].upper() == b"OK":
            raise ConnectionLost("INBOX cannot be opened")
        loop = asyncio.get_running_loop()
        await self._tell(upstream)
        looked = loop.time()
        while upstream.state != "closed" and await self._wanted(upstream.account):
            news.clear()
            upstream.park()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.renew):
                    await news.wait()
            if not news.is_set() and upstream.parks and loop.time() - looked < LOOK_AGAIN:
                continue
            await asyncio.sleep(SETTLE)
            looked = loop.time()
            await self._look(upstream)

    async def _look(self, upstream: Upstream) -> None:
        if upstream.state != "idle" and not await upstream.wake():
            raise ConnectionLost("the watcher's connection ended")
        if not upstream.parks:
            await upstream.command(b"NOOP")
        await self._tell(upstream)

    async def _wanted(self, account: str) -> bool:
        """Renews the lock; False where nobody polls any more or another holds it."""
        if self.client is None:
            return False
        pipe = self.client.pipeline(transaction=False)
        pipe.exists(watch_key(account))
        pipe.eval(_RENEW, 1, watcher_key(account), self.member, str(WATCHER_SECONDS))
        polled, renewed = await pipe.execute()
        return bool(polled) and bool(renewed)

    async def _tell(self, upstream: Upstream) -> None:
        """Asks for the counts and writes them where they differ from what was told last."""
        untagged: Sequence[Response] = ()
        for _ in range(3):
            _, untagged = await upstream.command(b"STATUS", b"INBOX", b"(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)")
            # What the server tells at the end of this command, IDLE will not tell again: the counts may be older.
            if not any(response[0][2:3].isdigit() for response in untagged):
                break
        if self.client is not None:
            await publish(self.client, upstream.account, status_counts(untagged))


def status_counts(untagged: Any) -> dict[str, int]:
    """MESSAGES, UNSEEN, UIDNEXT, UIDVALIDITY of a STATUS response (RFC 3501 §7.2.4), by the names of a notice."""
    names = {b"MESSAGES": "exists", b"UNSEEN": "unseen", b"UIDNEXT": "uidnext", b"UIDVALIDITY": "uidvalidity"}
    for response in untagged:
        line = _joined(response)
        if line[:9].upper() == b"* STATUS ":
            words = line.rpartition(b"(")[2].rstrip(b") ").split()
            pairs = [(names.get(name.upper()), value) for name, value in zip(words[::2], words[1::2], strict=False)]
            return {name: int(value) for name, value in pairs if name and value.isdigit() and len(value) <= 10}
    return {}


def _joined(response: Response) -> bytes:
    return b"".join(response)


async def publish(client: Redis, account: str, counts: dict[str, int]) -> None:
    """Writes a notice; the token goes up where anything differs. As app/store/notices.py writes it, asynchronously."""
    fields = notice_fields(**{name: counts.get(name) for name in ("exists", "unseen", "uidnext", "uidvalidity")})
    key = notice_key(account)
    known: dict[Any, Any] = await _awaited(client.hgetall(key))
    told = {text_of(name): text_of(value) for name, value in known.items()}
    pipe = client.pipeline(transaction=True)
    if "token" not in told or any(told.get(name) != str(value) for name, value in fields.items()):
        pipe.hsetnx(key, "token", first_token())
        pipe.hincrby(key, "token", 1)
        if fields:
            pipe.hset(key, mapping={name: str(value) for name, value in fields.items()})
    pipe.expire(key, NOTICE_SECONDS)
    await pipe.execute()


async def _awaited(answer: Awaitable[Any] | Any) -> Any:
    return await answer
