"""Revocation: signing out everywhere and new passwords end connections, lent ones too, with and without the message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from app.demo.redis import RedisServer
from app.keeper.epochs import Epochs
from app.keeper.process import cancel
from app.mail.errors import MailError
from app.store.notices import REVOKED_CHANNEL, epoch_key
from app.store.session import end_everywhere
from tests.conftest import MailAccount
from tests.keeper.places import KeeperProcess, login_of, until
from tests.keeper.test_pool import Bench

pytestmark = pytest.mark.servers


def test_signing_out_everywhere_ends_kept_and_lent_connections(
    keeper: KeeperProcess, mail_account: MailAccount, redis: Redis
) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login), borrower.lease(login):
        pass
    until(lambda: keeper.count("idle") == 2)
    with pytest.raises(MailError), borrower.lease(login) as client:
        end_everywhere(redis, login.account_id)
        until(lambda: keeper.count("idle", "lent") == 0)
        client.noop()


def test_another_account_is_left_alone(
    keeper: KeeperProcess, make_account: Callable[[], MailAccount], redis: Redis
) -> None:
    borrower, one, other = keeper.borrower(), login_of(make_account()), login_of(make_account())
    for login in (one, other):
        with borrower.lease(login):
            pass
    end_everywhere(redis, one.account_id)
    until(lambda: keeper.count("idle") == 1)
    time.sleep(0.2)
    with borrower.lease(other):
        pass
    assert borrower.counters().kept == 1


def test_a_connection_of_another_epoch_is_never_lent(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower = keeper.borrower()
    with borrower.lease(login_of(mail_account, epoch="0")):
        pass
    with borrower.lease(login_of(mail_account, epoch="1")):
        pass
    assert (borrower.counters().kept, mail_account.logins()) == (0, 2)


def test_a_lost_message_is_made_good_when_the_subscription_comes_back(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount, server_folder: Path
) -> None:
    server = RedisServer(server_folder / "redis", persist=True).start()
    try:
        keeper, client = make_keeper(redis_url=server.url), Redis.from_url(server.url)
        until(lambda: client.pubsub_numsub(REVOKED_CHANNEL)[0][1])  # it has compared what it had: nothing
        login = login_of(mail_account)
        with keeper.borrower().lease(login):
            pass
        client.set(epoch_key(login.account_id), "1")  # no message goes out
        time.sleep(0.3)
        assert keeper.count("idle") == 1
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        client.close()
        until(lambda: keeper.count("idle") == 0)
    finally:
        server.stop()


def test_a_redis_that_came_back_empty_ends_what_it_does_not_know(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount, server_folder: Path
) -> None:
    server = RedisServer(server_folder / "redis").start()
    try:
        keeper = make_keeper(redis_url=server.url)
        client = Redis.from_url(server.url)
        client.set(epoch_key(login_of(mail_account).account_id), "7")
        with keeper.borrower().lease(login_of(mail_account, epoch="7")):
            pass
        client.flushall()
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        client.close()
        until(lambda: keeper.count("idle") == 0)
    finally:
        server.stop()


def test_epochs_are_compared_from_time_to_time_whoever_says_nothing(redis_server: RedisServer, redis: Redis) -> None:
    async def story() -> None:
        bench, client = Bench(), AsyncRedis.from_url(redis_server.url)
        upstream = bench.opened()
        listening = asyncio.create_task(Epochs(bench.pool, client, compare=0.1).run())
        await asyncio.sleep(0.3)
        assert upstream.state == "idle"
        await client.set(epoch_key("id:1"), "1")  # and no word on the channel
        async with asyncio.timeout(20):
            while upstream.state != "closed":
                await asyncio.sleep(0.01)
        await cancel([listening])
        await client.aclose()

    asyncio.run(story())


def test_lending_goes_on_without_redis(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount, server_folder: Path
) -> None:
    server = RedisServer(server_folder / "redis").start()
    keeper = make_keeper(redis_url=server.url)
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login):
        pass
    server.stop()
    with borrower.lease(login), borrower.lease(login):  # without an answer of Redis's nobody hears `busy`
        pass
    assert (borrower.counters().direct, mail_account.logins()) == (0, 2)
    RedisServer(server_folder / "redis", port=server.port).start().stop()
