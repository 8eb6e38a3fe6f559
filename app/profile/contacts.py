"""The address book: an account's contacts, each with its addresses, of which suggest.py holds the rows.

Every statement names the account: an id alone opens nothing. A contact's own texts are bounded by contact.py.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from app.profile.asking import asking, done_whole
from app.profile.contact import MOST_CONTACTS, Contact, bounded
from app.profile.errors import Full, Gone
from app.profile.suggest import delete_recipients, insert_recipients
from app.profile.tables import ContactRow, RecipientRow
from app.profile.vcard import combined
from app.profile.words import WORD, folded, mark

_TABLE: Any = ContactRow.__table__
_C: Any = _TABLE.c
_RECIPIENTS: Any = RecipientRow.__table__
_R: Any = _RECIPIENTS.c
MOST = MOST_CONTACTS
MOST_OCTETS = 64 * 1024 * 1024  # of their cards and notes, where each could have 74 KB


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the contacts that were asked for, in order of name, and how many there are in all."""

    contacts: tuple[Contact, ...]
    total: int


def page(
    engine: Engine, account_id: str, *, sought: str = "", label: str = "", offset: int = 0, limit: int = 100
) -> Page:
    """Contacts whose name, addresses, groups or note hold every word that is sought. Raises ProfileAway."""
    where = [_C.account_id == account_id]
    where += [_C.sought.contains(word, autoescape=True) for word in folded(sought[:200]).split()[:8]]
    if label:
        where.append(_C.labels.contains(f"\n{label}\n", autoescape=True))
    chosen = select(_TABLE).where(*where).order_by(_C.sort, _C.contact_id).offset(offset).limit(limit)
    with asking(), engine.connect() as connection:
        total = int(connection.scalar(select(func.count()).select_from(_TABLE).where(*where)) or 0)
        return Page(_contacts(connection, connection.execute(chosen).all()), total)


def one(engine: Engine, account_id: str, contact_id: str) -> Contact:
    """A contact of the account. Raises Gone, ProfileAway."""
    with asking(), engine.connect() as connection:
        found = _contacts(connection, connection.execute(select(_TABLE).where(*_own(account_id, contact_id))).all())
    if not found:
        raise Gone(contact_id)
    return found[0]


def every(engine: Engine, account_id: str) -> tuple[Contact, ...]:
    """The whole address book, in order of name. Raises ProfileAway."""
    return page(engine, account_id, limit=MOST).contacts


def some(engine: Engine, account_id: str, ids: Sequence[str]) -> tuple[Contact, ...]:
    """Those of the account, in no order. Raises ProfileAway."""
    chosen = select(_TABLE).where(_C.account_id == account_id, _C.contact_id.in_(ids))
    with asking(), engine.connect() as connection:
        return _contacts(connection, connection.execute(chosen).all())


def labels_of(engine: Engine, account_id: str) -> tuple[tuple[str, int], ...]:
    """The account's groups in order, each with how many are in it. Raises ProfileAway."""
    with asking(), engine.connect() as connection:
        told = connection.execute(select(_C.labels).where(_C.account_id == account_id, _C.labels != "")).scalars().all()
    counts = Counter(label for each in told for label in each.strip("\n").split("\n"))
    return tuple(sorted(counts.items(), key=lambda each: folded(each[0])))


def save(engine: Engine, account_id: str, contact: Contact) -> Contact:
    """Keeps a contact, new where its id is "". Raises Full, Gone (it was deleted meanwhile), ProfileAway."""
    kept = bounded(contact)
    if not kept.id:
        return add(engine, account_id, [kept])[0]
    done_whole(engine, lambda connection: _change(connection, account_id, kept))
    return kept


