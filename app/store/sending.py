"""What Redis does for mails on their way, beside holding credentials: it wakes couriers, and it guards a mail that is
sent in the request while SQL is away. Losing it loses no mail: couriers look by themselves.
"""

from typing import Any

from redis import Redis

WAKE_CHANNEL = "outbox"
GUARD_SECONDS = 7 * 86_400
PUTTING_SECONDS = 20  # longer than SQL is waited for
_REQUEST, _ROW, _SENT = b"1", b"row", b"sent"


def wake(redis: Redis, mail_id: str) -> None:
    """Tells every courier that a mail may be due sooner than they think. Raises redis.RedisError."""
    redis.publish(WAKE_CHANNEL, mail_id)


def guard(redis: Redis, mail_id: str) -> bool:
    """Whether this request alone may send the mail: True once in seven days. Raises redis.RedisError."""
    won = bool(redis.set(_name(mail_id), _REQUEST, nx=True, ex=GUARD_SECONDS))
    redis.delete(_putting(mail_id))  # from now on that name says who sends it
    return won


def putting(redis: Redis, mail_id: str) -> None:
    """A request is about to give the mail a row. Until it knows what became of that, no courier sends it: SQL may take
    the row and fall silent, and then the request sends it by itself. Raises RedisError."""
    redis.set(_putting(mail_id), b"1", ex=PUTTING_SECONDS)


def hold(redis: Redis, mail_id: str) -> None:
    """The mail has a row, whose courier will send it: should SQL go away now, no request does; but for one that does so
    already, or has done it. Raises RedisError."""
    redis.set(_name(mail_id), _ROW, nx=True, ex=GUARD_SECONDS)
    redis.delete(_putting(mail_id))


def sent(redis: Redis, mail_id: str) -> None:
    """A request has sent the mail and filed it: a courier that finds a row of it need not wait. Raises RedisError."""
    redis.set(_name(mail_id), _SENT, ex=GUARD_SECONDS)


def is_guarded(redis: Redis, mail_id: str) -> bool:
    """Whether a request sends the mail, or may still do so. Raises redis.RedisError."""
    found: Any = redis.mget(_name(mail_id), _putting(mail_id))
    return found[0] == _REQUEST or found[1] is not None


def was_guarded(redis: Redis, mail_id: str) -> bool:
    """Whether a request has had the mail and may have sent it. Raises redis.RedisError."""
    return redis.get(_name(mail_id)) in (_REQUEST, _SENT)


def unguard(redis: Redis, mail_id: str) -> None:
    """After a certain failure: the mail may be sent again. Raises redis.RedisError."""
    redis.delete(_name(mail_id))


def _name(mail_id: str) -> str:
    return f"sending:{mail_id}"


def _putting(mail_id: str) -> str:
    return f"putting:{mail_id}"
