"""Sessions in Redis: a record under the SHA-256 of the cookie's secret, and the account's list of its records.

The IMAP password lies in the record sealed with a key from the cookie's secret *and* the server's: a copy of Redis
opens nothing, neither does Redis with the server's key, nor the cookie alone. Reading a session and its account's last
notice, comparing its epoch and extending its life is one round trip.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

from redis import Redis, RedisError

from app.store.notices import REVOKED_CHANNEL, Notice, epoch_key, notice_key, parse_epoch, parse_notice
from app.store.seal import BrokenSeal, Keyring, derive, seal, unseal

SECRET_BYTES = 32
ACTIVE_SECONDS = 300
MOST = 100  # of one account; signing in is limited by nothing else, and forty a second would fill Redis for everybody
KEPT_SECONDS = 86400  # the shortest that the settings allow for one that is kept; no other rests for so long

# One round trip for session, epoch, news and life. Keys follow from the record, hence a script (Redis 6.2).
# pcall: on a replica or a full server the touch fails and reading goes on. Ended by Redis's clock, as its idle time is:
# one node whose own was half a day ahead signed everybody out (tried).
_OPEN = """
local found = redis.call('GET', KEYS[1])
if not found then return false end
local record = cjson.decode(found)
if tonumber(redis.call('TIME')[1]) >= record['until'] then
  redis.pcall('DEL', KEYS[1])
  return false
end
if ARGV[2] == '1' then
  redis.pcall('EXPIRE', KEYS[1], record['idle'])
  redis.pcall('PFADD', ARGV[3], KEYS[1])
  redis.pcall('EXPIRE', ARGV[3], 900)
end
local account = record['account_id']
return {found, redis.call('GET', ARGV[1] .. account), redis.call('HGETALL', ARGV[4] .. account)}
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One signed-in browser. Times are whole seconds of the epoch, UTC; `account` is the account's JSON."""

    account_id: str
    account: str
    created: int
    until: int
    idle: int
    epoch: str
    checked: int
    network: str
    agent: str
    key: str
    sealed: str | None = None

    @property
    def kept(self) -> bool:
        """Whether its owner asked to be kept signed in."""
        return self.idle >= KEPT_SECONDS

    def to_json(self) -> str:
        """The record as it lies in Redis."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: bytes | str) -> "Record":
        """Raises ValueError for anything but what to_json wrote: Redis is outside data."""
        try:
            record = cls(**json.loads(text))
        except (TypeError, RecursionError) as error:
            raise ValueError("not a session") from error
        numbers = (record.created, record.until, record.idle, record.checked)
        texts = (record.account_id, record.account, record.epoch, record.network, record.agent, record.key)
        good = all(type(number) is int for number in numbers) and all(isinstance(each, str) for each in texts)
        if not good or not isinstance(record.sealed, str | None):
            raise ValueError("not a session")
        return record


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as its owner sees it: digest (never the secret), record, second of its last request."""

    digest: str
    record: Record
    last_used: int


def new_secret() -> bytes:
    """The 256 random bits of a cookie."""
    return os.urandom(SECRET_BYTES)


def digest(secret: bytes) -> str:
    """Under what name a cookie's session lies in Redis."""
    return hashlib.sha256(b"session" + secret).hexdigest()


def session_key(name: str) -> str:
    """The Redis key of a session, from its digest."""
    return f"s:{name}"


def list_key(account_id: str) -> str:
    """The Redis key of an account's set of sessions, scored by the second at which each must end."""
    return f"u:{hashlib.sha256(account_id.encode()).hexdigest()}:s"


def seal_password(ring: Keyring, secret: bytes, account: str, password: str) -> str:
    """The password for the record of the session with this cookie secret and account (its JSON), as hexadecimal text.

    Sealed with a master user too, then of an empty password: the seal proves that the server itself wrote the account
    into the record. Who can only write into Redis could else name another mailbox, or a mail server of their own.
    """
    key = derive(ring.current, "imap password", salt=secret)
    return seal(key, password.encode(), _bound(account, secret)).hex()


def unseal_password(ring: Keyring, secret: bytes, record: Record) -> str:
    """The password; empty where none is kept (master user). Raises BrokenSeal."""
    if record.sealed is None:
        raise BrokenSeal("a record without a seal")
    key = derive(ring.secret(record.key), "imap password", salt=secret)
    try:
        sealed = bytes.fromhex(record.sealed)
    except ValueError:
        raise BrokenSeal("no seal") from None
    return unseal(key, sealed, _bound(record.account, secret)).decode()


def resealed(ring: Keyring, secret: bytes, record: Record, account: str, *, checked: int) -> Record:
    """The record with a newer copy of its account, as the directory has it at second `checked`. Raises BrokenSeal."""
    if account == record.account:
        return dataclasses.replace(record, checked=checked)
    sealed = seal_password(ring, secret, account, unseal_password(ring, secret, record))
    return dataclasses.replace(record, account=account, checked=checked, key=ring.current_id, sealed=sealed)


def _bound(account: str, secret: bytes) -> bytes:
    return f"{digest(secret)} {account}".encode()


