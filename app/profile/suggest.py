"""Whom somebody may mean who types the beginning of a name or an address, and the memory of whom they wrote to.

Words are looked up by range (`jo` to the last word that begins so), which every database answers from its index and in
which no character is a wildcard. Those in the address book come first, then whom the account wrote to, most used first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import Connection, Engine, Select, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.profile.asking import asking, done_whole
from app.profile.tables import RecipientRow, WordRow
from app.profile.words import WORD, fits, folded_address, line, mark, to_look_up, words_of

Source = Literal["contact", "collected", "directory"]

_TABLE: Any = RecipientRow.__table__
_WORDS: Any = WordRow.__table__
_R: Any = _TABLE.c
_W: Any = _WORDS.c
MOST_COLLECTED = 1000
_AT_ONCE = 200  # addresses of one message that are remembered
_PIECES = 3  # of what was typed that are looked up; all are compared
_LOOKED_AT = 200
_LAST = "\U0010ffff"  # after every word's next character


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Somebody to write to."""

    name: str
    address: str
    source: Source


@dataclass(frozen=True, slots=True)
class Collected:
    """Somebody the account wrote to who is in no address book; `last_used` in milliseconds of the epoch."""

    id: str
    name: str
    address: str
    times: int
    last_used: int


class Person(Protocol):
    """An address and the name beside it, as the mail room's addresses have them."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...


def suggestions(engine: Engine, account_id: str, typed: str, limit: int = 8) -> tuple[Suggestion, ...]:
    """The account's own recipients, each address once, whose name or address has words that begin as typed.

    Nothing for nothing typed. Raises ProfileAway.
    """
    pieces = to_look_up(typed[:200], _PIECES)
    if not pieces:
        return ()
    with asking(), engine.connect() as connection:
        rows = connection.execute(found(account_id, pieces)).all()
    chosen = (row for row in rows if fits(typed[:200], words_of(row.name, row.address)))
    once = {row.mark: row for row in reversed(list(chosen))}
    best = sorted(once.values(), key=rows.index)[:limit]
    return tuple(Suggestion(row.name, row.address, "contact" if row.contact_id else "collected") for row in best)


def found(account_id: str, pieces: Sequence[str]) -> Select[Any]:
    """The statement: recipients with a word for each piece. Their account is that of their words."""
    chosen = select(_R.name, _R.address, _R.contact_id, _R.mark).where(
        *(_R.recipient_id.in_(_beginning(account_id, piece)) for piece in pieces)
    )
    apart = case((_R.contact_id.is_(None), 1), else_=0)
    return chosen.order_by(apart, _R.times.desc(), _R.last_used.desc(), _R.name, _R.recipient_id).limit(_LOOKED_AT)


def _beginning(account_id: str, piece: str) -> Select[Any]:
    first = piece[:WORD]
    return select(_W.recipient_id).where(_W.account_id == account_id, _W.word >= first, _W.word < first + _LAST)


def collect(engine: Engine, account_id: str, addresses: Iterable[Person], *, now: int) -> None:
    """Remembers whom a message was sent to. At most 1,000 are kept beside the address book, the latest used.

    Raises ProfileAway.
    """
    people = {mark(each.address): each for each in list(addresses)[:_AT_ONCE] if "@" in each.address}
    for digest, each in people.items():
        _collect(engine, account_id, digest, line(each.name or ""), line(each.address, 254), now)
    if people:
        done_whole(engine, lambda connection: _keep_few(connection, account_id))


def _collect(engine: Engine, account_id: str, digest: str, name: str, address: str, now: int) -> None:
    """Counts on a row that is there, of a contact or not; else makes one, which somebody else may do meanwhile."""
    if done_whole(engine, lambda connection: _count(connection, account_id, digest, name, now)):
        return
    row = {"recipient_id": collected_id(account_id, address), "contact_id": None, "last_used": now, "times": 1,
           "position": 0, "name": name, "address": address}  # fmt: skip
    with asking(), suppress(IntegrityError), engine.begin() as connection:
        insert_recipients(connection, account_id, [row])


def _count(connection: Connection, account_id: str, digest: str, name: str, now: int) -> bool:
    """Whether the address is known. One without a name takes the first that it is written with."""
    same = update(_TABLE).where(_R.account_id == account_id, _R.mark == digest)
    if not connection.execute(same.values(times=_R.times + 1, last_used=now)).rowcount:
        return False
    bare = select(_TABLE).where(_R.account_id == account_id, _R.mark == digest, _R.name == "", _R.contact_id.is_(None))
    for row in connection.execute(bare).mappings().all() if name else ():
        delete_recipients(connection, [row["recipient_id"]])
        insert_recipients(connection, account_id, [{**row, "name": name}])
    return True


def unknown(engine: Engine, account_id: str, addresses: Collection[str]) -> set[str]:
    """Those of the addresses that the account has neither in its book nor written to. Raises ProfileAway."""
    marks = {mark(each): each for each in addresses}
    theirs = select(_R.mark).where(_R.account_id == account_id, _R.mark.in_(marks))
    with asking(), engine.connect() as connection:
        known = set(connection.execute(theirs).scalars())
    return {each for digest, each in marks.items() if digest not in known}


def collected_id(account_id: str, address: str) -> str:
    """One id for an address of an account, so that two who send at once do not make two rows."""
    return hashlib.sha256(f"{account_id}\0{folded_address(address)}".encode("utf-8", "replace")).hexdigest()[:32]


def _keep_few(connection: Connection, account_id: str) -> None:
    """Forgets the longest unused beyond the limit; some more than needed, so that it is not done for each message."""
    theirs = (_R.account_id == account_id, _R.contact_id.is_(None))
    if int(connection.scalar(select(func.count()).where(*theirs)) or 0) <= MOST_COLLECTED:
        return
    newest = select(_R.recipient_id).where(*theirs).order_by(_R.last_used.desc(), _R.times.desc())
    delete_recipients(connection, connection.execute(newest.offset(MOST_COLLECTED - 50).limit(5000)).scalars().all())


def collected(engine: Engine, account_id: str, *, limit: int = MOST_COLLECTED) -> tuple[Collected, ...]:
    """Whom the account wrote to, the latest first. Raises ProfileAway."""
    theirs = select(_TABLE).where(_R.account_id == account_id, _R.contact_id.is_(None))
    with asking(), engine.connect() as connection:
        rows = connection.execute(theirs.order_by(_R.last_used.desc(), _R.recipient_id).limit(limit)).all()
    return tuple(Collected(row.recipient_id, row.name, row.address, row.times, row.last_used) for row in rows)


def forget(engine: Engine, account_id: str, recipient_id: str | None) -> int:
    """Forgets one of the collected, or all with None; returns how many. Raises ProfileAway."""
    theirs = select(_R.recipient_id).where(_R.account_id == account_id, _R.contact_id.is_(None))
    if recipient_id is not None:
        theirs = theirs.where(_R.recipient_id == recipient_id)

    def work(connection: Connection) -> int:
        gone = connection.execute(theirs).scalars().all()
        delete_recipients(connection, gone)
        return len(gone)

    return done_whole(engine, work)


# -- the rows, for contacts.py too -------------------------------------------------------------------------------------


def insert_recipients(connection: Connection, account_id: str, rows: Sequence[dict[str, Any]]) -> None:
    """Rows of recipients (without account and mark), and their words."""
    if not rows:
        return
    made = [{**row, "account_id": account_id, "mark": mark(row["address"])} for row in rows]
    words = [
        {"recipient_id": row["recipient_id"], "account_id": account_id, "word": word}
        for row in rows
        for word in dict.fromkeys(each[:WORD] for each in words_of(row["name"], row["address"]))
    ]
    connection.execute(insert(_TABLE), made)
    connection.execute(insert(_WORDS), words)


def delete_recipients(connection: Connection, ids: Sequence[str]) -> None:
    """Recipients and their words, a few hundred a statement."""
    for start in range(0, len(ids), 400):
        some = ids[start : start + 400]
        connection.execute(delete(_WORDS).where(_W.recipient_id.in_(some)))
        connection.execute(delete(_TABLE).where(_R.recipient_id.in_(some)))
