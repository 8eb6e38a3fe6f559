"""A condition as a form asks for it: what it is about, how it is compared, and with what.

Every condition has a way into the form and back that loses nothing: what the form's own words cannot say travels as
the Sieve test that it is ("other"), and is read as strictly as a script's when it comes back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from app.sieve import read, write
from app.sieve.errors import BadRule
from app.sieve.rule import COMPARISONS, Condition

ABOUTS: Final[dict[str, tuple[str, ...]]] = {
    "sender": (*COMPARISONS, "domain"),
    "recipient": (*COMPARISONS, "domain"),
    "subject": COMPARISONS,
    "list": (*COMPARISONS, "exists"),
    "header": (*COMPARISONS, "exists"),
    "size": ("over", "under"),
    "body": COMPARISONS,
    "date": ("on", "before", "after", "from", "until"),
    "other": (),
}
# Capabilities of the server without which this is not offered.
WANTS: Final[dict[str, frozenset[str]]] = dict.fromkeys(ABOUTS, frozenset[str]()) | {
    "body": frozenset({"body"}),
    "date": frozenset({"date", "relational"}),
}
ACTION_WANTS: Final[dict[str, frozenset[str]]] = {
    "fileinto": frozenset({"fileinto"}),
    "copy": frozenset({"fileinto", "copy"}),
    "redirect": frozenset(),
    **dict.fromkeys(("addflag", "setflag", "removeflag"), frozenset({"imap4flags"})),
    "reject": frozenset({"reject"}),
    "ereject": frozenset({"ereject"}),
    **dict.fromkeys(("discard", "keep", "stop"), frozenset[str]()),
}
_FIELDS: Final = {"sender": ("from",), "recipient": ("to", "cc"), "subject": ("subject",), "list": ("list-id",)}
_RELATIONS: Final = {"on": "is", "before": "lt", "after": "gt", "from": "ge", "until": "le"}
_SIZE: Final = re.compile(r"([0-9]{1,10}) ?([KMG]?)B?", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition as its form asks for it."""

    about: str
    op: str = ""
    values: tuple[str, ...] = ()
    header: str = ""  # the field's name, of "header"
    negated: bool = False
    zone: str = ""  # the clock by which a date is meant, "+0100"
    text: str = ""  # the test itself, of "other"


def condition(form: Asked) -> Condition:
    """Raises BadRule, whose field is about, op, value, header or text."""
    if form.about not in ABOUTS:
        raise BadRule("about", "Choose what the condition is about.")
    if form.about == "other":
        return _other(form.text)
    if form.op not in ABOUTS[form.about]:
        raise BadRule("op", "Choose how it is compared.")
    return _MADE.get(form.about, _header)(form)


def asked(given: Condition) -> Asked:
    """What a form shows for a condition."""
    lower = replace(given, headers=tuple(name.lower() for name in given.headers))  # names of fields have no case
    for guess in _guesses(given):
        try:
            if condition(guess) in (given, lower):
                return guess
        except BadRule:
            continue
    return Asked("other", text=write.test(given))


def _guesses(given: Condition) -> list[Asked]:
    values, negated = given.values, given.negated
    if given.kind == "size":
        return [Asked("size", given.op, (write.size(given.size),), negated=negated)]
    if given.kind == "body":
        return [Asked("body", given.op, values, negated=negated)]
    if given.kind == "date":
        return [Asked("date", op, values, negated=negated, zone=given.zone) for op in _RELATIONS]
    op = "domain" if given.part == "domain" else given.op
    named = [Asked(about, op, values, negated=negated) for about in _FIELDS]
    return [*named, *(Asked("header", op, values, name, negated) for name in given.headers)]


def _header(form: Asked) -> Condition:
    headers = _FIELDS.get(form.about) or (form.header.strip(),)
    if form.op == "exists":
        return Condition("exists", "exists", headers=headers, negated=form.negated)
    return Condition("header", form.op, form.values, headers, form.negated)


def _person(form: Asked) -> Condition:
    """An address is compared whole or by its domain; what it contains may as well be the name beside it."""
    if form.op in ("is", "domain"):
        part = "domain" if form.op == "domain" else ""
        return Condition("address", "is", form.values, _FIELDS[form.about], form.negated, part)
    return _header(form)


def _size(form: Asked) -> Condition:
    found = _SIZE.fullmatch(form.values[0].strip()) if len(form.values) == 1 else None
    if found is None:
        raise BadRule("value", "A size is a number with K, M or G.")
    return Condition("size", form.op, size=int(found[1]) * _UNITS[found[2].upper()], negated=form.negated)


def _body(form: Asked) -> Condition:
    return Condition("body", form.op, form.values, negated=form.negated, part="text")


def _date(form: Asked) -> Condition:
    try:
        for value in form.values:
            date.fromisoformat(value)
            if len(value) != len("2026-12-20"):
                raise ValueError(value)
    except ValueError:
        raise BadRule("value", "A date is written year-month-day.") from None
    return Condition("date", _RELATIONS[form.op], form.values, negated=form.negated, part="date", zone=form.zone)


def _other(text: str) -> Condition:
    try:
        found = read.condition(text.encode())
    except UnicodeEncodeError:
        found = None
    if found is None:
        raise BadRule("text", "This condition is not understood.")
    return found


_MADE: Final[dict[str, Callable[[Asked], Condition]]] = {
    "sender": _person,
    "recipient": _person,
    "size": _size,
    "body": _body,
    "date": _date,
}
