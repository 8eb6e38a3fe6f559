"""Jinja filters: how dates, sizes, counts and names are written on a page.

Pure functions, so that the same words can be tested without an application; `filters` is what `create_app` adds to
the Jinja environment.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

from app.directory.address import shown_domain
from app.web.urls import escape_mailbox

Zone = tzinfo | str | None

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

# A date without its year stays unambiguous for half a year.
_DAYS_WITHOUT_YEAR = 180
# What lets a name turn the text after it around (UAX #9 §2): taken out of names, not shown.
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Named(Protocol):
    """Anything with a display name and an address, such as `app.mail.envelope.Address`."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...


def in_zone(moment: datetime, zone: Zone) -> datetime:
    """The same moment on the wall clock of `zone` (a tzinfo, an IANA name, or None for UTC).

    A naive `moment` is taken as UTC, an unknown name as UTC: a date is never a reason to fail.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if isinstance(zone, str):
        try:
            zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
    try:
        return moment.astimezone(zone or UTC)
    except (OverflowError, ValueError):  # year 1 or 9999, moved over the edge
        return moment


def when(moment: datetime | None, zone: Zone = None, *, now: datetime | None = None) -> str:
    """A date as a list shows it: "14:21" today, "Tue 18 Nov" within half a year, else "2024-03-02"."""
    if moment is None:
        return ""
    local = in_zone(moment, zone)
    today = in_zone(now or datetime.now(UTC), zone).date()
    age = (today - local.date()).days
    if age == 0:
        return f"{local:%H:%M}"
    if -1 <= age <= _DAYS_WITHOUT_YEAR:
        return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}"
    return local.date().isoformat()


def full_date(moment: datetime | None, zone: Zone = None) -> str:
    """A date in full, with its offset: "Tuesday 18 November 2025, 14:21 (UTC+01:00)"."""
    if moment is None:
        return "no date"
    local = in_zone(moment, zone)
    offset = f"{local:%z}"
    offset = "UTC" if offset in ("+0000", "") else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{long_day(local)}, {local:%H:%M} ({offset})"


def clock(moment: datetime, zone: Zone = None, near: datetime | None = None) -> str:
    """A time of day, with its day where that is not the day of `near`: "14:21", "Tue 18 Nov, 14:21"."""
    local = in_zone(moment, zone)
    if near is None or local.date() == in_zone(near, zone).date():
        return f"{local:%H:%M}"
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}, {local:%H:%M}"


def long_day(day: date) -> str:
    """A day as a heading: "Tuesday 18 November 2025"."""
    return f"{_LONG_DAYS[day.weekday()]} {day.day} {_LONG_MONTHS[day.month - 1]} {day.year}"


def dates(moment: datetime, zone: Zone = None, *, now: datetime | None = None) -> tuple[str, str, str]:
    """What a row needs of its date: as `when`, as `full_date`, and as `iso` give it."""
    return when(moment, zone, now=now), full_date(moment, zone), iso(moment)


def iso(moment: datetime | None) -> str:
    """A date for `<time datetime>`: ISO 8601 in UTC to the second, "" when there is none."""
    return "" if moment is None else in_zone(moment, UTC).isoformat(timespec="seconds")


def size(octets: int | None) -> str:
    """Octets as people read them, in powers of 1000: "0 B", "812 B", "12 KB", "1.4 MB"."""
    if octets is None or octets < 0:
        return ""
    if octets < 1000:
        return f"{octets} B"
    value = float(octets)
    for unit in ("KB", "MB", "GB", "TB"):
        value /= 1000
        if value < 9.95 and unit != "KB":
            return f"{value:.1f} {unit}"
        if value < 999.5 or unit == "TB":
            break
    return f"{max(1, round(value))} {unit}"


def middle(text: str | None, length: int = 40) -> str:
    """`text` in at most `length` characters, cut in the middle so that an extension stays readable."""
    text = text or ""
    if len(text) <= length:
        return text
    if length < 3:
        return text[:length]
    tail = max(1, min((length - 1) * 2 // 5, length - 2))
    head = length - 1 - tail
    # A combining mark must not open the tail: it would hang on the ellipsis.
    end = text[-tail:]
    while end and unicodedata.combining(end[0]):
        end = end[1:]
    return f"{text[:head].rstrip()}…{end.lstrip()}"


def number(count: int | None) -> str:
    """A count with thin groups: 99999 → "99,999"; None → ""."""
    return "" if count is None else f"{count:,}"


def plain(text: str | None) -> str:
    """One line without control characters and direction overrides: what may stand as a name or subject."""
    # Controls and marks are not printable; nearly all text is: 50 rows in 0.1 ms instead of 12.
    if not text or text.isprintable():
        return " ".join((text or "").split())
    kept = (c for c in text if c not in _DIRECTION_MARKS)
    line = "".join(" " if unicodedata.category(c) == "Cc" else c for c in kept)
    return " ".join(line.split())


_ADDRESS = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")


def person(who: Named | None, fallback: str = "(no sender)") -> str:
    """The display name, else the address, else `fallback`. A name that is written as an address gives way to the true
    one: where a page has room for one of them only, `"security@bank.example" <x@evil.example>` is evil.example's."""
    if who is None:
        return fallback
    name = plain(who.name)
    if "@" in name or not name.isascii():
        name = "" if _ADDRESS.search(unicodedata.normalize("NFKC", name)) else name
    return name or plain(who.address) or fallback


