"""From whom an account lets mail load pictures from outside: once for a message, always for a sender or a domain.

Hashes only: who reads Redis, or the account's setting that they are kept in for good, learns no sender. It never fails
open: what cannot be read is not allowed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final, Literal

from redis import Redis, RedisError

Choice = Literal["once", "sender", "domain"]

ALWAYS_SECONDS: Final = 400 * 86400
ONCE_SECONDS: Final = 900
MOST: Final = 5_000  # senders and domains of one account
_LOADED: Final = "loaded"  # beside the hashes: all that the account's setting holds is here


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


def allowed(redis: Redis, account_id: str, *, message: str, sender: str) -> bool | None:
    """Whether a message of this sender may load pictures from outside; None where Redis does not know the choices that
    are kept for good, and `put` has to tell it. One round trip; False when Redis fails."""
    pipe = redis.pipeline(transaction=False)
    pipe.exists(_once(account_id, message))
    domain = domain_of(sender)
    pipe.sismember(_always(account_id), _member(account_id, "sender", sender))
    pipe.sismember(_always(account_id), _member(account_id, "domain", domain))
    pipe.sismember(_always(account_id), _LOADED)
    try:
        once, by_sender, by_domain, loaded = pipe.execute()
    except RedisError:
        return False
    said = bool(once or (sender and by_sender) or (domain and by_domain))
    return said or (False if loaded or not sender else None)


def hashes(redis: Redis, account_id: str) -> frozenset[str]:
    """The account's choices for senders and domains. Raises RedisError."""
    found: Collection[bytes] = redis.smembers(_always(account_id))  # type: ignore[assignment]
    return frozenset(each.decode("ascii", "replace") for each in found) - {_LOADED}


def put(redis: Redis, account_id: str, kept: Collection[str]) -> None:
    """Tells Redis the choices that are kept for good, beside those that it has. Raises RedisError."""
    pipe = redis.pipeline(transaction=True)
    pipe.sadd(_always(account_id), _LOADED, *list(kept)[:MOST])
    pipe.expire(_always(account_id), ALWAYS_SECONDS)
    pipe.execute()


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