def add(engine: Engine, account_id: str, contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """Keeps new contacts, all or none. Raises Full, ProfileAway."""
    fresh = [replace(bounded(each), id="") for each in contacts]
    return done_whole(engine, lambda connection: _add(connection, account_id, fresh))


def add_missing(engine: Engine, account_id: str, contacts: Iterable[Contact]) -> tuple[int, int]:
    """Keeps those whose name and addresses no contact has yet. Returns how many these were, and how many were there.
    Raises Full, ProfileAway."""
    told = [bounded(each) for each in contacts]
    there = {_sameness(each) for each in every(engine, account_id)}
    fresh = [each for each in {_sameness(one): one for one in told}.values() if _sameness(each) not in there]
    add(engine, account_id, fresh)
    return len(fresh), len(told) - len(fresh)


def remove(engine: Engine, account_id: str, contact_id: str) -> None:
    """Deletes a contact. Raises Gone, ProfileAway."""

    def work(connection: Connection) -> None:
        if not connection.execute(delete(_TABLE).where(*_own(account_id, contact_id))).rowcount:
            raise Gone(contact_id)
        delete_recipients(connection, _address_ids(connection, account_id, contact_id))

    done_whole(engine, work)


def sharing(engine: Engine, account_id: str, contact: Contact) -> tuple[Contact, ...]:
    """The account's other contacts that share an address with one. Raises ProfileAway."""
    marks = [mark(each) for each in contact.addresses]
    same = select(_R.contact_id).where(_R.account_id == account_id, _R.mark.in_(marks), _R.contact_id.is_not(None))
    others = select(_TABLE).where(_C.account_id == account_id, _C.contact_id.in_(same), _C.contact_id != contact.id)
    with asking(), engine.connect() as connection:
        return _contacts(connection, connection.execute(others.order_by(_C.sort).limit(20)).all()) if marks else ()


def merge(engine: Engine, account_id: str, keep_id: str, other_id: str) -> Contact:
    """One contact of two: the first's name, both's addresses, groups and notes, and of the other's vCard what may stand
    in one several times, such as telephone numbers. Raises Gone, ProfileAway."""
    kept, other = one(engine, account_id, keep_id), one(engine, account_id, other_id)
    if kept.id == other.id:
        raise Gone(other_id)
    notes = dict.fromkeys(each for each in (kept.note, other.note) if each)
    both = replace(
        kept,
        name=kept.name or other.name,
        addresses=(*kept.addresses, *other.addresses),
        labels=(*kept.labels, *other.labels),
        note="\n".join(notes),
        card=combined(kept.card, other.card),
    )
    made = bounded(both)

    def work(connection: Connection) -> None:
        if not connection.execute(delete(_TABLE).where(*_own(account_id, other_id))).rowcount:
            raise Gone(other_id)
        _change(connection, account_id, made, absorbed=other_id)

    done_whole(engine, work)
    return made


def relabel(engine: Engine, account_id: str, label: str, new: str) -> int:
    """Gives a group another name, with "" none: its contacts stay. Under a name that another group has, both are one.

    Returns how many contacts were in it. Raises ProfileAway.
    """
    theirs = select(_TABLE).where(_C.account_id == account_id, _C.labels.contains(f"\n{label}\n", autoescape=True))

    def work(connection: Connection) -> int:
        found = _contacts(connection, connection.execute(theirs).all())
        in_it = [each for each in found if label in each.labels]
        for each in in_it:
            labels = tuple(new if name == label else name for name in each.labels)
            values = _values(bounded(replace(each, labels=labels)))
            connection.execute(update(_TABLE).where(*_own(account_id, each.id)).values(values))
        return len(in_it)

    return done_whole(engine, work) if label else 0


def _sameness(contact: Contact) -> tuple[str, frozenset[str]]:
    return contact.name.casefold(), frozenset(mark(each) for each in contact.addresses)


def _own(account_id: str, contact_id: str) -> tuple[Any, Any]:
    return _C.contact_id == contact_id, _C.account_id == account_id


def _values(contact: Contact) -> dict[str, Any]:
    everything = " ".join((contact.name, *contact.addresses, *contact.labels, contact.note))
    return {
        "name": contact.name,
        "sort": folded(contact.name or next(iter(contact.addresses), ""))[:WORD],
        "note": contact.note,
        "labels": "\n" + "\n".join(contact.labels) + "\n" if contact.labels else "",
        "sought": folded(everything.replace("\n", " "))[:20_000],
        "card": contact.card,
        "changed": round(time.time() * 1000),
    }


def _add(connection: Connection, account_id: str, contacts: Sequence[Contact]) -> tuple[Contact, ...]:
    there = int(connection.scalar(select(func.count()).select_from(_TABLE).where(_C.account_id == account_id)) or 0)
    if there + len(contacts) > MOST:
        raise Full(f"{there} of {MOST} contacts")
    kept = select(func.sum(func.coalesce(func.length(_C.card), 0) + func.length(_C.note)))
    size = int(connection.scalar(kept.where(_C.account_id == account_id)) or 0)
    if size + sum(len(each.card or "") + len(each.note) for each in contacts) > MOST_OCTETS:
        raise Full(f"{size} of {MOST_OCTETS} octets")
    made = tuple(replace(each, id=secrets.token_hex(16)) for each in contacts)
    if made:
        rows = [{"contact_id": each.id, "account_id": account_id, **_values(each)} for each in made]
        connection.execute(insert(_TABLE), rows)
        used = _take_collected(connection, account_id, [address for each in made for address in each.addresses])
        insert_recipients(connection, account_id, [row for each in made for row in _rows(each, used)])
    return made


def _change(connection: Connection, account_id: str, contact: Contact, *, absorbed: str = "") -> None:
    """The contact's row, and its addresses anew; how often each was used stays. Raises Gone."""
    if not connection.execute(update(_TABLE).where(*_own(account_id, contact.id)).values(_values(contact))).rowcount:
        raise Gone(contact.id)
    used = _take_collected(connection, account_id, contact.addresses)
    for owner in (absorbed, contact.id):
        old = connection.execute(select(_RECIPIENTS).where(_R.account_id == account_id, _R.contact_id == owner)).all()
        for row in old:
            times, last = used.get(row.mark, (0, 0))
            used[row.mark] = (max(times, row.times), max(last, row.last_used))
        delete_recipients(connection, [row.recipient_id for row in old])
    insert_recipients(connection, account_id, _rows(contact, used))


def _take_collected(connection: Connection, account_id: str, addresses: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Who comes into the address book is no longer collected; how often they were written to goes with them."""
    used: dict[str, tuple[int, int]] = {}
    marks = [mark(each) for each in addresses]
    for start in range(0, len(marks), 400):
        some = _R.mark.in_(marks[start : start + 400])
        theirs = select(_RECIPIENTS).where(_R.account_id == account_id, some, _R.contact_id.is_(None))
        rows = connection.execute(theirs).all()
        used |= {row.mark: (row.times, row.last_used) for row in rows}
        delete_recipients(connection, [row.recipient_id for row in rows])
    return used


def _rows(contact: Contact, used: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    rows = []
    for position, address in enumerate(contact.addresses):
        times, last = used.get(mark(address), (0, 0))
        rows.append(
            {"recipient_id": secrets.token_hex(16), "contact_id": contact.id, "position": position,
             "name": contact.name, "address": address, "times": times, "last_used": last}
        )  # fmt: skip
    return rows


def _address_ids(connection: Connection, account_id: str, contact_id: str) -> Sequence[str]:
    theirs = select(_R.recipient_id).where(_R.account_id == account_id, _R.contact_id == contact_id)
    return connection.execute(theirs).scalars().all()


def _contacts(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Contact, ...]:
    """Contacts of their rows, with their addresses, a few hundred a statement."""
    addresses: dict[str, list[str]] = {}
    ids = [row.contact_id for row in rows]
    for start in range(0, len(ids), 400):
        some = select(_R.contact_id, _R.address).where(_R.contact_id.in_(ids[start : start + 400]))
        for contact_id, address in connection.execute(some.order_by(_R.contact_id, _R.position)):
            addresses.setdefault(contact_id, []).append(address)
    return tuple(_contact(row, tuple(addresses.get(row.contact_id, ()))) for row in rows)


def _contact(row: Row[Any], addresses: tuple[str, ...]) -> Contact:
    labels = tuple(each for each in row.labels.split("\n") if each)
    return Contact(row.name, addresses, row.note, labels, row.card, row.contact_id)
