"""`python -m app.blocklog.follow` reads the logs of the mail servers into the block log until SIGTERM.

Lines are read as long as SQL takes them. Rows, what they change, and the positions of all logs are one transaction, so
that a follower which is killed anywhere goes on as if nothing had been. What cannot be written is forgotten and read
again once SQL is back: the logs themselves are the spool, and mail never depends on this. `--once FILE…` reads files to
their end, for what was logged before.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from app.blocklog.apart import words, write_apart
from app.blocklog.classify import classify, patterns
from app.blocklog.entry import Batch, write
from app.blocklog.errors import LogError
from app.blocklog.files import HEAD, head, look
from app.blocklog.join import Join
from app.blocklog.positions import Lost, Place, claim, owner, refuse_known, release, save
from app.blocklog.pretence import MOST, Pretence
from app.blocklog.reading import Reading, readers, step
from app.blocklog.recipients import Recipients
from app.blocklog.report import log, log_as_json
from app.blocklog.retain import retain
from app.blocklog.settle import Scopes, due, settle
from app.blocklog.source import FORMATS, Source, checked
from app.blocklog.stamp import guess
from app.directory.errors import DirectoryAway, DirectoryBroken
from app.table.refusal import FAULTS, refuses

if TYPE_CHECKING:
    from config.default import Settings

ROWS = 1000  # that are written at once, at most after SECONDS
SECONDS = 2.0
IDLE = 0.25  # until it is looked for new lines
AWAY = (1.0, 2.0, 5.0, 10.0)  # until SQL is asked again
TRIES = 3  # after which a batch that SQL refuses is written in pieces
WELL = 60.0  # after which an outage is a new one
DAY, HOUR = 86400.0, 3600.0
ALIVE = 10.0  # after which a follower without news says that it lives

Acted = Callable[[Mapping[int, int]], object]  # how often each rule did
ShutOut = Callable[[Mapping[str, Pretence]], bool]  # whether that is written
_FAULTS = (*FAULTS, DirectoryAway, DirectoryBroken, Lost)


class Follower:
    """Some logs and where they go. `ending` stops it after the next write."""

    def __init__(
        self,
        engine: Engine,
        recipients: Recipients,
        sources: Sequence[Source],
        make_join: Callable[..., Join],
        *,
        once: bool = False,
        again: bool = False,
        daily: Callable[[], object] | None = None,
        shut_out: ShutOut | None = None,
        acted: Acted | None = None,
        scopes: Scopes | None = None,
    ) -> None:
        self.engine, self.recipients, self.sources, self.once, self.again = engine, recipients, sources, once, again
        self.make_join, self.daily, self.shut_out, self.acted, self.scopes = make_join, daily, shut_out, acted, scopes
        self.pretences: dict[str, Pretence] = {}  # that are not written yet
        self._daily_at = 0.0
        self.name = owner()
        self.ending = threading.Event()
        self.rows = 0
        self.refused = 0  # how often SQL refused the batch that is next

    def run(self) -> None:
        """Reads until it is told to end, or to the end of all files."""
        tries = 0
        while not self.ending.is_set():
            begun = time.monotonic()
            try:
                self._read()
                return
            except _FAULTS as error:
                if self.once and isinstance(error, Lost):
                    raise
                tries = 0 if time.monotonic() - begun > WELL else tries
                wait = AWAY[min(tries, len(AWAY) - 1)]
                tries += 1
                log.warning("the block log waits: nothing is read meanwhile", extra={"detail": words(error)})
                self.refused += refuses(error)
                self.ending.wait(wait)

    def _read(self) -> None:
        """From where SQL says that all logs are read."""
        with self.engine.begin() as connection:
            if self.once and not self.again:
                refuse_known(connection, self.sources)
            places = claim(connection, self.sources, self.name)
        states = [each.state for each in places if each.state]
        join = self.make_join(state=max(states, key=lambda each: float(each.get("clock", 0))) if states else None)
        programs = readers()
        readings = [Reading(each, programs, once=self.once) for each in places]
        try:
            if [each for each in readings if each.place.position is None and each.fill()]:
                self._write(join, readings)  # where it began is known from now on, whatever becomes of the file
            self._loop(join, readings)
        finally:
            for each in readings:
                each.tail.close()

    def _loop(self, join: Join, readings: list[Reading]) -> None:
        written = time.monotonic()
        while not self.ending.is_set():
            join.read = time.monotonic()
            more = step(readings, join)
            late = join.read - written
            if len(join.waiting) >= ROWS or late >= SECONDS:
                news = any(each.place.lines or each.place.gaps for each in readings)
                if news or join.waiting or late >= ALIVE:
                    self._write(join, readings)
                    written = time.monotonic()
            if not more:
                if self.once:
                    break
                self._keep_days()
                self.ending.wait(IDLE)
        self._write(join, readings, everything=self.once, last=True)

    def _keep_days(self) -> None:
        """Once a day, when there is nothing to read: weeks ahead are made, old ones dropped."""
        if self.daily is None or time.monotonic() < self._daily_at:
            return
        self._daily_at = time.monotonic() + DAY
        try:
            self.daily()
        except (LogError, *_FAULTS) as error:
            self._daily_at = time.monotonic() + HOUR
            log.warning("old rows of the block log are not removed yet", extra={"detail": words(error)})

    def _write(self, join: Join, readings: list[Reading], *, everything: bool = False, last: bool = False) -> None:
        """One transaction: all that is due, and how far each log is read."""
        rows = due(join, everything=everything)
        places = {each.place.source_id: each.place for each in readings}
        batch = settle(join, rows, self.recipients, partial(_next_id, places), self.scopes)
        readings[0].place.state = join.state()
        for number, times in join.tally.odd_times.items():
            places[number].odd_lines += times
        for key, _ in (*batch.blocks.new, *batch.recents.new, *batch.lessons.new):
            places[key[2] >> 48].rows += 1
        with self.engine.begin() as connection:
            left = self._put(connection, batch, places, join.clock)
            for each in readings:
                save(connection, each.place, each.position, self.name)
            if last:
                release(connection, list(places.values()), self.name, done=self.once)
        self.refused = 0
        self.rows += batch.rows - left
        self._shut_out(join.tally.pretences)
        if self.acted is not None and (rules := Counter(batch.rules) + join.tally.rules):
            self.acted(rules)
        join.tally = type(join.tally)()

    def _put(self, connection: Connection, batch: Batch, places: dict[int, Place], at: float) -> int:
        """Writes all of a batch, or, where SQL refused it before, what SQL takes; how many new rows are left out."""
        if self.refused < TRIES:
            write(connection, batch)
            return 0
        left = write_apart(connection, batch, next(iter(places)), at)
        for each in left:
            places[each.source_id].odd_lines += 1
            places[each.source_id].rows -= each.new
            log.error("SQL refuses a row, which is left out", extra={"detail": each.words})
        return sum(each.new for each in left)

    def _shut_out(self, seen: dict[str, Pretence]) -> None:
        """In a database that may be another, after the batch: what it does not take is tried again with the next one.
        Killed between the two, the follower forgets it; who pretends to be ours does it again."""
        self.pretences = dict(islice((self.pretences | seen).items(), MOST))
        if self.shut_out is not None and self.pretences and self.shut_out(self.pretences):
            self.pretences = {}


def _next_id(places: dict[int, Place], source_id: int) -> int:
    place = places.get(source_id) or next(iter(places.values()))
    number = place.next_seq
    place.next_seq += 1
    return place.source_id << 48 | number


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    from config.default import load
    from config.setting import SettingError

    chosen = _parser().parse_args(arguments)
    try:
        settings = load(sealing=False)
        sources = _once(chosen) if chosen.once else settings.blocklog_sources
    except (SettingError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if not sources:
        print("POSTERN_BLOCKLOG_SOURCES names no log, and --once no file", file=sys.stderr)
        return 2
    log_as_json(settings.log_level)
    return run(settings, sources, once=bool(chosen.once), again=chosen.again)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.blocklog.follow", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--once", nargs="+", metavar="FILE", help="read these files to their end, and no others")
    parser.add_argument("--again", action="store_true", help="also those whose lines were read under another name")
    parser.add_argument("--node", default="once", help="of which mail server they are (default: once)")
    parser.add_argument("--format", choices=FORMATS, help="how their lines begin (default: by their first line)")
    parser.add_argument("--zone", default="UTC", help="of times without a zone, as Europe/Berlin (default: UTC)")
    return parser


def _once(chosen: argparse.Namespace) -> tuple[Source, ...]:
    found = []
    for each in dict.fromkeys(chosen.once):
        file = look(os.path.abspath(each))
        if file is None:
            raise ValueError(f"there is no file {each}")
        form = chosen.format or guess(head(file, HEAD), os.path.basename(file.path))
        found.append(checked(Source(chosen.node.lower(), file.path, form, chosen.zone)))
    return tuple(found)


def run(settings: Settings, sources: Sequence[Source], *, once: bool = False, again: bool = False) -> int:
    """Follows until SIGTERM or SIGINT, or reads to the end of the files; the exit status."""
    follower = open_follower(settings, sources, once=once, again=again)

    def end(_number: int, _frame: FrameType | None) -> None:
        follower.ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    collect_seldom()
    log.info("the follower reads", extra={"detail": ", ".join(each.path for each in sources)})
    try:
        follower.run()
    except Lost as error:
        print(error, file=sys.stderr)
        return 1
    if once:
        print(f"{follower.rows} rows")
    return 0


def collect_seldom() -> None:
    """Python looks for circles among 20,000 new objects instead of 700: that took a sixth of the follower's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def open_follower(
    settings: Settings, sources: Sequence[Source], *, once: bool = False, again: bool = False
) -> Follower:
    """A follower with its databases; nothing is connected yet."""
    from app.directory.engine import open_engine
    from app.directory.open import open_directory
    from app.directory.owners import owners, owners_of_logins
    from app.directory.sites import log_days
    from app.policy import actions, stale
    from app.policy.errors import PolicyAway
    from app.policy.greylist import Times
    from app.policy.hits import add
    from app.policy.senders import denying

    directory = open_directory(settings)
    recipients = Recipients(partial(owners, directory), partial(owners_of_logins, directory))
    words = settings.blocklog_patterns
    own_patterns = patterns(words.read_text().splitlines()) if words else ()
    make_join = partial(Join, partial(classify, own=own_patterns), settings.own_names)
    url = settings.blocklog_database_url or settings.database_url

    def daily() -> None:
        patient = open_engine(url, timeout=None)
        now = datetime.now(UTC)
        retain(patient, now, settings.blocklog_days, log_days(directory))
        patient.dispose()
        with suppress(PolicyAway):  # tomorrow is soon enough
            actions.forget(policy, now - timedelta(days=settings.blocklog_days))
            hours, days = timedelta(hours=settings.greylist_hours), timedelta(days=settings.greylist_days)
            stale.forget(policy, now, Times(window=hours, keep=days))

    def acted(rules: Mapping[int, int]) -> None:
        with suppress(PolicyAway):  # a count, and no more
            add(policy, {}, rules)

    def scopes(rules: Collection[int]) -> Mapping[int, tuple[int, str]]:
        with suppress(PolicyAway):
            return denying(policy, rules)
        return {}

    blocking, policy = _blocking(settings), open_engine(settings.database_url)
    engine = open_engine(url, timeout=10.0)
    return Follower(
        engine, recipients, sources, make_join,
        once=once, again=again, daily=daily, shut_out=blocking, acted=acted, scopes=scopes,
    )  # fmt: skip


def _blocking(settings: Settings) -> ShutOut | None:
    """Shuts out servers that pretend to be ours, in Postern's own database."""
    from app.directory.engine import open_engine
    from app.policy.errors import PolicyAway
    from app.policy.hosts import Found, shut_out

    if not settings.host_block_days:
        return None
    engine, lasting = open_engine(settings.database_url), timedelta(days=settings.host_block_days)

    def write_down(seen: Mapping[str, Pretence]) -> bool:
        found = [Found(ip, f"named itself {it.name} in HELO", it.at, it.times) for ip, it in seen.items()]
        try:
            if new := shut_out(engine, found, datetime.now(UTC), lasting):
                log.info("servers that named themselves as ours are shut out", extra={"detail": str(new)})
        except PolicyAway as error:
            log.warning("servers that named themselves as ours are not shut out yet", extra={"detail": str(error)})
            return False
        return True

    return write_down


if __name__ == "__main__":
    sys.exit(main())
