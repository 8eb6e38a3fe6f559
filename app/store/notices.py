"""News of an account through Redis: epochs that revoke sessions, watchers of INBOX, and what they saw.

Shared by the web workers (blocking client) and the keeper (asyncio client): the key and (de)serialising parts
are plain functions that both use; the functions with a client are for the blocking one. Numbers only, no mail.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

REVOKED_CHANNEL = "revoked"
WATCH_SECONDS = 60
WATCHER_SECONDS = 30
NOTICE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Notice:
    """What is known of an account's INBOX; `token` changes with every change, also with our own writes."""

    token: int
    exists: int | None = None
    unseen: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None


def epoch_key(account_id: str) -> str:
    """Holds the account's epoch as text; absent means "0". Raised by signing out everywhere and by a new password."""
    return f"epoch:{account_id}"


def watch_key(account_id: str) -> str:
    """Exists while a page of the account polls for new mail."""
    return f"watch:{account_id}"


def watcher_key(account_id: str) -> str:
    """Lock of the one watcher over all nodes; its value is the holder's node."""
    return f"watcher:{account_id}"


def notice_key(account_id: str) -> str:
    """Hash with the fields of Notice."""
    return f"notice:{account_id}"


def notice_fields(
    *, exists: int | None, unseen: int | None, uidnext: int | None, uidvalidity: int | None
) -> dict[str, int]:
    """The hash fields to HSET for a notice; the token is raised beside them by HINCRBY."""
    fields = {"exists": exists, "unseen": unseen, "uidnext": uidnext, "uidvalidity": uidvalidity}
    return {name: value for name, value in fields.items() if value is not None}


def first_token() -> int:
    """Where the tokens of a new notice begin: milliseconds of the clock, so that no token comes twice."""
    return int(time.time() * 1000)


def parse_notice(fields: Mapping[Any, Any]) -> Notice | None:
    """A notice from HGETALL's answer (bytes or text); None where there is none or where it makes no sense."""
    plain = {text_of(name): text_of(value) for name, value in fields.items()}
    known = {name: int(value) for name, value in plain.items() if name in Notice.__slots__ and value.isdigit()}
    return Notice(**known) if "token" in known else None


def parse_epoch(value: bytes | str | None) -> str:
    """An epoch from GET's answer."""
    return "0" if value is None else text_of(value)


def want_watch(redis: Redis, account_id: str) -> bool:
    """Says that a page polls; True where nobody watches the account yet."""
    pipe = redis.pipeline(transaction=False)
    pipe.exists(watcher_key(account_id))
    pipe.set(watch_key(account_id), b"1", ex=WATCH_SECONDS)
    watched, _ = pipe.execute()
    return not watched


def read_notice(redis: Redis, account_id: str) -> Notice | None:
    """The last notice of an account, or None."""
    return parse_notice(redis.hgetall(notice_key(account_id)))


def publish_notice(
    redis: Redis,
    account_id: str,
    *,
    exists: int | None = None,
    unseen: int | None = None,
    uidnext: int | None = None,
    uidvalidity: int | None = None,
) -> int:
    """Writes what a watcher saw and raises the token, which is returned."""
    key = notice_key(account_id)
    fields = notice_fields(exists=exists, unseen=unseen, uidnext=uidnext, uidvalidity=uidvalidity)
    pipe = redis.pipeline(transaction=True)
    pipe.hsetnx(key, "token", first_token())  # expired and counted anew from 1, an old page's token would match again
    pipe.hincrby(key, "token", 1)
    if fields:
        pipe.hset(key, mapping={name: str(value) for name, value in fields.items()})
    pipe.expire(key, NOTICE_SECONDS)
    return int(pipe.execute()[1])


def bump_notice(redis: Redis, account_id: str) -> int:
    """Raises the token only: after our own write every open page of the account looks again."""
    return publish_notice(redis, account_id)


def epochs(redis: Redis, account_ids: Sequence[str]) -> dict[str, str]:
    """The epochs of accounts, by id."""
    if not account_ids:
        return {}
    found: list[Any] = redis.mget([epoch_key(account_id) for account_id in account_ids])
    return {account_id: parse_epoch(value) for account_id, value in zip(account_ids, found, strict=True)}


def text_of(value: Any) -> str:
    """What Redis holds, as text: clients give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
