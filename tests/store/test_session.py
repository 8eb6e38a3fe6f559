"""Sessions in Redis: what lies there, how it ends, and what it costs."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis, RedisError

from app.demo.redis import RedisServer
from app.store import session
from app.store.connect import connect
from app.store.notices import epoch_key, publish_notice, read_notice
from app.store.seal import BrokenSeal, Keyring
from app.store.session import Record

pytestmark = pytest.mark.servers

RING = Keyring((b"k" * 32, b"o" * 32))
NOW = int(time.time())


def record(ring: Keyring = RING, secret: bytes = b"", password: str | None = None, **changes: object) -> Record:
    fields: dict[str, object] = {
        "account_id": "7", "account": "{}", "created": NOW, "until": NOW + 43200, "idle": 1800, "epoch": "0",
        "checked": NOW, "network": "192.0.2.7", "agent": "Firefox", "key": ring.current_id, "sealed": None,
    }  # fmt: skip
    if password is not None:
        fields["sealed"] = session.seal_password(ring, secret, str(changes.get("account", "{}")), password)
    return Record(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def begin(redis: Redis) -> Callable[..., bytes]:
    def make(**changes: object) -> bytes:
        secret = session.new_secret()
        session.create(redis, secret, record(**changes))  # type: ignore[arg-type]
        return secret

    return make


def test_a_session_is_found_by_its_secret_only(redis: Redis, begin: Callable[..., bytes]) -> None:
    secret = begin()
    found = session.read(redis, secret, now=NOW, touch=True)
    assert found == record()
    assert session.read(redis, session.new_secret(), now=NOW, touch=True) is None
    assert secret.hex() not in str(redis.keys("*"))


def test_redis_and_the_servers_key_do_not_open_the_password(redis: Redis) -> None:
    secret = session.new_secret()
    kept = record(secret=secret, password="pässword-canary")
    session.create(redis, secret, kept)
    dump = b"".join(redis.dump(key) or b"" for key in redis.keys("*"))
    assert b"canary" not in dump
    assert session.unseal_password(RING, secret, kept) == "pässword-canary"
    with pytest.raises(BrokenSeal):
        session.unseal_password(RING, session.new_secret(), kept)


def test_the_cookie_without_the_servers_key_opens_nothing() -> None:
    secret = session.new_secret()
    kept = record(secret=secret, password="x")
    with pytest.raises(BrokenSeal):
        session.unseal_password(Keyring((b"z" * 32,)), secret, kept)


def test_a_password_moved_to_another_account_does_not_open() -> None:
    secret = session.new_secret()
    kept = record(secret=secret, password="x")
    with pytest.raises(BrokenSeal):
        session.unseal_password(RING, secret, record(account='{"id":"8"}', sealed=kept.sealed))


def test_the_servers_key_changes_without_signing_out() -> None:
    secret, old = session.new_secret(), Keyring((b"o" * 32,))
    kept = record(old, secret, "x")
    assert session.unseal_password(RING, secret, kept) == "x"


def test_reading_is_one_round_trip(redis: Redis, begin: Callable[..., bytes]) -> None:
    secret = begin()
    session.read(redis, secret, now=NOW, touch=True)
    redis.config_resetstat()
    session.read(redis, secret, now=NOW, touch=True)
    calls = {name.removeprefix("cmdstat_"): told["calls"] for name, told in redis.info("commandstats").items()}
    del calls["config|resetstat"]
    # One command on the wire; Redis counts what the script calls as well.
    assert calls == {"evalsha": 1, "time": 1, "get": 2, "hgetall": 1, "expire": 2, "pfadd": 1}


def test_the_accounts_last_notice_comes_with_the_session(redis: Redis, begin: Callable[..., bytes]) -> None:
    secret = begin()
    record = session.read(redis, secret, now=NOW, touch=True)
    assert record
    assert session.read_with_notice(redis, secret, now=NOW, touch=False) == (record, None)
    publish_notice(redis, record.account_id, exists=3, unseen=1, uidnext=4, uidvalidity=9)
    told = read_notice(redis, record.account_id)
    assert told and told.exists == 3
    assert session.read_with_notice(redis, secret, now=NOW, touch=False) == (record, told)


def test_use_extends_the_life_and_a_poll_does_not(redis: Redis, begin: Callable[..., bytes]) -> None:
    secret = begin()
    key = session.session_key(session.digest(secret))
    redis.expire(key, 100)
    session.read(redis, secret, now=NOW, touch=False)
    assert redis.ttl(key) <= 100
    session.read(redis, secret, now=NOW, touch=True)
    assert redis.ttl(key) > 1700


def test_no_use_extends_it_beyond_the_absolute_end_by_the_clock_of_redis(
    redis: Redis, begin: Callable[..., bytes]
) -> None:
    living, ended = begin(until=NOW + 3600), begin(until=NOW)
    assert session.read(redis, living, now=NOW + 86400, touch=True)
    assert session.read(redis, ended, now=NOW - 86400, touch=True) is None
    assert not redis.exists(session.session_key(session.digest(ended)))


def test_a_new_epoch_ends_all_sessions_of_the_account_and_no_others(redis: Redis, begin: Callable[..., bytes]) -> None:
    mine, others = [begin(), begin()], begin(account_id="8")
    redis.incr(epoch_key("7"))
    assert [session.read(redis, secret, now=NOW, touch=True) for secret in mine] == [None, None]
    assert session.read(redis, others, now=NOW, touch=True)


def test_signing_out_everywhere_leaves_nothing_and_tells_the_keepers(redis: Redis, begin: Callable[..., bytes]) -> None:
    begin()
    begin()
    with redis.pubsub() as channel:
        channel.subscribe("revoked")
        channel.get_message(timeout=10)
        session.end_everywhere(redis, "7")
        message = channel.get_message(timeout=10)
    assert message is not None and message["data"] == b"7"
    assert not redis.keys("s:*") and not redis.keys("u:*")
    assert redis.get("epoch:7") == b"1"


def test_only_the_last_session_of_an_account_takes_its_connections_along(
    redis: Redis, begin: Callable[..., bytes]
) -> None:
    one, two = begin(), begin()
    session.end(redis, session.digest(one), "7")
    assert redis.get("epoch:7") is None
    assert session.read(redis, two, now=NOW, touch=True)
    session.end(redis, session.digest(two), "7")
    assert redis.get("epoch:7") == b"1"


def test_sessions_of_an_account_ask_the_directory_anew_and_live_as_long_as_before(
    redis: Redis, begin: Callable[..., bytes]
) -> None:
    mine, other, ended = begin(), begin(account_id="8"), begin()
    session.end(redis, session.digest(ended), "7")
    redis.expire(session.session_key(session.digest(mine)), 77)
    session.recheck(redis, "7")
    found = [session.read(redis, each, now=NOW, touch=False) for each in (mine, other, ended)]
    assert found[0] is not None and found[0].checked == 0 and found[1] is not None and found[1].checked == NOW
    assert found[2] is None and 0 < redis.ttl(session.session_key(session.digest(mine))) <= 77  # type: ignore[operator]


def test_an_ended_session_does_not_come_back_by_a_late_rewrite(redis: Redis, begin: Callable[..., bytes]) -> None:
    secret = begin()
    found = session.read(redis, secret, now=NOW, touch=True)
    assert found
    session.end(redis, session.digest(secret), "7")
    session.rewrite(redis, secret, found)
    assert session.read(redis, secret, now=NOW, touch=True) is None


def test_a_rewrite_leaves_the_life_as_it_is(redis: Redis, begin: Callable[..., bytes]) -> None:
    secret = begin()
    key = session.session_key(session.digest(secret))
    redis.expire(key, 50)
    session.rewrite(redis, secret, record(checked=NOW + 60))
    assert 0 < redis.ttl(key) <= 50


def test_the_list_shows_living_sessions_of_the_account_the_last_used_first(
    redis: Redis, begin: Callable[..., bytes]
) -> None:
    first, second, ended = begin(created=NOW - 1000), begin(created=NOW - 1000), begin()
    begin(account_id="8")
    session.end(redis, session.digest(ended), "7")
    redis.expire(session.session_key(session.digest(first)), 1800 - 300)
    listed = session.of_account(redis, "7", now=NOW)
    assert [each.digest for each in listed] == [session.digest(second), session.digest(first)]
    assert abs(listed[1].last_used - (NOW - 300)) <= 1


def test_an_account_has_no_more_than_so_many_sessions_and_those_go_that_end_first(
    redis: Redis, begin: Callable[..., bytes]
) -> None:
    kept = begin(until=NOW + 86400)
    made = [begin(until=NOW + 3600 + number) for number in range(session.MOST + 20)]
    begin(account_id="8")
    assert len(session.of_account(redis, "7", now=NOW)) == session.MOST
    assert len(redis.keys("s:*")) == session.MOST + 1
    told = (made[0], made[20], made[21], made[-1], kept)
    living = [session.read(redis, each, now=NOW, touch=False) is not None for each in told]
    assert living == [False, False, True, True, True]


def test_a_record_of_another_shape_is_no_session(redis: Redis, begin: Callable[..., bytes]) -> None:
    secret = begin()
    key = session.session_key(session.digest(secret))
    good = json.loads(redis.get(key) or b"{}")
    for broken in ({**good, "created": "x"}, {**good, "more": 1}, {**good, "sealed": 5}, {**good, "account": 1}):
        redis.set(key, json.dumps(broken))
        assert session.read(redis, secret, now=NOW, touch=True) is None


def test_active_sessions_are_counted_once(redis: Redis, begin: Callable[..., bytes]) -> None:
    secrets = [begin() for _ in range(5)]
    for _ in range(3):
        for secret in secrets:
            session.read(redis, secret, now=NOW, touch=True)
    assert session.active(redis, now=NOW) == 5


def test_a_full_redis_still_reads_and_signs_out(redis: Redis, begin: Callable[..., bytes]) -> None:
    secret, other = begin(), begin()
    redis.config_set("maxmemory", "1")
    try:
        assert session.read(redis, secret, now=NOW, touch=True)
        session.end(redis, session.digest(secret), "7")
        with pytest.raises(RedisError):  # the epoch could not be raised, and that is said
            session.end_everywhere(redis, "7")
    finally:
        redis.config_set("maxmemory", "0")
    assert session.read(redis, secret, now=NOW, touch=True) is None
    assert session.read(redis, other, now=NOW, touch=True) is None


def test_a_replica_still_reads(redis: Redis, begin: Callable[..., bytes], server_folder: Path) -> None:
    secret = begin()
    dump = redis.dump(session.session_key(session.digest(secret)))
    replica = RedisServer(server_folder).start()
    client = connect(replica.url)
    try:
        client.restore(session.session_key(session.digest(secret)), 100_000, dump)  # type: ignore[arg-type]
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        assert session.read(client, secret, now=NOW, touch=True)
        with pytest.raises(RedisError):
            session.end(client, session.digest(secret), "7")
    finally:
        client.close()
        replica.stop()
