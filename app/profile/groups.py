"""Groups of the address book, to write to: a group is a label on contacts, and there as long as one of them has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from app.profile.asking import asking
from app.profile.contacts import page
from app.profile.suggest import Suggestion
from app.profile.tables import ContactRow, RecipientRow
from app.profile.words import fits, folded, mark, words_of

_C: Any = ContactRow.__table__.c
_R: Any = RecipientRow.__table__.c
MOST_MEMBERS = 1000  # of one group that are written to at once


@dataclass(frozen=True, slots=True)
class Group:
    """A group, and how many contacts in it have an address."""

    name: str
    people: int


def groups_beginning(engine: Engine, account_id: str, typed: str, limit: int = 3) -> tuple[Group, ...]:
    """The account's groups with words that begin as typed, of which somebody can be written to. Raises ProfileAway."""
    pieces = folded(typed[:200]).split()[:8]
    if not pieces:
        return ()
    reached = select(_R.contact_id).where(_R.account_id == account_id, _R.contact_id.is_not(None))
    sought = (_C.sought.contains(piece, autoescape=True) for piece in pieces)
    told = select(_C.labels).where(_C.account_id == account_id, _C.labels != "", _C.contact_id.in_(reached), *sought)
    with asking(), engine.connect() as connection:
        labels = [label for each in connection.execute(told).scalars() for label in each.strip("\n").split("\n")]
    counts = Counter(label for label in labels if fits(typed[:200], words_of(label, "")))
    best = sorted(counts.items(), key=lambda each: (folded(each[0]), each[0]))[:limit]
    return tuple(Group(*each) for each in best)


def members(engine: Engine, account_id: str, name: str) -> tuple[Suggestion, ...]:
    """Whom one writes to who writes to a group: the first address of each contact, each once. Raises ProfileAway."""
    found = page(engine, account_id, label=name, limit=MOST_MEMBERS).contacts if name else ()
    reached = (each for each in found if each.addresses and name in each.labels)
    first = {mark(each.addresses[0]): each for each in reached}
    return tuple(Suggestion(each.name, each.addresses[0], "contact") for each in first.values())
