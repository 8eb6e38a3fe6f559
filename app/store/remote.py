"""From whom an account lets mail load pictures from outside: once for a message, always for a sender or a domain.

Kept in Redis under hashes only, a year after the last choice: who reads Redis learns no sender. It never fails open:
what cannot be read is not allowed.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from redis import Redis, RedisError

Choice = Literal["once", "sender", "domain"]

ALWAYS_SECONDS: Final = 400 * 86400
ONCE_SECONDS: Final = 900
MOST: Final = 5_000  # senders and domains of one account


def allow(redis: Redis, account_id: str, choice: Choice, value: str) -> None:
    """Keeps a choice. `value`: the sender's address, its domain, or for "once" what names the message.

    Raises RedisError.
    """
    if choice == "once":
        redis.set(_once(account_id, value), b"1", ex=ONCE_SECONDS)
        return
    name = _always(account_id)
    pipe = redis.pipeline(transaction=False)
    pipe.scard(name)
    pipe.expire(name, ALWAYS_SECONDS)
    if pipe.execute()[0] < MOST:
        redis.sadd(name, _member(account_id, choice, value))
        redis.expire(name, ALWAYS_SECONDS)


def allowed(redis: Redis, account_id: str, *, message: str, sender: str) -> bool:
    """Whether a message of this sender may load pictures from outside. One round trip; False when Redis fails."""
    pipe = redis.pipeline(transaction=False)
    pipe.exists(_once(account_id, message))
    domain = domain_of(sender)
    pipe.sismember(_always(account_id), _member(account_id, "sender", sender))
    pipe.sismember(_always(account_id), _member(account_id, "domain", domain))
    try:
        once, by_sender, by_domain = pipe.execute()
    except RedisError:
        return False
    return bool(once or (sender and by_sender) or (domain and by_domain))


def domain_of(sender: str) -> str:
    """The domain of an address in lower case; "" without one."""
    return sender.rpartition("@")[2].lower() if "@" in sender else ""


def _once(account_id: str, message: str) -> str:
    return f"remote-once:{_digest(account_id, message)}"


def _always(account_id: str) -> str:
    return f"remote:{_digest(account_id)}"


def _member(account_id: str, choice: str, value: str) -> str:
    return _digest(account_id, choice, value.lower())


def _digest(*parts: str) -> str:
    """A name for parts of any letters; a NUL stands in none of them."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:40]
