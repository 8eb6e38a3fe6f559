"""How large a message a submission server takes (SIZE, RFC 1870), as somebody was told who asked it.

It is asked at most once an hour over all nodes, and beside a request, never in it. No error leaves this module: without
an answer the limit is ours alone, and the server still has its say when the message is sent.
"""

from contextlib import suppress

from redis import Redis, RedisError

ASK_SECONDS, AGAIN_SECONDS = 3600, 300  # between two times; after one that failed
KEPT_SECONDS = 7 * 86_400


def recall(redis: Redis, server: str) -> tuple[int | None, bool]:
    """The octets that were told, None where nobody knows; and whether the caller is the one who should ask now."""
    pipe = redis.pipeline(transaction=False)
    pipe.get(_known(server))
    pipe.set(_asked(server), b"1", nx=True, ex=ASK_SECONDS)
    try:
        told, first = pipe.execute()
    except RedisError:
        return None, False
    return (int(told) or None if told and told.isdigit() else None), bool(first)


def remember(redis: Redis, server: str, octets: int | None) -> None:
    """What the server said; None: that it names no limit."""
    with suppress(RedisError):
        redis.set(_known(server), octets or 0, ex=KEPT_SECONDS)


def failed(redis: Redis, server: str) -> None:
    """The server did not answer: what was known holds, and it is asked again sooner."""
    with suppress(RedisError):
        redis.expire(_asked(server), AGAIN_SECONDS)


def _known(server: str) -> str:
    return f"largest:{server}"


def _asked(server: str) -> str:
    return f"largest-asked:{server}"
