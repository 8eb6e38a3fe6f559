"""The pool: which connections exist, who may have one, who waits.

Design. A connection is found by its key alone: server, how that is reached and trusted, account, login and the keyed
digest of the password; so a wrong or an old password never finds a kept one. It is in exactly one place: `_kept` (ours:
idle or parked), lent, being woken or watching; `_all` holds every open one. A *slot* is the right to have one more
connection. It is reserved before a login begins, counted per account and per mail server, and given back when the login
fails or the connection ends, whatever ends it (`_ended` is the only place). Where no slot is free, an unused connection
of the same account, or the longest unused one of the same mail server, is ended for it; else the borrower waits, in
order, for 2 s. Whatever changes calls `_changed`, which serves the queue in the next round of the event loop: never
from inside another change.
Nothing here awaits Redis while it holds a connection; the limit over all nodes is asked for before a login only.
A login is a task of its own: its borrower may be told before it ends (a page waits 3 s, a slow login takes 5), and then
its connection is kept for the next.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator

from app.keeper.breaker import HANGING
from app.keeper.counts import Counts
from app.keeper.logins import Logins
from app.keeper.protocol import Deadlines, Key, Limits, Wanted
from app.keeper.slots import Books, Tally, Waiter
from app.keeper.upstream import Upstream
from app.mail.errors import ConnectionLost, MailError, ServerAway, TooManyConnections
from app.mail.login import Credentials
from app.mail.note import Note

QUEUE_SECONDS = 2.0
# A hand-back and the next request's lease reach the event loop in the same round, in any order: a short wait for the
# connection that is just coming back spares a login (5 ms and more).
GRACE_SECONDS = 0.02
ASK_AGAIN = 0.1


class Pool:
    """All connections of this keeper. Its only tasks are logins; `sweep` is called from outside."""

    def __init__(self, limits: Limits, deadlines: Deadlines, counts: Counts, *, ca_file: str | None = None) -> None:
        self.limits, self.deadlines, self.counts = limits, deadlines, counts
        self.tally = Tally()
        self._logins = Logins(deadlines, self.tally, ca_file=ca_file)
        self.breakers = self._logins.breakers
        self._all: set[Upstream] = set()
        self._kept: dict[Key, list[Upstream]] = {}
        self._books = Books()
        self._queue: deque[Waiter] = deque()
        self._due = self._retired = False

    # -- kept connections --------------------------------------------------------------------------------------------

    def take_ready(self, wanted: Wanted) -> Upstream | None:
        """The kept connection used last that is awake; out of `_kept` from now on."""
        return self._take(wanted, lambda upstream: upstream.ready)

    async def take_parked(self, wanted: Wanted) -> Upstream | None:
        """A kept connection, woken from IDLE; None where there is none, or where one did not wake."""
        upstream = self._take(wanted, lambda upstream: upstream.ours)
        if upstream is None or (await upstream.wake() and upstream.ready):
            return upstream
        upstream.close()
        for other in list(self._kept.get(wanted.key, ())):
            if other.state in ("parking", "parked"):
                other.close()  # a second to find that out of each would be the whole time of a page
        return None

    def _take(self, wanted: Wanted, fits: Callable[[Upstream], bool]) -> Upstream | None:
        for upstream in reversed(list(self._kept.get(wanted.key, ()))):
            if upstream.epoch != wanted.epoch or upstream.age() > self.limits.relogin_after:
                upstream.close()
            elif fits(upstream):
                self._unkeep(upstream)
                return upstream
        return None

    def keep(self, upstream: Upstream) -> None:
        """Puts an idle connection where the next borrower finds it."""
        if self._retired:
            upstream.close()
        if upstream.state != "closed":
            self._kept.setdefault(upstream.key, []).append(upstream)
        self._changed()

    def _unkeep(self, upstream: Upstream) -> None:
        kept = self._kept.get(upstream.key)
        if kept and upstream in kept:
            kept.remove(upstream)
            if not kept:
                del self._kept[upstream.key]

    # -- lending -----------------------------------------------------------------------------------------------------

    def lend(self, upstream: Upstream) -> tuple[int, str]:
        """Descriptor and tag prefix of a connection that was taken or acquired. ConnectionLost: it ended meanwhile."""
        if not upstream.ready:
            upstream.close()
            raise ConnectionLost("ended between being found and being lent")
        self._books.lent.setdefault(upstream.key, set()).add(upstream)
        self.tally.leases += 1
        return upstream.lend()

    def take_back(self, upstream: Upstream, note: Note) -> None:
        """A stated hand-back."""
        if upstream.state != "lent":
            return  # ended meanwhile
        if upstream.take_back(note):
            self._forget_loan(upstream)
            self.tally.taken_back += 1
            self.keep(upstream)

    def _forget_loan(self, upstream: Upstream) -> None:
        lent = self._books.lent.get(upstream.key, set())
        lent.discard(upstream)
        if not lent:
            self._books.lent.pop(upstream.key, None)

    # -- new connections ---------------------------------------------------------------------------------------------

    async def acquire(
        self,
        wanted: Wanted,
        credentials: Credentials,
        *,
        fresh: bool = False,
        seconds: float | None = None,
        until: float = math.inf,
    ) -> Upstream:
        """A connection for this borrower alone: one that comes back, or a login; with `fresh` always a login.

        `seconds` is the login's deadline where it is not the usual one, `until` the time at which the borrower is told
        ServerAway while the login goes on. Raises the tree of errors. After a login the same login's connections with
        another password are ended.
        """
        end = min(time.monotonic() + QUEUE_SECONDS, until)
        if not fresh and self._books.lent.get(wanted.key):
            upstream = await self._wait(Waiter(wanted, self._future(), slot=False), GRACE_SECONDS)
            if upstream is not None:
                return upstream
        breaker = self._logins.breaker(wanted)
        breaker.check()
        try:
            kept = await self._slot(wanted, end, fresh=fresh)
            if kept is None:
                await self._total(wanted, end)
        except BaseException:
            breaker.gave_up()
            raise
        if kept is not None:
            breaker.gave_up()
            return kept
        login = self._login(wanted, credentials, seconds or self.deadlines.login)
        return await self._logins.wait_for(login, until, self.keep)

    async def _slot(self, wanted: Wanted, end: float, *, fresh: bool) -> Upstream | None:
        """Reserves a slot; or brings a kept connection, which came back meanwhile, instead."""
        if not self._queue_before(wanted) and self._reserve(wanted):
            return None
        waiter = Waiter(wanted, self._future(), kept=not fresh)
        upstream = await self._wait(waiter, end - time.monotonic())
        if upstream is None and not waiter.future.done():
            raise self._full(wanted)
        return upstream

    def _full(self, wanted: Wanted, *, account: bool = False) -> MailError:
        """Why there is no slot: the account has as many as it may have; or the mail server is slow in those it has."""
        self.tally.busy += 1
        if not account and self._books.accounts[wanted.account] < self.limits.account_per_node:
            return ServerAway("as many connections as this server may have")
        old = time.monotonic() - HANGING  # a lease takes milliseconds, and nobody's browser is waited for in one
        lent = (upstream for each in self._books.lent.values() for upstream in each if upstream.last_used < old)
        if self._logins.hang(wanted, since=old) or any(each.account == wanted.account for each in lent):
            return ServerAway("those that have the places wait for its answer")
        return TooManyConnections("as many connections as this account may have")

    async def _total(self, wanted: Wanted, end: float) -> None:
        """Waits until the account's connections over all nodes are few enough; releases the slot if they stay many."""
        try:
            while not await self.counts.claim(wanted.account, self._books.accounts[wanted.account]):
                if time.monotonic() > end:
                    raise self._full(wanted, account=True)
                await asyncio.sleep(ASK_AGAIN)
        except BaseException:
            self._release(wanted.account, wanted.place)
            raise

    async def _login(self, wanted: Wanted, credentials: Credentials, seconds: float) -> Upstream:
        try:
            upstream = await self._logins.open(wanted, credentials, seconds)
        except BaseException:
            self._release(wanted.account, wanted.place)
            raise
        upstream.on_end = self._ended
        self._all.add(upstream)
        self._drop_other_passwords(upstream)
        return upstream

    def _drop_other_passwords(self, fresh: Upstream) -> None:
        for other in list(self._all):
            if other.key[:-1] == fresh.key[:-1] and other.key != fresh.key:
                if other.ours:
                    other.close()
                else:
                    other.stale = True

    # -- slots and the queue -----------------------------------------------------------------------------------------

    def _reserve(self, wanted: Wanted) -> bool:
        books, limits = self._books, self.limits
        full_account = books.accounts[wanted.account] >= limits.account_per_node
        if full_account and not self._evict(lambda upstream: upstream.account == wanted.account):
            return False
        full_place = books.places[wanted.place] >= limits.server_total
        if full_place and not self._evict(lambda upstream: upstream.place == wanted.place):
            return False
        books.accounts[wanted.account] += 1
        books.places[wanted.place] += 1
        self.counts.changed(wanted.account, books.accounts[wanted.account])
        return True

    def _release(self, account: str, place: str) -> None:
        for counter, name in ((self._books.accounts, account), (self._books.places, place)):
            counter[name] -= 1
            if counter[name] <= 0:
                del counter[name]
        self.counts.changed(account, self._books.accounts[account])
        self._changed()

    def _evict(self, fits: Callable[[Upstream], bool]) -> bool:
        """Ends the longest unused kept connection that fits."""
        candidates = [upstream for upstream in self.kept() if upstream.ours and fits(upstream)]
        if not candidates:
            return False
        min(candidates, key=lambda upstream: upstream.last_used).close()
        return True

    def evict_account(self, account: str) -> bool:
        """Another node needs a connection of this account."""
        return self._evict(lambda upstream: upstream.account == account)

    def _queue_before(self, wanted: Wanted) -> bool:
        return any(each.slot and each.wanted.account == wanted.account for each in self._queue)

    def _future(self) -> asyncio.Future[Upstream | None]:
        return asyncio.get_running_loop().create_future()

    async def _wait(self, waiter: Waiter, seconds: float) -> Upstream | None:
        """The waiter's result; None as well when the time is up (its future is then not done)."""
        self._queue.append(waiter)
        self._changed()
        try:
            await asyncio.wait([waiter.future], timeout=max(0.0, seconds))
            return waiter.future.result() if waiter.future.done() else None
        except asyncio.CancelledError:
            self._undo(waiter)
            raise
        finally:
            self._queue.remove(waiter)

    def _undo(self, waiter: Waiter) -> None:
        """The borrower went away while something was given to it."""
        if not waiter.future.done():
            return
        upstream = waiter.future.result()
        if upstream is not None:
            self.keep(upstream)
        else:
            self._release(waiter.wanted.account, waiter.wanted.place)

    def _changed(self) -> None:
        if self._queue and not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._serve_queue)

    def _serve_queue(self) -> None:
        self._due = False
        for waiter in list(self._queue):
            if waiter.future.done():
                continue
            upstream = self.take_ready(waiter.wanted) if waiter.kept else None
            if upstream is not None or (waiter.slot and self._reserve(waiter.wanted)):
                waiter.future.set_result(upstream)

    # -- ending ------------------------------------------------------------------------------------------------------

    def _ended(self, upstream: Upstream) -> None:
        if upstream not in self._all:
            return
        self._all.discard(upstream)
        self._unkeep(upstream)
        self._forget_loan(upstream)
        self.tally.ended += 1
        self._release(upstream.account, upstream.place)

    def end_revoked(self, epochs: dict[str, str]) -> None:
        """Ends every connection of these accounts, lent ones too, whose epoch is not the account's."""
        for upstream in list(self._all):
            if upstream.account in epochs and upstream.epoch != epochs[upstream.account]:
                upstream.close()

    def sweep(self) -> None:
        """Ends what is too old to be lent, parks what was unused for a while."""
        now = time.monotonic()
        for upstream in list(self.kept()):
            if upstream.age() > self.limits.relogin_after:
                upstream.close()
            elif upstream.ready and now - upstream.last_used >= self.limits.park_after:
                upstream.park()

    def retire(self) -> None:
        """Nobody comes to borrow any more: ends what is kept, and what is lent as soon as it comes back."""
        self._retired = True
        for upstream in list(self.kept()):
            upstream.close()

    def close(self) -> None:
        self._logins.close()
        for upstream in list(self._all):
            upstream.close()

    # -- seen from outside -------------------------------------------------------------------------------------------

    def kept(self) -> Iterator[Upstream]:
        """Idle and parked connections."""
        return (upstream for kept in list(self._kept.values()) for upstream in list(kept))

    def accounts(self) -> set[str]:
        """Accounts that have a connection here."""
        return {upstream.account for upstream in self._all}

    def everything(self) -> frozenset[Upstream]:
        """All open connections."""
        return frozenset(self._all)

    @property
    def waiting(self) -> int:
        """Borrowers in the queue."""
        return len(self._queue)

    def counted(self) -> dict[str, tuple[int, float]]:
        """By account: connections here, and since when (seconds of the clock) the longest unused is unused, or 0."""
        now, clock = time.monotonic(), time.time()
        idle: dict[str, float] = {}
        for upstream in self.kept():
            idle[upstream.account] = min(idle.get(upstream.account, clock), clock - (now - upstream.last_used))
        return {account: (count, idle.get(account, 0.0)) for account, count in self._books.accounts.items()}
