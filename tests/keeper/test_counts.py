"""The limit of one account over all nodes, kept in Redis by several keepers."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from app.demo.redis import RedisServer
from app.keeper.counts import MEMBERS, Counts
from app.mail.errors import ServerAway
from tests.conftest import MailAccount
from tests.keeper.places import KeeperProcess, login_of, until

pytestmark = pytest.mark.servers


def test_lent_connections_of_all_nodes_count_together(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    one, two = (make_keeper(node=name, account_total=4) for name in ("one", "two"))
    login = login_of(mail_account)
    with ExitStack() as stack:
        for keeper in (one, one, one, two):
            stack.enter_context(keeper.borrower().lease(login))
        # Held for longer than a lease ever takes: the mail server is slow, not the person at fault.
        with pytest.raises(ServerAway), two.borrower().lease(login):
            raise AssertionError("a fifth")
    with two.borrower().lease(login):
        pass
    assert mail_account.logins() <= 5


def test_an_unused_connection_of_another_node_makes_room(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    one, two = (make_keeper(node=name, account_total=2) for name in ("one", "two"))
    login = login_of(mail_account)
    with one.borrower().lease(login), one.borrower().lease(login):
        pass
    with two.borrower().lease(login) as client:
        client.noop()
    until(lambda: (one.count("idle"), two.count("idle")) == (1, 1))  # a hand-back is heard a moment later


def test_a_node_whose_clock_is_wrong_counts_and_is_counted(redis_server: RedisServer, redis: Redis) -> None:
    async def story() -> bool:
        client = AsyncRedis.from_url(redis_server.url)
        behind = Counts(client, node="behind", total=2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", lambda: 1_000_000_000.0)
            await behind.beat({"id:1": (2, 0.0)})
        here = Counts(client, node="here", total=2)
        await here.beat({})
        allowed = await here.claim("id:1", 1)
        await client.aclose()
        return allowed

    assert not asyncio.run(story())
    assert redis.zcard(MEMBERS) == 2


def test_the_counts_of_a_killed_keeper_are_deleted_by_its_successor(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount, redis: Redis
) -> None:
    first = make_keeper(node="one", account_total=2)
    login = login_of(mail_account)
    with first.borrower().lease(login), first.borrower().lease(login):
        first.kill()
    second = make_keeper(node="one", account_total=2)
    until(lambda: [each.decode() for each in redis.zrange(MEMBERS, 0, -1)] == [f"one/{second.pid}"])  # type: ignore[union-attr]
    with second.borrower().lease(login):  # were those counted, it would hear `busy` after two seconds
        pass


def test_an_orderly_end_leaves_nothing_in_redis(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount, redis: Redis
) -> None:
    keeper = make_keeper()
    with keeper.borrower().lease(login_of(mail_account)):
        pass
    until(lambda: redis.keys("keeper:*"))
    keeper.stop()
    assert redis.keys("keeper*") == []


def test_two_keepers_of_one_node_overlap_and_the_old_one_leaves_the_new_ones_socket(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    login = login_of(mail_account)
    old = make_keeper(node="one")
    borrower = old.borrower()
    with borrower.lease(login) as client:
        new = make_keeper(node="one", folder=old.path.parent.parent)
        old.signal(signal.SIGTERM)
        client.noop()  # the old one lets its lease end by itself
        with borrower.lease(login):
            pass
    assert old.process is not None and old.process.wait(10) == 0
    with borrower.lease(login):
        pass
    assert new.status()["pid"] == new.pid
    assert borrower.counters().direct == 0
