"""Codes that are sent to an address, so that whoever reads its mail can agree to something: of an account, about that
address, for a day.

Redis holds an HMAC of each, never the code. Of 10^8 codes five may be tried; few are made a day, also so that nobody
floods an address with them.
"""

import hmac
import secrets
from collections.abc import Iterable

from redis import Redis

from app.store.seal import derive, measured

SECONDS = 86400
TRIES = 5
OF_ACCOUNT, OF_ADDRESS = 10, 5  # codes of one account, and to one address by all accounts, in a day
DIGITS = 8


class TooOften(Exception):
    """So many codes were sent already that no more are, for a day."""


def issue(redis: Redis, secret: bytes, account_id: str, address: str) -> str:
    """A new code, which takes the place of the one before. Raises TooOften, redis.RedisError."""
    _count(redis, _key(secret, "account", account_id), OF_ACCOUNT)
    _count(redis, _key(secret, "address", address), OF_ADDRESS)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    key = _key(secret, account_id, address)
    pipe = redis.pipeline(transaction=True)
    pipe.set(key, _mac(secret, account_id, address, code), ex=SECONDS)
    pipe.delete(f"{key}:tries")
    pipe.execute()
    return code


def accepted(redis: Redis, keys: Iterable[bytes], account_id: str, address: str, given: str) -> bool:
    """Whether that is the code, which holds once. A try is counted before it is looked at. Raises redis.RedisError."""
    return any(_is(redis, secret, account_id, address, given) for secret in keys)


def _is(redis: Redis, secret: bytes, account_id: str, address: str, given: str) -> bool:
    key = _key(secret, account_id, address)
    if not redis.exists(key):  # a count of tries for each address that anybody types would fill Redis
        return False
    pipe = redis.pipeline(transaction=True)
    pipe.get(key)
    pipe.incr(f"{key}:tries")
    pipe.expire(f"{key}:tries", SECONDS)
    mac, tries, _ = pipe.execute()
    if mac is None or int(tries) > TRIES:
        return False
    if not hmac.compare_digest(mac, _mac(secret, account_id, address, given)):
        return False
    return bool(redis.delete(key))


def _count(redis: Redis, key: str, most: int) -> None:
    """Raises TooOften."""
    pipe = redis.pipeline(transaction=True)
    pipe.set(key, 0, ex=SECONDS, nx=True)
    pipe.incr(key)
    if int(pipe.execute()[1]) > most:
        raise TooOften


def _key(secret: bytes, *parts: str) -> str:
    return f"code:{_digest(secret, 'names of codes', *parts)}"


def _mac(secret: bytes, *parts: str) -> bytes:
    return _digest(secret, "codes", *parts).encode()


def _digest(secret: bytes, purpose: str, *parts: str) -> str:
    return hmac.digest(derive(secret, purpose), measured(*parts), "sha256").hex()[:48]