def create(redis: Redis, secret: bytes, record: Record) -> None:
    """Stores a new session; beside it at most MOST - 1 stay, those that end last. Raises redis.RedisError."""
    name, listing = digest(secret), list_key(record.account_id)
    pipe = redis.pipeline(transaction=True)
    pipe.set(session_key(name), record.to_json(), ex=record.idle)
    pipe.zremrangebyscore(listing, "-inf", record.created)
    pipe.zrange(listing, 0, -MOST)
    pipe.zadd(listing, {name: record.until})
    pipe.expire(listing, 90 * 86400 + 86400)  # longer than the longest session that the settings allow
    if surplus := [each.decode() for each in pipe.execute()[2]]:
        _run_all(redis, ("DEL", *map(session_key, surplus)), ("ZREM", listing, *surplus))


def read(redis: Redis, secret: bytes, *, now: int, touch: bool) -> Record | None:
    """The session of a cookie, its life extended if `touch`; None when it ended, was revoked or makes no sense.
    It counts as used at `now`.

    Raises redis.RedisError. One round trip.
    """
    found = read_with_notice(redis, secret, now=now, touch=touch)
    return found[0] if found else None


def read_with_notice(redis: Redis, secret: bytes, *, now: int, touch: bool) -> tuple[Record, Notice | None] | None:
    """As `read`, with the account's last notice, which most pages ask for: in the same round trip."""
    script = redis.register_script(_OPEN)
    told: list[str | int] = [epoch_key(""), int(touch), _active_key(now), notice_key("")]
    found: Any = script(keys=[session_key(digest(secret))], args=told)
    if found is None:
        return None
    text, epoch, fields = found
    try:
        record = Record.from_json(text)
    except ValueError:
        return None
    if parse_epoch(epoch) != record.epoch:
        return None
    return record, parse_notice(dict(zip(fields[::2], fields[1::2], strict=True)))


def _active_key(now: int) -> str:
    return f"active:{now // ACTIVE_SECONDS}"


def active(redis: Redis, *, now: int) -> int:
    """About how many sessions were used in the present five minutes and the five before (HyperLogLog: within 1 %)."""
    return int(redis.pfcount(_active_key(now), _active_key(now - ACTIVE_SECONDS)))


def rewrite(redis: Redis, secret: bytes, record: Record) -> None:
    """Puts a changed record in the place of the old one, its life as it is; an ended session stays ended."""
    redis.set(session_key(digest(secret)), record.to_json(), xx=True, keepttl=True)


def recheck(redis: Redis, account_id: str) -> None:
    """Has the account's sessions ask the directory at their next request. Raises redis.RedisError."""
    names: Any = redis.zrange(list_key(account_id), 0, -1)
    for key in [session_key(name.decode()) for name in names]:
        with contextlib.suppress(ValueError, TypeError):  # ended meanwhile
            record = Record.from_json(redis.get(key))  # type: ignore[arg-type]
            redis.set(key, dataclasses.replace(record, checked=0).to_json(), xx=True, keepttl=True)


def end(redis: Redis, name: str, account_id: str) -> None:
    """Deletes a session of the account by its digest, at once.

    With the account's last one its epoch rises, so that the keepers end its connections now and not when they are old.
    No MULTI: a full Redis refuses to queue even DEL (tried on 6.2), and signing out has to work then too.
    """
    listing = list_key(account_id)
    *_, left = _run_all(redis, ("DEL", session_key(name)), ("ZREM", listing, name), ("ZCARD", listing))
    if not left:
        with contextlib.suppress(RedisError):  # the session is gone already; kept connections end by their own time
            _run_all(redis, ("INCR", epoch_key(account_id)), _tell(account_id))


def end_everywhere(redis: Redis, account_id: str) -> None:
    """Ends all sessions of an account: the epoch first, which is what counts, then their records.

    Raises redis.RedisError where the epoch could not be raised; the records that are listed are deleted even then.
    """
    names: Any = redis.zrange(list_key(account_id), 0, -1)
    keys = [session_key(name.decode()) for name in names]
    _run_all(redis, ("INCR", epoch_key(account_id)), _tell(account_id), ("DEL", list_key(account_id), *keys))


def _tell(account_id: str) -> tuple[str, ...]:
    return "PUBLISH", REVOKED_CHANNEL, account_id


def _run_all(redis: Redis, *commands: tuple[str, ...]) -> list[Any]:
    """All commands in one round trip, each whatever became of the others; then the first error is raised."""
    pipe = redis.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)  # type: ignore[no-untyped-call]
    answers: list[Any] = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def of_account(redis: Redis, account_id: str, *, now: int) -> tuple[Listed, ...]:
    """The account's living sessions, the last used first."""
    names: Any = [name.decode() for name in redis.zrangebyscore(list_key(account_id), now, "+inf")]  # type: ignore[union-attr]
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.get(session_key(name))
        pipe.ttl(session_key(name))
    pipe.get(epoch_key(account_id))
    answers = pipe.execute()
    epoch = parse_epoch(answers.pop())
    found = map(_listed, names, answers[0::2], answers[1::2], [now] * len(names))
    living = [each for each in found if each and each.record.epoch == epoch and each.record.account_id == account_id]
    return tuple(sorted(living, key=lambda each: each.last_used, reverse=True))


def _listed(name: str, text: bytes | None, left: int, now: int) -> Listed | None:
    """The last use follows from what is left of the idle time: nothing is written to remember it."""
    if text is None:
        return None
    try:
        record = Record.from_json(text)
    except ValueError:
        return None
    return Listed(name, record, min(now, max(record.created, now - (record.idle - left))))
