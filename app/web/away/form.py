"""An answer while somebody is away, as its form shows it: what was typed, good or bad, and the Vacation that it means.

What the form does not show stays as the script has it: what becomes of the mail itself, and a time of day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from app.mail.plain import html_text
from app.mail.small import small_html
from app.profile.words import line
from app.sieve.errors import BadRule
from app.sieve.vacation import LONGEST_DAYS, MOST_CONTACTS, Bound, Vacation

USUAL_DAYS = 7
LONGEST = 10_000  # characters of an answer, as of a signature
_FIELDS = {"days": "days", "start": "start", "end": "end", "subject": "subject", "text": "text", "html": "html",
           "contacts": "contacts"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields; `faults`: what is wrong, by field, "form" for the whole."""

    on: bool = False
    start: str = ""
    end: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    days: str = str(USUAL_DAYS)
    contacts: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)


def typed_of(vacation: Vacation | None) -> Typed:
    """The form of the answer that a script has."""
    if vacation is None:
        return Typed()
    return Typed(
        vacation.enabled,
        vacation.start.day.isoformat() if vacation.start else "",
        vacation.end.day.isoformat() if vacation.end else "",
        vacation.subject,
        vacation.text,
        vacation.html,
        str(vacation.days) if vacation.days is not None else "",
        bool(vacation.contacts or vacation.contacts_list),
    )


def typed(form: Mapping[str, str]) -> Typed:
    """What a browser sent."""
    text, html = (form.get(name, "").replace("\r\n", "\n") for name in ("text", "html"))
    days = ("start", "end", "days")
    start, end, between = (form.get(name, "").strip()[:20] for name in days)
    return Typed(
        form.get("on") == "1", start, end, line(form.get("subject", ""), 500), text.rstrip(), html.strip(), between,
        form.get("contacts") == "1",
    )  # fmt: skip


def vacation_of(
    told: Typed, before: Vacation | None, zone: ZoneInfo, *, addresses: Sequence[str], contacts: Sequence[str]
) -> tuple[Vacation | None, Typed]:
    """The answer that is meant, or None and the form with what is wrong. `contacts`: those of the address book."""
    faults: dict[str, str] = {}
    html = small_html(told.html) if len(told.html) <= LONGEST else told.html
    html = html if html_text(html).strip() else ""  # an editor leaves an empty line
    for name in ("text", "html"):
        if len(getattr(told, name)) > LONGEST:
            faults[name] = f"An answer has at most {LONGEST:,} characters."
    values: dict[str, Any] = {"text": told.text or html_text(html), "html": html, "subject": told.subject}
    values |= {"enabled": told.on, "addresses": tuple(addresses)}
    was = before or Vacation("-")
    for name in ("start", "end"):
        try:
            values[name] = _bound(getattr(told, name), getattr(was, name), zone)
        except ValueError:
            faults[name] = "A day such as 2026-12-20."
    values |= _people(told, was, contacts, faults) | _days(told, faults)
    if faults:
        return None, replace(told, faults=faults)
    try:
        return replace(was, **values), told
    except BadRule as error:
        name = _FIELDS.get(error.field, "form")
        return None, replace(told, faults={name: error.words})


def _bound(text: str, before: Bound | None, zone: ZoneInfo) -> Bound | None:
    """Raises ValueError."""
    if not text:
        return None
    day = date.fromisoformat(text)
    if before is not None and before.day == day:
        return before
    return Bound.of(day, zone, before.at if before else None)


def _people(told: Typed, was: Vacation, contacts: Sequence[str], faults: dict[str, str]) -> dict[str, Any]:
    if not told.contacts:
        return {"contacts": (), "contacts_list": ""}
    if was.contacts_list:
        return {}
    if not contacts:
        faults["contacts"] = "There is no address in your contacts."
    return {"contacts": tuple(contacts[:MOST_CONTACTS])}


def _days(told: Typed, faults: dict[str, str]) -> dict[str, Any]:
    """Left empty it is as the mail server has it, or in seconds as another program set it."""
    if not told.days:
        return {"days": None}
    if told.days.isascii() and told.days.isdecimal() and 1 <= int(told.days) <= LONGEST_DAYS:
        return {"days": int(told.days), "seconds": None}
    faults["days"] = f"Between 1 and {LONGEST_DAYS} days."
    return {}
