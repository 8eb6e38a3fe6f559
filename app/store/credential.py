"""The credential of a mail on its way: the one secret that the server alone can open.

For the time of undo it lies in Redis, ten minutes at most, under the server's key; for a mail that is sent later, in
the mail's row under POSTERN_OUTBOX_KEY. It opens only for the account, the mail servers, the Message-ID and the bytes
that it was sealed for, and counts only in the epoch in which it was sealed: signing out everywhere ends it.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from app.store.seal import BrokenSeal, Keyring, derive, measured, seal, unseal

MOST_SECONDS = 600
_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Bound:
    """What a credential is sealed for. `servers`: the endpoints it may be sent to, as text."""

    account_id: str
    servers: str
    message_id: str
    sha256: str

    def mark(self) -> bytes:
        return b"outbox " + measured(self.account_id, self.servers, self.message_id, self.sha256)


@dataclass(frozen=True, slots=True)
class Credential:
    """The user's own password and the account's epoch when it was sealed."""

    password: str = field(repr=False)
    epoch: str


def seal_credential(ring: Keyring, credential: Credential, bound: Bound) -> bytes:
    """The credential as it may lie in Redis or in SQL."""
    plain = json.dumps([credential.password, credential.epoch]).encode()
    return ring.current_id.encode() + seal(_key(ring.current), plain, bound.mark())


def open_credential(ring: Keyring, sealed: bytes, bound: Bound) -> Credential:
    """Raises BrokenSeal: another key, another mail, another server, or changed on the way."""
    secret = ring.secret(sealed[:_ID_BYTES].decode("ascii", "replace"))
    password, epoch = json.loads(unseal(_key(secret), sealed[_ID_BYTES:], bound.mark()))
    if not (isinstance(password, str) and isinstance(epoch, str)):
        raise BrokenSeal("not a credential")
    return Credential(password, epoch)


def _key(secret: bytes) -> bytes:
    return derive(secret, "outbox credential")


def keep(redis: Redis, mail_id: str, sealed: bytes, *, seconds: float = MOST_SECONDS) -> None:
    """Keeps a sealed credential for a mail, ten minutes at most. Raises redis.RedisError."""
    redis.set(_name(mail_id), sealed, px=max(1, round(min(seconds, MOST_SECONDS) * 1000)))


def kept(redis: Redis, mail_id: str) -> bytes | None:
    """The sealed credential of a mail, None where there is none (any more). Raises redis.RedisError."""
    found: Any = redis.get(_name(mail_id))
    return found if isinstance(found, bytes) else None


def wipe(redis: Redis, *mail_ids: str) -> None:
    """Takes the credentials of mails away. Raises redis.RedisError."""
    if mail_ids:
        redis.delete(*map(_name, mail_ids))


def _name(mail_id: str) -> str:
    return f"outbox:{mail_id}"
