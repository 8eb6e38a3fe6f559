"""Contacts that may be the same person: they share an address, or are called the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine, select

from app.profile.asking import asking
from app.profile.contact import Contact
from app.profile.contacts import some
from app.profile.tables import ContactRow, RecipientRow
from app.profile.words import folded

_C: Any = ContactRow.__table__.c
_R: Any = RecipientRow.__table__.c
MOST_SHOWN = 50  # sets; more are there once these are done
MOST_TOGETHER = 20  # contacts of one set that are shown


def duplicates(engine: Engine, account_id: str) -> tuple[tuple[Contact, ...], ...]:
    """Sets of contacts of the account, each of two or more, in order of name. Raises ProfileAway."""
    names = select(_C.contact_id, _C.name).where(_C.account_id == account_id)
    marks = select(_R.contact_id, _R.mark).where(_R.account_id == account_id, _R.contact_id.is_not(None))
    with asking(), engine.connect() as connection:
        called = {number: " ".join(folded(name).split()) for number, name in connection.execute(names).all()}
        signs = [(number, f"a {mark}") for number, mark in connection.execute(marks).all() if number in called]
    signs += [(number, f"n {name}") for number, name in called.items() if name]
    sets = sorted(_together(signs), key=lambda each: min((called[number], number) for number in each))[:MOST_SHOWN]
    shown = [sorted(each, key=lambda number: (called[number], number))[:MOST_TOGETHER] for each in sets]
    known = {each.id: each for each in some(engine, account_id, [number for each in shown for number in each])}
    found = (tuple(known[number] for number in each if number in known) for each in shown)
    return tuple(each for each in found if len(each) > 1)


def _together(signs: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Who is connected by any sign, over others too: each set of more than one."""
    sets: dict[str, set[str]] = {}
    first: dict[str, str] = {}
    for number, sign in signs:
        own = sets.setdefault(number, {number})
        other = sets[first.setdefault(sign, number)]
        if own is not other:
            small, large = sorted((own, other), key=len)
            large |= small
            sets.update(dict.fromkeys(small, large))
    return [each for each in {id(each): each for each in sets.values()}.values() if len(each) > 1]
