"""The beginning of a log's line: when, on which host, by which program. What follows is its text, for the formats.

Times are RFC 3339 with any offset, the traditional ones of syslog, which have neither year nor zone, or Exim's and
Rspamd's own. Nothing here raises: a line that has no usable beginning is an Odd one.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.blocklog.event import Line, Odd

LONGEST = 65536  # bytes of a line; Rspamd and amavis name a hundred recipients in 8 KB
AHEAD = timedelta(days=2)  # of our clock: no time that a log can have
DISORDER = timedelta(minutes=5)  # by which lines of a log may come late

# Dovecot's own log names no host.
_SYSLOG = re.compile(
    r"(?:<\d{1,3}>)?(?:(?P<full>\d{4}-\d\d-\d\dT\S{8,21})|(?P<short>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)) "
    r"(?:(?P<host>\S{0,254}[^\s:]) )?(?P<tag>[^\s\[:]{1,80})(?:\[(?P<pid>\d{1,10})\])?: ?"
)
_EXIM = re.compile(
    r"(?P<full>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?P<part>\.\d{1,6})?(?P<zone> [+-]\d{4})?(?: \[(?P<pid>\d{1,10})\])? "
)
_RSPAMD = re.compile(r"(?P<full>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?P<part>\.\d{1,6})? #(?P<pid>\d{1,10})\([^)]{0,40}\) ")
_SECOND_60 = re.compile(r":60(?=$|[.Z+-])")  # a leap second
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_RECORD = re.compile(rb"\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_TAGS = 1000  # remembered


def records(data: bytes, at_end: bool) -> tuple[list[bytes], list[int]]:
    """The records of Exim's rejectlog in some whole lines, and how many bytes each takes. The last may go on."""
    found = _RECORD.split(data)
    if not at_end:
        found.pop()
    sizes = [len(each) + 1 for each in found]
    if at_end:
        found[-1], sizes[-1] = found[-1].removesuffix(b"\n"), len(found[-1])
    return found, sizes


def guess(first: bytes, name: str) -> str:
    """The format of a log, by its first bytes and its name."""
    text = first.decode(errors="replace")
    if _RSPAMD.match(text):
        return "rspamd"
    if _EXIM.match(text):
        return "exim-reject" if "reject" in name else "exim-main"
    return "syslog"


class Stamp:
    """Reads the beginnings of one source's lines. `written` is when its file was last written to, which tells the year
    of a line without one; `last` the time of the line before, which tells 01:30 from 01:30 an hour later."""

    def __init__(self, form: str, zone: str = "UTC", last: datetime | None = None) -> None:
        self.zone = ZoneInfo(zone)
        self._is_utc = zone == "UTC"
        self.last = last
        self.written = self.now = datetime.now(UTC)
        self._read = {"syslog": self._syslog, "rspamd": self._rspamd}.get(form, self._exim)
        self._program = "exim-reject" if form == "exim-reject" else "exim"
        self._known, self._known_at = "", self.now  # many lines have the same time
        self._tags: dict[str, tuple[str, str]] = {}

    def line(self, raw: bytes) -> Line | Odd:
        """The line of some bytes without the newline at their end."""
        if len(raw) > LONGEST:
            return Odd(raw[:300].decode(errors="replace"), "line too long")
        text = raw.decode(errors="replace")
        if "\0" in text:  # which no database takes for a part of a text
            text = text.replace("\0", "\ufffd")
        try:
            line = self._read(text)
        except (ValueError, OverflowError):
            return Odd(text[:300], "impossible time")
        if line is None:
            return Odd(text[:300], "no line of this kind of log")
        if line.at is not self.last:  # a busy log has many lines of one second
            if line.at > self.now + AHEAD or line.at.year < 1990:
                return Odd(text[:300], "impossible time")
            self.last = line.at
        return line

    def _syslog(self, text: str) -> Line | None:
        found = _SYSLOG.match(text)
        if found is None:
            return None
        full, short, host, tag, pid = found.groups()
        instance, program = self._tags.get(tag) or self._tag(tag)
        at = self._known_at if (full or short) == self._known else self._full(full) if full else self._short(short)
        return Line(at, host or "", program, instance, int(pid) if pid else None, text[found.end() :])

    def _exim(self, text: str) -> Line | None:
        found = _EXIM.match(text)
        if found is None:
            return None
        full, part, zone, pid = found.groups()
        at = self._full(f"{full}{part or ''}{(zone or '').strip()}")
        return Line(at, "", self._program, "exim", int(pid) if pid else None, text[found.end() :])

    def _rspamd(self, text: str) -> Line | None:
        found = _RSPAMD.match(text)
        if found is None:
            return None
        at = self._full(found["full"] + (found["part"] or ""))
        return Line(at, "", "rspamd", "rspamd", int(found["pid"]), text[found.end() :])

    def _tag(self, tag: str) -> tuple[str, str]:
        """Instance and program of a tag: postfix/submission/smtpd is the smtpd of postfix/submission."""
        instance, _, program = tag.partition("(")[0].rpartition("/")  # imap(alice)<4711><…> is Dovecot's imap
        if len(self._tags) >= _TAGS:
            self._tags.clear()
        self._tags[tag] = (instance or program, program)
        return self._tags[tag]

    def _full(self, text: str) -> datetime:
        """A time with its year."""
        at = datetime.fromisoformat(_SECOND_60.sub(":59", text))
        at = self._utc(at) if at.tzinfo is None else at.astimezone(UTC)
        self._known, self._known_at = text, at
        return at

    def _short(self, text: str) -> datetime:
        """A time without a year: of the year that brings it nearest to when its file was written."""
        month, day = _MONTHS.index(text[:3]) // 3 + 1, int(text[4:6])
        hour, minute, second = int(text[7:9]), int(text[10:12]), min(int(text[13:15]), 59 if text[13] == "6" else 99)
        years = range(self.written.year - 1, self.written.year + 2)
        wall = self.written.replace(tzinfo=None)
        found = [
            datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the source's zone
            for year in years
            if (month, day) != (2, 29) or year % 4 == 0
        ]
        at = self._utc(min(found, key=lambda each: abs(each - wall)))
        self._known, self._known_at = text, at
        return at

    def _utc(self, wall: datetime) -> datetime:
        """A time on the source's clock. Where it was set back, the second 01:30 is the one that comes after later
        times; a time that was skipped is as much later as the clock was set forward."""
        if self._is_utc:
            return wall.replace(tzinfo=UTC)
        early = wall.replace(tzinfo=self.zone).astimezone(UTC)
        late = wall.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        if late > early and self.last is not None and early < self.last - DISORDER:
            return late
        return early
