"""Counts the messages and recipients that an account sends, in a sliding hour, in Redis and in this process.

A message is counted when it is about to be sent and given back when it is undone. One that is sent again under its name
counts once.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis import Redis

from app.store.clock import present

WINDOW_SECONDS = 3600
LOCAL_ACCOUNTS = 20_000
_UNDONE = " undone"

Count = tuple[float, int]  # when a message was counted, and its recipients


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one account may send in an hour."""

    messages: int
    recipients: int


class Spent(Exception):
    """It would be more than allowed. `what`: "messages" or "recipients" · `used` of `most` in this hour, `asked` for
    now · `retry_after`: seconds until there is room; None: never, as it is too much for any hour.
    """

    def __init__(self, what: str, used: int, most: int, asked: int, retry_after: int | None) -> None:
        super().__init__(f"{used} of {most} {what} in an hour, {asked} more asked for")
        self.what, self.used, self.most, self.asked, self.retry_after = what, used, most, asked, retry_after


def take(redis: Redis, account_id: str, name: str, recipients: int, allowance: Allowance) -> None:
    """Counts the message `name` and looks then, so that no two share the last place. Raises Spent, RedisError."""
    key, member, now = _key(account_id), f"{name} {recipients}", present(redis)
    pipe = redis.pipeline(transaction=True)
    pipe.zremrangebyscore(key, "-inf", now - WINDOW_SECONDS)
    pipe.zrem(key, f"{name}{_UNDONE}")
    pipe.zadd(key, {member: now})
    pipe.zrange(key, 0, -1, withscores=True)
    pipe.expire(key, WINDOW_SECONDS)
    found: Any = pipe.execute()[3]
    others = [(each, score) for each, score in found if each != member.encode()]
    free = {each for each, _ in [each for each in others if _is_undone(each[0])][: allowance.messages]}
    try:
        _look([_count(each, score) for each, score in others if each not in free], recipients, allowance, now)
    except Spent:
        redis.zrem(key, member)
        raise


def give_back(redis: Redis, account_id: str, name: str, recipients: int) -> None:
    """The message was not sent after all. So many as may be sent, no more: each leaves a row behind for two weeks.
    Raises redis.RedisError."""
    pipe = redis.pipeline(transaction=True)
    pipe.zrem(_key(account_id), f"{name} {recipients}")
    pipe.zadd(_key(account_id), {f"{name}{_UNDONE}": present(redis)})
    pipe.expire(_key(account_id), WINDOW_SECONDS)
    pipe.execute()


def _look(others: Iterable[Count], recipients: int, allowance: Allowance, now: float) -> None:
    """Whether one more message fits beside the others, the oldest first. Raises Spent."""
    known = list(others)
    for what, most, asked in (("messages", allowance.messages, 1), ("recipients", allowance.recipients, recipients)):
        weights = [(when, 1 if what == "messages" else count) for when, count in known]
        used = sum(weight for _, weight in weights)
        if used + asked > most:
            raise Spent(what, used, most, asked, _until(weights, most - asked, now))


def _until(weights: Iterable[Count], room: int, now: float) -> int | None:
    """Seconds until so many of the oldest have left the hour that the others fit into `room`."""
    left = list(weights)
    used = sum(weight for _, weight in left)
    for when, weight in left:
        used -= weight
        if used <= room:
            return max(1, int(when + WINDOW_SECONDS - now) + 1)
    return None


def _is_undone(member: bytes) -> bool:
    return member.endswith(_UNDONE.encode())


def _count(member: bytes, score: float) -> Count:
    number = member.rpartition(b" ")[2]
    return score, int(number) if number.isdigit() else 0


def _key(account_id: str) -> str:
    return f"sent:{hashlib.sha256(account_id.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class LocalAllowance:
    """The same counts in this process alone, bounded in memory: what is left of the limits without Redis."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, dict[str, Count]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, account_id: str, name: str, recipients: int, allowance: Allowance) -> None:
        """Counts the message `name`. Raises Spent."""
        now = time.monotonic()
        with self._lock:
            sent = self._accounts.setdefault(account_id, {})
            self._accounts.move_to_end(account_id)
            for old in [each for each, (when, _) in sent.items() if when <= now - WINDOW_SECONDS]:
                del sent[old]
            _look([count for each, count in sent.items() if each != name], recipients, allowance, now)
            sent[name] = (now, recipients)
            while len(self._accounts) > LOCAL_ACCOUNTS:
                self._accounts.popitem(last=False)

    def give_back(self, account_id: str, name: str) -> None:
        """The message was not sent after all."""
        with self._lock:
            self._accounts.get(account_id, {}).pop(name, None)
