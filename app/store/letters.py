"""Letters of the site's own that wait for a courier, in Redis: each with the second from which it may be sent.

Whoever takes one puts it off by a minute, and removes it once it is sent: a courier that dies leaves it to another, and
it is sent twice rather than never. What could not be sent for a day is dropped.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from redis import Redis

KEY: Final = "letters"
TAKEN: Final = 60  # seconds for which nobody else takes it
DROPPED: Final = 86_400
MOST: Final = 20_000  # that wait; beyond, who would put more in is told
_TAKE: Final = """
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)
if found[1] then redis.call('ZADD', KEYS[1], ARGV[2], found[1]) end
return found[1]
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A plain letter to one address, by the name of who sends it; `since` in seconds."""

    address: str
    subject: str
    text: str
    name: str
    since: int
    id: str = ""


def put(redis: Redis, letters: Sequence[Waiting]) -> bool:
    """Puts all of them in, or none where too many wait. Raises redis.RedisError."""
    waiting: Any = redis.zcard(KEY)
    if waiting + len(letters) > MOST:
        return False
    named = [replace(each, id=secrets.token_hex(8)) for each in letters]
    if named:
        redis.zadd(KEY, {_written(each): each.since for each in named})
    return True


def take(redis: Redis, now: int) -> Waiting | None:
    """One that may be sent now, and is nobody else's for a minute. Raises redis.RedisError."""
    while (found := _taken(redis, now)) is not None:
        try:
            return Waiting(**json.loads(found))
        except (TypeError, ValueError):  # a newer version's, whose courier takes it; it keeps none behind it waiting
            continue
    return None


def _taken(redis: Redis, now: int) -> Any:
    return redis.eval(_TAKE, 1, KEY, str(now), str(now + TAKEN))


def done(redis: Redis, letter: Waiting) -> None:
    """It was sent, or is not to be tried again. Raises redis.RedisError."""
    redis.zrem(KEY, _written(letter))


def later(redis: Redis, letter: Waiting, now: int, pause: int) -> bool:
    """Tries it again after a pause; False where it has waited for a day, and is dropped. Raises redis.RedisError."""
    if now - letter.since > DROPPED:
        done(redis, letter)
        return False
    redis.zadd(KEY, {_written(letter): now + pause}, xx=True)
    return True


def _written(letter: Waiting) -> str:
    return json.dumps(asdict(letter), sort_keys=True)
