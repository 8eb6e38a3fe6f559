"""Watchers: one for each account over all nodes, news in Redis within seconds, an end when nobody polls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from app.demo.redis import RedisServer
from app.directory.account import Server
from app.keeper.counts import Counts
from app.keeper.lease import Login
from app.keeper.pool import Pool
from app.keeper.protocol import Wanted
from app.keeper.watch import LOOK_AGAIN, Watchers, status_counts
from app.mail.login import Credentials
from app.mail.wire import Literal
from app.store.notices import read_notice, want_watch, watch_key, watcher_key
from tests.conftest import MailAccount
from tests.keeper.places import Deadlines, KeeperProcess, Limits, login_of, place, until
from tests.proxy import Proxy
from tests.scripted import CAPABILITIES, Scripted

MAIL = b"Subject: news\r\n\r\nbody\r\n"


@pytest.mark.servers
def test_new_mail_is_told_within_five_seconds_and_polls_cost_no_command(
    keeper: KeeperProcess, mail_account: MailAccount, redis: Redis
) -> None:
    login = login_of(mail_account)
    assert want_watch(redis, login.account_id)
    keeper.borrower().watch(login)
    first = until(lambda: read_notice(redis, login.account_id))
    assert (first.exists, first.unseen) == (0, 0)
    mail_account.deliver(MAIL)
    started = time.monotonic()
    news = until(lambda: (found := read_notice(redis, login.account_id)) and found.exists == 1 and found, 5)
    assert (news.unseen, news.uidnext, news.token > first.token) == (1, 2, True)
    assert time.monotonic() - started < 5


@pytest.mark.servers
def test_one_watcher_over_all_nodes(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount, redis: Redis
) -> None:
    one, two = make_keeper(node="one"), make_keeper(node="two")
    login = login_of(mail_account)
    want_watch(redis, login.account_id)
    for keeper in (one, two, one):
        keeper.borrower().watch(login)
    until(lambda: read_notice(redis, login.account_id))
    assert (one.status()["watchers"], two.status()["watchers"], mail_account.logins()) == (1, 0, 1)
    one.stop()  # its lock goes with it
    assert redis.get(watcher_key(login.account_id)) is None
    two.borrower().watch(login)
    until(lambda: two.status()["watchers"] == 1)


@pytest.mark.servers
def test_a_watcher_ends_when_nobody_polls(keeper: KeeperProcess, mail_account: MailAccount, redis: Redis) -> None:
    login = login_of(mail_account)
    keeper.borrower().watch(login)  # `watch:<account>` is not there: nobody polls
    until(lambda: mail_account.logins() == 1)
    until(lambda: keeper.status()["watchers"] == 0)
    until(lambda: redis.get(watcher_key(login.account_id)) is None)
    until(lambda: keeper.status()["accounts"] == 0)


@pytest.mark.servers
def test_a_watcher_leaves_two_connections_for_pages(
    keeper: KeeperProcess, mail_account: MailAccount, redis: Redis
) -> None:
    login, borrower = login_of(mail_account), keeper.borrower()
    want_watch(redis, login.account_id)
    borrower.watch(login)
    until(lambda: read_notice(redis, login.account_id))
    with borrower.lease(login), borrower.lease(login):
        assert keeper.status()["watchers"] == 1


@pytest.mark.servers
def test_a_watcher_never_takes_a_page_its_mailbox(
    keeper: KeeperProcess, mail_account: MailAccount, redis: Redis
) -> None:
    login, borrower = login_of(mail_account), keeper.borrower()
    with borrower.lease(login) as client:
        client.select("Archive")
    want_watch(redis, login.account_id)
    borrower.watch(login)
    until(lambda: read_notice(redis, login.account_id))
    with borrower.lease(login) as client:
        assert client.note.selected == "Archive"


@pytest.mark.servers
def test_a_watcher_whose_connection_dies_gives_its_lock_away(
    keeper: KeeperProcess, mail_account: MailAccount, redis: Redis
) -> None:
    with Proxy(mail_account.server.imap_port) as proxy:
        login = login_of(mail_account, port=proxy.port)
        redis.set(watch_key(login.account_id), "1", ex=60)
        keeper.borrower().watch(login)
        until(lambda: read_notice(redis, login.account_id))
        time.sleep(0.3)
        proxy.cut()
        until(lambda: keeper.status()["watchers"] == 0)
    assert redis.get(watcher_key(login.account_id)) is None


@pytest.mark.servers
def test_a_watcher_leaves_a_connection_that_is_just_coming_back_to_the_next_page(
    redis_server: RedisServer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.keeper.pool.GRACE_SECONDS", 5.0)

    async def story() -> None:
        client, credentials = AsyncRedis.from_url(redis_server.url), Credentials("odd", "secret")
        pool = Pool(Limits(), Deadlines(), Counts(None, node="test", total=8))
        wanted = Wanted.parse(odd(server).message("lease", b"k"))
        page = await pool.acquire(wanted, credentials)
        pool.lend(page)
        watchers = Watchers(pool, client, member="one")
        watchers.start(wanted, credentials)
        for _ in range(5):
            await asyncio.sleep(0)
        pool.take_back(page, replace(page.note))
        async with asyncio.timeout(20):
            await told(server, "EXAMINE", times=1)
        assert (server.names().count("AUTHENTICATE"), page.state) == (2, "idle")
        await watchers.close()
        pool.close()
        await client.aclose()

    with Scripted() as server:
        asyncio.run(story())


def odd(server: Scripted, password: str = "secret") -> Login:
    return Login(Server("odd", place(server.port)), "id:odd", "odd", password)


def ask_for_watchers(keeper: KeeperProcess, redis: Redis, login: Login, *, times: int) -> None:
    """As pages do that go on polling while each watcher ends."""
    for _ in range(times):
        redis.set(watch_key(login.account_id), "1", ex=60)
        keeper.borrower().watch(login)
        time.sleep(0.1)
        until(lambda: keeper.status()["watchers"] == 0)


@pytest.mark.servers
def test_a_refused_login_of_a_watcher_is_not_tried_again_with_the_same_password(
    keeper: KeeperProcess, redis: Redis
) -> None:
    with Scripted({"AUTHENTICATE": b"%t NO [AUTHENTICATIONFAILED] no\r\n"}) as server:
        ask_for_watchers(keeper, redis, odd(server), times=3)
        assert server.names() == ["AUTHENTICATE"]
        ask_for_watchers(keeper, redis, odd(server, "another"), times=2)
        assert server.names() == ["AUTHENTICATE"] * 2


@pytest.mark.servers
@pytest.mark.parametrize("answer", [b"%t BAD what\r\n", b"%t NO not here\r\n", b"%t OK done\r\n"])
def test_a_server_that_refuses_idle_is_asked_once_for_all_its_accounts(
    make_keeper: Callable[..., KeeperProcess], redis: Redis, answer: bytes
) -> None:
    keeper = make_keeper(park_after=0.1)
    with Scripted({"IDLE": answer}, capabilities=CAPABILITIES + b" IDLE") as server:
        ended = answer.startswith(b"%t BAD")
        login = odd(server)
        redis.set(watch_key(login.account_id), "1", ex=60)
        keeper.borrower().watch(login)
        until(lambda: "IDLE" in server.names())
        until(lambda: keeper.status()["watchers"] == (0 if ended else 1))
        keeper.borrower().watch(login)
        for name in ("one", "two"):
            with keeper.borrower().lease(replace(login, account_id=name)):
                pass
        until(lambda: (keeper.count("idle"), keeper.status()["watchers"]) == (3, 1))
        time.sleep(0.3)  # time enough to park, were it done
        assert server.names().count("IDLE") == 1
        assert (keeper.count("idle"), keeper.status()["watchers"]) == (3, 1)
        assert server.connections == (4 if ended else 3)


@pytest.mark.servers
def test_a_server_that_refused_idle_is_asked_again_after_a_while(
    redis_server: RedisServer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.keeper.upstream.WITHOUT_IDLE", 0.3)
    with Scripted({"IDLE": b"%t NO not now\r\n"}, capabilities=CAPABILITIES + b" IDLE") as server:
        watched(redis_server, server, lambda _: told(server, "IDLE", times=2))
        assert "NOOP" in server.names()[server.names().index("IDLE") :]  # meanwhile it looks by itself


def watched(
    redis_server: RedisServer, server: Scripted, while_it_lasts: Callable[[Watchers], Coroutine[None, None, None]]
) -> None:
    """A watcher inside this process that looks after its lock ten times a second."""

    async def story() -> None:
        client = AsyncRedis.from_url(redis_server.url)
        pool = Pool(Limits(), Deadlines(), Counts(None, node="test", total=8))
        watchers = Watchers(pool, client, member="one", renew=0.1)
        wanted = Wanted.parse(odd(server).message("watch", b"k"))
        await client.set(watch_key("id:odd"), "1", ex=60)
        assert await watchers.may(wanted)
        watchers.start(wanted, Credentials("odd", "secret"))
        async with asyncio.timeout(10):
            await while_it_lasts(watchers)
        await watchers.close()
        await client.aclose()

    asyncio.run(story())


async def told(server: Scripted, name: str, *, times: int) -> None:
    while server.names().count(name) < times:
        await asyncio.sleep(0.01)


@pytest.mark.servers
def test_a_watcher_whose_lock_is_anothers_ends_and_leaves_it(redis_server: RedisServer, redis: Redis) -> None:
    with Scripted() as server:

        async def taken(watchers: Watchers) -> None:
            await told(server, "NOOP", times=1)
            redis.set(watcher_key("id:odd"), "two")
            while watchers.count:
                await asyncio.sleep(0.01)

        watched(redis_server, server, taken)
        assert redis.get(watcher_key("id:odd")) == b"two"


@pytest.mark.servers
def test_without_idle_a_watcher_asks_again_and_again(redis_server: RedisServer, redis: Redis) -> None:
    with Scripted() as server:
        watched(redis_server, server, lambda _: told(server, "NOOP", times=3))
        assert "IDLE" not in server.names()


@pytest.mark.servers
def test_a_watcher_looks_by_itself_even_where_idle_tells_nothing(
    redis_server: RedisServer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LOOK_AGAIN < 300, "Dovecot hibernates a connection after five minutes, and loses what comes just before"
    monkeypatch.setattr("app.keeper.watch.LOOK_AGAIN", 0.2)
    with Scripted(capabilities=CAPABILITIES + b" IDLE") as server:
        watched(redis_server, server, lambda _: told(server, "STATUS", times=3))
        assert server.names().count("IDLE") >= 2


def test_counts_are_read_from_status_with_a_quoted_or_literal_name() -> None:
    wanted = {"exists": 3, "unseen": 1, "uidnext": 9, "uidvalidity": 5}
    items = b"(MESSAGES 3 UIDNEXT 9 UIDVALIDITY 5 UNSEEN 1)"
    assert status_counts([(b"* STATUS INBOX " + items,)]) == wanted
    assert status_counts([(b'* STATUS "INBOX" ' + items,)]) == wanted
    assert status_counts([(b"* STATUS {5}", Literal(b"INBOX"), b" " + items)]) == wanted
    assert status_counts([(b"* 3 EXISTS",)]) == {}
    assert status_counts([(b"* STATUS INBOX (MESSAGES %b UNSEEN 1)" % (b"9" * 5000),)]) == {"unseen": 1}
