"""`python -m app.policy.service` answers what Postfix asks for each recipient (policy delegation), until SIGTERM.

One process on each host with a Postfix. It reads rules, settings and shut out servers in SQL when it is asked, so that
what somebody chose holds for the next mail; the switches once a second. Without SQL mail passes, at once: the log says
so in one line. What it did is counted, and who says in HELO that it is one of ours is shut out.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from app.blocklog.event import Peer
from app.blocklog.pretence import Ours, Pretence, noted
from app.blocklog.recipients import Recipients
from app.blocklog.report import log_as_json
from app.directory.engine import open_engine
from app.directory.errors import DirectoryAway, DirectoryBroken
from app.directory.open import open_directory
from app.directory.owners import owners, owners_of_logins
from app.policy import greylist, hits, hosts
from app.policy.answers import DUNNO, Answers
from app.policy.batches import Batches
from app.policy.delegation import Request, close_idle, listen
from app.policy.errors import PolicyAway
from app.policy.intake import switched_off
from app.policy.settingsmap import RSPAMD

if TYPE_CHECKING:
    from config.default import Settings

SECOND = 1.0  # after which the switches are read again, and what was counted is written down
CLEANING = 60.0  # after which old triplets are forgotten
ROUNDS = 20  # of a thousand
FAULTS = (PolicyAway, DirectoryAway, DirectoryBroken)

log = logging.getLogger("postern.policy")


class PolicyServer:
    """Answers, and what is done beside it."""

    def __init__(self, settings: Settings) -> None:
        directory = open_directory(settings)
        recipients = Recipients(partial(owners, directory), partial(owners_of_logins, directory))
        self.engine, self.beside = (open_engine(settings.database_url, timeout=SECOND) for _ in range(2))
        times = greylist.Times(
            timedelta(seconds=settings.greylist_seconds),
            timedelta(hours=settings.greylist_hours),
            timedelta(days=settings.greylist_days),
        )
        self.answers = Answers(self.engine, recipients.of, settings.policy_trusted, times)
        self.batches = Batches(self.answers, DUNNO, FAULTS, self._away, attrgetter("people"))
        self.ours, self.days = Ours(settings.own_names), settings.host_block_days
        self.pretences: dict[str, Pretence] = {}
        self._told_away = self._told_unwritten = False
        self._cleaned = 0.0

    async def answer(self, request: Request) -> str:
        """What Postfix is told."""
        if self.days and request.policy_context == "connect":
            self._notice(request)
        return await self.batches.ask(request)

    def _notice(self, request: Request) -> None:
        """Who says that it is one of ours: nobody who signed in, or whom the site trusts."""
        peer = Peer(request.client_address, _named(request.client_name), request.helo_name, proven=True)
        name = None if request.sasl_username else self.ours.pretended(peer)
        if name is not None and not self.answers.trusts(request):
            noted(self.pretences, peer.ip, name, datetime.now(UTC))

    def _away(self, error: BaseException) -> None:
        if not self._told_away:
            self._told_away = True
            words = f"{type(error).__name__}: {error}".partition("\n")[0]
            log.warning("SQL does not answer: mail passes without rules", extra={"detail": words})

    async def once_a_second(self) -> None:
        """The switches, in the thread of the answers, which says whether SQL is there; the rest in another."""
        off = await self.batches.alone(partial(switched_off, self.engine))
        if off is None:
            return
        self.answers.off = off
        if self._told_away:
            self._told_away = False
            log.info("SQL answers again")
        self.batches.closed = False
        if (unwritten := self.answers.unwritten) and not self._told_unwritten:
            log.warning("SQL takes no attempts: nobody is asked to come again", extra={"detail": unwritten})
        self._told_unwritten = bool(unwritten)

    def write_down(self) -> None:
        """What was counted and noticed since; what SQL does not take is lost. Old triplets are forgotten."""
        told, self.pretences = self.pretences, {}
        host_hits, self.answers.host_hits = self.answers.host_hits, Counter()
        rule_hits, self.answers.rule_hits = self.answers.rule_hits, Counter()
        now = datetime.now(UTC)
        try:
            if host_hits or rule_hits:
                hits.add(self.beside, host_hits, rule_hits)
            if told:
                found = [hosts.Found(ip, f"named itself {it.name} in HELO", it.at, it.times) for ip, it in told.items()]
                hosts.shut_out(self.beside, found, now, timedelta(days=self.days))
        except PolicyAway as error:
            log.debug("what was counted is lost", extra={"detail": str(error)})
        if (moment := now.timestamp()) - self._cleaned > CLEANING:
            self._cleaned = moment
            with suppress(PolicyAway):
                full = (greylist.forget(self.beside, now, self.answers.times) == greylist.BATCH for _ in range(ROUNDS))
                all(full)  # until there is no more, or a flood is left to the next minute


def _named(client_name: str) -> str:
    return "" if client_name == "unknown" else client_name


async def serve(settings: Settings) -> None:
    """A whole life, until SIGTERM or SIGINT."""
    policy, ending = PolicyServer(settings), asyncio.Event()
    loop, beside = asyncio.get_running_loop(), ThreadPoolExecutor(1, "beside")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    server, open_ones = await listen(settings.policy_bind, policy.answer, RSPAMD)
    log.info("the policy service answers", extra={"detail": settings.policy_bind})
    writing: asyncio.Future[None] | None = None
    while not ending.is_set():
        await policy.once_a_second()
        if writing is None or writing.done():
            writing = loop.run_in_executor(beside, policy.write_down)
        close_idle(open_ones, loop.time())
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), SECOND)
    server.close()
    for each in list(open_ones):
        each.close()
    await loop.run_in_executor(beside, policy.write_down)


def main() -> int:
    """Returns the exit status."""
    from config.default import load
    from config.setting import SettingError

    try:
        settings = load(sealing=False)
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    log_as_json(settings.log_level, log)
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        print(f"POSTERN_POLICY_BIND: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
