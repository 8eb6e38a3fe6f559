"""The pool alone, on pairs of sockets: what is ended, what is lent, who is next."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Coroutine
from dataclasses import replace

import pytest

from app.directory.account import Endpoint, Server
from app.keeper.channel import Channel
from app.keeper.counts import Counts
from app.keeper.pool import Pool
from app.keeper.protocol import Login, Wanted
from app.keeper.upstream import Upstream
from app.mail.errors import ConnectionLost, MailError, ServerAway, TooManyConnections
from app.mail.login import Credentials
from app.mail.note import Note
from tests.keeper.places import Deadlines, Limits

LOGIN = Login(Server("1", Endpoint("imap.example", 143, "plain")), "id:1", "alice", "secret")


class Bench:
    """A pool whose connections lead to the other ends of pairs of sockets."""

    def __init__(self, **limits: float) -> None:
        self.pool = Pool(Limits(**limits), Deadlines(), Counts(None, node="test", total=8))  # type: ignore[arg-type]
        self.servers: list[socket.socket] = []

    def wanted(self, login: Login = LOGIN) -> Wanted:
        return Wanted.parse(login.message("lease", b"k"))

    def opened(self, login: Login = LOGIN, capabilities: tuple[str, ...] = ("IDLE",)) -> Upstream:
        """A connection as a login makes it: slot reserved, known to the pool, kept."""
        ours, server = socket.socketpair()
        ours.setblocking(False)
        self.servers.append(server)
        wanted = self.wanted(login)
        assert self.pool._reserve(wanted)
        note = Note(capabilities=capabilities, authenticated_at=time.time())
        upstream = Upstream(Channel(ours), note, wanted)
        upstream.on_end = self.pool._ended
        self.pool._all.add(upstream)
        upstream.watch()
        self.pool.keep(upstream)
        return upstream


def run(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 10))


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_ended_before_it_could_be_lent_is_not_lent_and_not_counted() -> None:
    async def story() -> None:
        bench = Bench()
        upstream = bench.opened()
        assert bench.pool.take_ready(bench.wanted()) is upstream
        upstream.close()
        with pytest.raises(ConnectionLost):
            bench.pool.lend(upstream)
        assert not bench.pool._books.lent and not bench.pool._books.accounts and not bench.pool.everything()

    run(story())


def test_everything_that_ends_gives_its_slot_back_once() -> None:
    async def story() -> None:
        bench = Bench()
        kept, lent = bench.opened(), bench.opened()
        assert bench.pool.take_ready(bench.wanted()) is lent
        bench.pool.lend(lent)
        for upstream in (kept, lent, lent):
            upstream.close()
        assert not bench.pool._books.accounts and not bench.pool._books.places and not bench.pool._books.lent

    run(story())


def test_the_connection_used_last_is_lent_first_and_the_longest_unused_one_ended_first() -> None:
    async def story() -> None:
        bench = Bench(account_per_node=2)
        first, second = bench.opened(), bench.opened()
        first.last_used -= 10
        assert bench.pool._reserve(bench.wanted())
        assert (first.state, second.state) == ("closed", "idle")
        assert bench.pool.take_ready(bench.wanted()) is second

    run(story())


def test_a_connection_is_found_by_its_whole_key_and_epoch_only() -> None:
    async def story() -> None:
        bench = Bench()
        bench.opened()
        others = (
            replace(LOGIN, password="x"),
            replace(LOGIN, login="bob"),
            replace(LOGIN, account_id="id:2"),
            replace(LOGIN, server=replace(LOGIN.server, id="2")),
        )
        for other in others:
            assert bench.pool.take_ready(bench.wanted(other)) is None
        assert bench.pool.take_ready(bench.wanted(replace(LOGIN, epoch="1"))) is None
        assert not bench.pool.everything()  # of an epoch that is over: ended

    run(story())


def test_what_the_server_says_while_nobody_uses_it_is_in_the_note() -> None:
    async def story() -> None:
        bench = Bench()
        upstream = bench.opened()
        bench.servers[0].sendall(b"* 3 EXISTS\r\n* 1 EXPUNGE\r\n* 5 EX")
        await asyncio.sleep(0.02)
        assert upstream.note.exists == 2
        bench.pool.take_ready(bench.wanted())
        bench.pool.lend(upstream)
        assert upstream.note.rest == b"* 5 EX"

    run(story())


@pytest.mark.parametrize("said", [b"* BYE bye\r\n", b"L1x3 OK late\r\n", b"+ what\r\n", b"* NO broken\r\n", b""])
def test_what_must_not_be_said_while_nobody_asks_ends_it(said: bytes) -> None:
    async def story() -> None:
        bench = Bench()
        upstream = bench.opened()
        bench.servers[0].sendall(said)
        if not said:
            bench.servers[0].close()
        await asyncio.sleep(0.02)
        assert upstream.state == "closed"
        assert bench.pool.take_ready(bench.wanted()) is None

    run(story())


def test_a_hand_back_of_another_lease_ends_the_connection() -> None:
    async def story() -> None:
        bench = Bench()
        upstream = bench.opened()
        bench.pool.take_ready(bench.wanted())
        bench.pool.lend(upstream)
        bench.pool.take_back(upstream, replace(upstream.note, lease=upstream.lease - 1))
        assert upstream.state == "closed" and not bench.pool._books.lent

    run(story())


@pytest.mark.parametrize(
    ("change", "selected"),
    [({}, "INBOX"), ({"uidvalidity": None}, None), ({"uidnotsticky": True}, None)],
)
def test_a_selection_is_kept_only_where_uids_last(change: dict[str, object], selected: str | None) -> None:
    async def story() -> None:
        bench = Bench()
        upstream = bench.opened()
        bench.pool.take_ready(bench.wanted())
        bench.pool.lend(upstream)
        note = replace(upstream.note, selected="INBOX", uidvalidity=9)
        bench.pool.take_back(upstream, replace(note, **change))  # type: ignore[arg-type]
        assert (upstream.state, upstream.note.selected) == ("idle", selected)

    run(story())


def test_a_socket_that_its_worker_made_blocking_is_not_so_any_more() -> None:
    async def story() -> None:
        bench = Bench()
        upstream = bench.opened()
        bench.pool.take_ready(bench.wanted())
        number, _ = bench.pool.lend(upstream)
        os.set_blocking(number, True)
        bench.pool.take_back(upstream, replace(upstream.note))
        assert not os.get_blocking(number)

    run(story())


def test_a_revoked_connection_is_ended_for_every_holder_of_its_descriptor() -> None:
    async def story() -> None:
        bench = Bench()
        upstream = bench.opened()
        bench.pool.take_ready(bench.wanted())
        number, _ = bench.pool.lend(upstream)
        worker = socket.socket(fileno=os.dup(number))
        bench.pool.end_revoked({"id:1": "0"})
        assert upstream.state == "lent"
        bench.pool.end_revoked({"id:1": "1"})
        worker.settimeout(1)
        assert worker.recv(1) == b""
        with pytest.raises(OSError):
            worker.send(b"A1 NOOP\r\n")
        worker.close()

    run(story())


def test_unused_connections_are_parked_where_the_server_has_idle_and_ended_when_old() -> None:
    async def story() -> None:
        bench = Bench(park_after=0)
        parks, stays = bench.opened(), bench.opened(capabilities=())
        bench.pool.sweep()
        await turn()
        assert (parks.state, stays.state) == ("parking", "idle")
        bench.servers[0].sendall(b"+ idling\r\n")
        await asyncio.sleep(0.02)
        assert parks.state == "parked"
        parks.opened -= 1000
        bench.pool.sweep()
        assert (parks.state, stays.state) == ("closed", "idle")

    run(story())


def test_a_clock_that_is_set_back_keeps_no_connection_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        bench = Bench()
        upstream = bench.opened()
        upstream.opened -= 1000
        monkeypatch.setattr(time, "time", lambda: 0.0)
        assert bench.pool.take_ready(bench.wanted()) is None
        assert upstream.state == "closed"

    run(story())


async def told(bench: Bench) -> MailError:
    """What a borrower is told who finds no place for a tenth of a second."""
    with pytest.raises(MailError) as error:
        await bench.pool.acquire(bench.wanted(), Credentials("alice", "secret"), until=time.monotonic() + 0.1)
    return error.value


def test_who_finds_no_place_is_told_whether_that_is_the_mail_servers_fault() -> None:
    """Places that change hands are too many connections; one lent for seconds, or a login that hangs, is not."""

    async def story() -> None:
        bench = Bench(account_per_node=2)
        lent = bench.opened()
        for upstream in (lent, bench.opened()):
            bench.pool._unkeep(upstream)
            bench.pool.lend(upstream)
            upstream.last_used += 60  # just now, however long this process may be kept waiting
        assert type(await told(bench)) is TooManyConnections
        lent.last_used -= 62
        assert type(await told(bench)) is ServerAway
        lent.last_used += 62
        stranger = (time.monotonic() - 2, bench.wanted(replace(LOGIN, account_id="id:2")))
        bench.pool._logins._begun.add(stranger)
        assert type(await told(bench)) is TooManyConnections, "another's login"
        bench.pool._logins._begun.add((time.monotonic() - 2, bench.wanted()))
        assert type(await told(bench)) is ServerAway

    run(story())


def test_a_mail_server_that_is_full_of_others_is_not_called_the_persons_own_connections() -> None:
    async def story() -> None:
        bench = Bench(server_total=1)
        other = bench.opened(replace(LOGIN, account_id="id:2", login="bob"))
        bench.pool._unkeep(other)
        bench.pool.lend(other)
        assert type(await told(bench)) is ServerAway

    run(story())
