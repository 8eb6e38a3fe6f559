"""The few facts of an invitation that a reader wants to see, from iCalendar text (RFC 5545), as text.

Only fields are read: no recurrences are worked out, no time zones computed, nothing is answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from app.mail.header import clean

MAX_LINES: Final = 5_000
_LENGTH: Final = 1_000
_DESCRIPTION: Final = 4_000
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(?:\d\d)?(Z?))?")
_ESCAPED: Final = re.compile(r"\\(.)")
_ZONE: Final = re.compile(r";TZID=\"?([^;:\"]{1,80})", re.IGNORECASE)
_NAME: Final = re.compile(r";CN=(?:\"([^\"]{1,200})\"|([^;:\"]{1,200}))", re.IGNORECASE)
_WANTED: Final = frozenset(
    ["DESCRIPTION", "DTEND", "DTSTART", "LOCATION", "ORGANIZER", "RRULE", "STATUS", "SUMMARY", "URL"]
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the first event says; each "" when missing."""

    summary: str = ""
    start: str = ""
    end: str = ""
    location: str = ""
    organizer: str = ""
    description: str = ""
    url: str = ""
    repeats: bool = False
    cancelled: bool = False


def read(text: str) -> Invitation | None:
    """The facts of a calendar's first event; None when there is no event. Never raises."""
    lines = _FOLD.sub("", text).splitlines()[:MAX_LINES]
    method, event = _first_event(lines)
    if event is None:
        return None
    cancelled = method == "CANCEL" or event.get("STATUS", ("", ""))[1].upper() == "CANCELLED"
    return Invitation(
        _text(event, "SUMMARY"),
        _time(event, "DTSTART"),
        _time(event, "DTEND"),
        _text(event, "LOCATION"),
        _organizer(event),
        _text(event, "DESCRIPTION", _DESCRIPTION),
        _text(event, "URL"),
        "RRULE" in event,
        cancelled,
    )


Fields = dict[str, tuple[str, str]]


def _first_event(lines: list[str]) -> tuple[str, Fields | None]:
    """The calendar's method, and the fields that stand directly in the first event: name → (parameters, value)."""
    method, event, inside = "", None, list[str]()
    for line in lines:
        head, _, value = _split(line)
        name, mark, parameters = head.partition(";")
        name = name.upper()
        if name == "BEGIN":
            inside.append(value.upper())
            if value.upper() == "VEVENT":
                if event is not None:
                    break
                event = Fields()
        elif name == "END" and inside:
            inside.pop()
        elif name == "METHOD" and len(inside) < 2:
            method = clean(value)[:20].upper()
        elif event is not None and inside[-1:] == ["VEVENT"] and name in _WANTED:
            event.setdefault(name, (mark + parameters, value))
    return method, event


def _split(line: str) -> tuple[str, str, str]:
    """Name and parameters, ":", value: a quoted parameter may hold a colon (RFC 5545 §3.1)."""
    quoted = False
    for position, letter in enumerate(line[:2000]):
        if letter == '"':
            quoted = not quoted
        elif letter == ":" and not quoted:
            return line[:position], ":", line[position + 1 :]
    return line[:100], "", ""


def _text(event: Fields, name: str, length: int = _LENGTH) -> str:
    """A TEXT value (RFC 5545 §3.3.11); only a description keeps its lines."""
    value = event.get(name, ("", ""))[1][: length * 2]
    text = _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
    return (
        "\n".join(clean(line) for line in text.split("\n"))[:length] if name == "DESCRIPTION" else clean(text)[:length]
    )


def _time(event: Fields, name: str) -> str:
    """A date or time as written, with its zone: ``2026-01-05 10:00 (Europe/Berlin)``."""
    parameters, value = event.get(name, ("", ""))
    found = _TIME.match(value)
    if found is None:
        return ""
    year, month, day, hour, minute, utc = found.groups()
    if hour is None:
        return f"{year}-{month}-{day}"
    zone = _ZONE.search(parameters)
    where = " UTC" if utc else f" ({clean(zone[1])})" if zone else ""
    return f"{year}-{month}-{day} {hour}:{minute}{where}"


def _organizer(event: Fields) -> str:
    parameters, value = event.get("ORGANIZER", ("", ""))
    named = _NAME.search(parameters)
    name = clean(named[1] or named[2]) if named else ""
    address = clean(re.sub(r"(?i)\Amailto:", "", value))[:320]
    return f"{name} <{address}>" if name and address else name or address