class Folder(Protocol):
    """Anything with a name, a label and a special use, such as `app.mail.mailbox.Mailbox`."""

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def delimiter(self) -> str | None: ...

    @property
    def use(self) -> str | None: ...


def folder_label(folder: Folder) -> str:
    """What a folder is called on a page: the server's name for it, but "Inbox" for INBOX."""
    return "Inbox" if folder.use == "inbox" else plain(folder.label)


def folder_path(folder: Folder) -> str:
    """A folder by the folders that it lies in, where one is chosen by its words alone: two may have the same label."""
    inside = folder.name.removeprefix(f"INBOX{folder.delimiter}")
    return plain(inside) if folder.delimiter and folder.delimiter in inside else folder_label(folder)


def people(everyone: Sequence[Named], shown: int = 3) -> str:
    """Names of the first `shown` and how many more: "Alice, Bob and 4 more"."""
    names = [person(who, "?") for who in everyone[:shown]]
    more = len(everyone) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


_END = re.compile(r'\s*(?:<div class="signature">|\Z)')
_QUOTE = re.compile(r'<blockquote class="quote">|</blockquote>')


def folded(html: Markup, least: int = 6) -> Markup:
    """Text of mail as `app.mail.text.text_html` makes it, the quote at its end folded if it has `least` lines or more.

    Quotes that are answered below stay open: the answers would lose their sense.
    """
    depth, start, last = 0, 0, None
    for tag in _QUOTE.finditer(html):
        depth += -1 if tag[0].startswith("</") else 1
        if depth == 1 and not tag[0].startswith("</"):
            start = tag.start()
        elif depth == 0:
            last = start, tag.end()
    if last is None:
        return html
    text, (start, end) = str(html), last
    lines = text.count("\n", start, end) + text.count("<blockquote", start, end)
    if lines < least or not _END.match(text, end):
        return html
    fold = f"<details><summary>Quoted text, {lines} lines</summary>{text[start:end]}</details>"
    return Markup(text[:start] + fold + text[end:])


_KINDS: tuple[tuple[str, str, str], ...] = (
    ("image/", "Image", "image"),
    ("audio/", "Audio", "music"),
    ("video/", "Video", "video"),
    ("message/rfc822", "Message", "mail"),
    ("message/global", "Message", "mail"),
    ("text/calendar", "Invitation", "calendar"),
    ("text/vcard", "Contact", "circle-user"),
    ("text/html", "Web page", "file-text"),
    ("text/", "Text", "file-text"),
    ("application/pdf", "PDF", "file-text"),
    ("application/msword", "Document", "file-text"),
    ("application/rtf", "Document", "file-text"),
    ("application/vnd.openxmlformats-officedocument.wordprocessing", "Document", "file-text"),
    ("application/vnd.oasis.opendocument.text", "Document", "file-text"),
    ("application/vnd.ms-excel", "Spreadsheet", "file-spreadsheet"),
    ("application/vnd.openxmlformats-officedocument.spreadsheet", "Spreadsheet", "file-spreadsheet"),
    ("application/vnd.oasis.opendocument.spreadsheet", "Spreadsheet", "file-spreadsheet"),
    ("application/vnd.ms-powerpoint", "Slides", "image"),
    ("application/vnd.openxmlformats-officedocument.presentation", "Slides", "image"),
    ("application/zip", "Archive", "file-archive"),
    ("application/x-7z", "Archive", "file-archive"),
    ("application/gzip", "Archive", "file-archive"),
    ("application/x-tar", "Archive", "file-archive"),
    ("application/pgp-sig", "Signature", "lock"),
    ("application/pkcs7-sig", "Signature", "lock"),
    ("application/x-pkcs7-sig", "Signature", "lock"),
    ("application/pgp", "PGP", "lock"),
    ("application/pkcs7", "S/MIME", "lock"),
    ("application/x-pkcs7", "S/MIME", "lock"),
)


def kind(media_type: str | None) -> str:
    """A media type in one plain word ("application/pdf" → "PDF"), "File" when it says nothing."""
    return _kind(media_type)[0]


def kind_icon(media_type: str | None) -> str:
    """The name of the icon that stands for a media type."""
    return _kind(media_type)[1]


def _kind(media_type: str | None) -> tuple[str, str]:
    low = (media_type or "").lower()
    return next(((word, icon) for start, word, icon in _KINDS if low.startswith(start)), ("File", "file"))


def own_address(address: str) -> str:
    """One's own address as one writes it. Of others' the punycode stays: letters imitate letters."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{shown_domain(domain)}"


filters: Mapping[str, Callable[..., Any]] = {
    "when": when,
    "full_date": full_date,
    "iso": iso,
    "size": size,
    "middle": middle,
    "number": number,
    "plain": plain,
    "person": person,
    "people": people,
    "dates": dates,
    "folder_label": folder_label,
    "folder_path": folder_path,
    "mailbox_path": escape_mailbox,
    "folded": folded,
    "kind": kind,
    "kind_icon": kind_icon,
    "own_address": own_address,
}
