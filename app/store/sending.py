"""What Redis does for mails on their way, beside holding credentials: it wakes couriers, and it guards a mail that is
sent in the request while SQL is away. Losing it loses no mail: couriers look by themselves.
"""

from redis import Redis

WAKE_CHANNEL = "outbox"
GUARD_SECONDS = 7 * 86_400
_REQUEST, _ROW = b"1", b"row"


def wake(redis: Redis, mail_id: str) -> None:
    """Tells every courier that a mail may be due sooner than they think. Raises redis.RedisError."""
    redis.publish(WAKE_CHANNEL, mail_id)


def guard(redis: Redis, mail_id: str) -> bool:
    """Whether this request alone may send the mail: True once in seven days. Raises redis.RedisError."""
    return bool(redis.set(_name(mail_id), _REQUEST, nx=True, ex=GUARD_SECONDS))


def hold(redis: Redis, mail_id: str) -> None:
    """The mail has a row, whose courier will send it: should SQL go away now, no request does. Raises RedisError."""
    redis.set(_name(mail_id), _ROW, ex=GUARD_SECONDS)


def is_guarded(redis: Redis, mail_id: str) -> bool:
    """Whether a request sends the mail, or has sent it. Raises redis.RedisError."""
    return redis.get(_name(mail_id)) == _REQUEST


def unguard(redis: Redis, mail_id: str) -> None:
    """After a certain failure: the mail may be sent again. Raises redis.RedisError."""
    redis.delete(_name(mail_id))


def _name(mail_id: str) -> str:
    return f"sending:{mail_id}"
