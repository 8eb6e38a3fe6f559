"""One log being read: bytes to lines to events. Several are read together, the earliest line first.

Lines of programs that nobody knows are counted by program; of some programs nothing is expected.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from app.blocklog.event import Event, Line, Odd
from app.blocklog.formats import (
    amavis,
    clamsmtp,
    exim,
    learn,
    mailscanner,
    postfix,
    postgrey,
    rspamd,
    sendmail,
    signin,
    spf,
)
from app.blocklog.join import Join
from app.blocklog.positions import Place
from app.blocklog.repeated import BEGINS, unrolled
from app.blocklog.report import log
from app.blocklog.stamp import Stamp, records
from app.blocklog.tail import QUIET, Chunk, Position, Tail, lines

Read = Callable[[Line], Iterable[Event]]
FORMATS = (postfix, exim, sendmail, mailscanner, amavis, rspamd, postgrey, spf, clamsmtp, signin, learn)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
UNKNOWN = "a program that is not known"
# What else writes into a mail log, without a word about a mail that was stopped.
SILENT = frozenset(
    {
        *("anvil", "scache", "tlsmgr", "tlsproxy", "dnsblog", "trivial-rewrite", "proxymap", "master", "pickup"),
        *("bounce", "postlogd", "postfix-script", "verify", "postsuper", "sendmail-postfix", "flush", "showq"),
        *("lmtp-dovecot", "auth", "anvil-dovecot", "opendkim", "rsyslogd", "systemd", "CRON", "last"),
    }
)


def readers() -> dict[str, tuple[Read, ...]]:
    """Who reads lines of which program."""
    found: dict[str, tuple[Read, ...]] = {}
    for module in FORMATS:
        reader: Read = module.Reader().read
        for program in module.PROGRAMS:
            found[program] = (*found.get(program, ()), reader)
    return found


class Reading:
    """A log, from its place on. `once`: to its end, and no further."""

    def __init__(self, place: Place, programs: dict[str, tuple[Read, ...]], *, once: bool = False) -> None:
        source = place.source
        cut = records if source.format == "exim-reject" else lines
        self.place, self.programs = place, programs
        self.tail = Tail(source.path, place.position, place.last_at, cut=cut, once=once, quiet=QUIET)
        self.stamp = Stamp(source.format, source.zone, place.last_at)
        self._chunk: Chunk | None = None
        self._lines: list[Line | Odd] = []
        self._next = 0
        self._gaps = 0
        self.fault = ""

    @property
    def at(self) -> datetime | None:
        """The time of the next line; None where there is none now."""
        if self._next < len(self._lines):
            line = self._lines[self._next]
            return line.at if isinstance(line, Line) else self.stamp.last or _EARLIEST
        return None

    @property
    def position(self) -> Position:
        """After the last line that was taken."""
        return self._chunk.position(self._next) if self._chunk else self.tail.position

    def fill(self) -> bool:
        """Reads more where all was taken; whether there is a line to take."""
        if self._next < len(self._lines):
            return True
        try:
            chunk = self.tail.read()
        except OSError as error:
            self._cannot(error)
            return False
        self.place.gaps += self.tail.gaps - self._gaps
        self._gaps = self.tail.gaps
        if not chunk.lines:
            self._chunk, self._lines, self._next = None, [], 0
            return False
        self.stamp.now = datetime.now(UTC)
        self.stamp.written = datetime.fromtimestamp(self.tail.written, UTC)
        stamp = self.stamp.line
        self._chunk, self._lines, self._next = chunk, [stamp(each) for each in chunk.lines], 0
        return True

    def _cannot(self, error: OSError) -> None:
        """A file that cannot be read, as one that is not there yet; it is said once."""
        if self.fault != str(error):
            log.warning("a log cannot be read", extra={"detail": str(error)})
        self.fault = str(error)

    def take(self, join: Join, until: datetime | None) -> None:
        """Takes lines as far as they are not later than another log's next one; at least one."""
        number, node, programs = self.place.source_id, self.place.source.node, self.programs
        rows, last, start = self._lines, self.place.last_at, self._next
        take, told = join.take, None
        for place in range(start, len(rows)):
            line = rows[place]
            if isinstance(line, Odd):
                take(line, number, node)
                continue
            if until is not None and line.at > until and place > start:
                rows = rows[:place]
                break
            if line.at is not told:  # many lines are of one moment
                told = last = line.at
                join.clock = last.timestamp()
            known = programs.get(line.program)
            if known is None:
                if line.program not in SILENT:
                    join.tally.unread(number, UNKNOWN, f"{line.program}: {line.text[:200]}", join.clock)
                continue
            if line.text.startswith(BEGINS):
                line, times = unrolled(line)
                known = known * times
            try:
                for read in known:
                    for event in read(line):
                        take(event, number, node)
            except Exception as error:  # no line may stop the follower: it would meet it again and again
                take(Odd(line.text[:300], f"a fault of ours: {type(error).__name__}"), number, node)
                log.error("a line could not be read", exc_info=error)
        self._next = len(rows)
        self.place.lines += self._next - start
        self.place.last_at = last
        self.tail.last_at = last.timestamp() if last else None


def step(readings: Sequence[Reading], join: Join) -> bool:
    """Takes the earliest lines of all logs; whether there were any."""
    ready = sorted((each for each in readings if each.fill()), key=lambda each: each.at or _EARLIEST)
    if not ready:
        return False
    until = ready[1].at if len(ready) > 1 else None
    ready[0].take(join, until + timedelta(seconds=1) if until else None)
    return True
