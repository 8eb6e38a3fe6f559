"""Writes a batch in pieces where SQL refuses it as a whole: what it takes is written, what it refuses is left out.

A refusal is an error that comes again with the same rows: a constraint or a trigger, a value that does not fit. Lost
connections, locks, limits of time, a full disk and missing tables pass, or somebody mends them: those are waited for.
What was refused stands among the odd lines of its log, with the error's first line.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.blocklog.entry import Batch, Rows, write
from app.blocklog.tally import Tally
from app.table.refusal import FAULTS, refuses

WHY = "the database refused a row"


@dataclass(frozen=True, slots=True)
class Left:
    """Something that was left out. `source_id`: of whose log, 0 for what is of none; `new`: one row less."""

    source_id: int
    new: bool
    words: str


def words(error: Exception) -> str:
    """An error's first line, which holds no value of a row's."""
    return (str(error.orig) if isinstance(error, DBAPIError) else str(error)).strip().partition("\n")[0]


def write_apart(connection: Connection, batch: Batch, source_id: int, at: float) -> list[Left]:
    """Writes what SQL takes of a batch, and what it refused as odd lines; of `source_id`, where it is of no log."""
    if connection.dialect.name == "sqlite":  # whose driver begins no transaction for a savepoint
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    left, tally = [], Tally()
    for part in _parts(batch):
        if _refusal(connection, part) is None:
            continue
        for number, new, piece in _pieces(part):
            if (error := _refusal(connection, piece)) is not None:
                left.append(Left(number or source_id, new, words(error)))
                tally.unread(left[-1].source_id, WHY, left[-1].words, at)
    _refusal(connection, Batch(tally=tally))
    return left


def _refusal(connection: Connection, batch: Batch) -> Exception | None:
    """The error, if SQL refuses this batch; of which nothing is written then."""
    try:
        with connection.begin_nested():
            write(connection, batch)
    except FAULTS as error:
        if not refuses(error):
            raise
        return error
    return None


def _parts(batch: Batch) -> Iterator[Batch]:
    """The batch by tables, in the order in which it is written."""
    yield Batch(blocks=batch.blocks, sites=batch.sites)
    yield Batch(recents=batch.recents, sites=batch.sites)
    yield Batch(passed=batch.passed)
    yield Batch(fates=batch.fates, undone=batch.undone)
    yield Batch(tally=_tally(hosts=batch.tally.hosts))
    yield Batch(uses=batch.uses)
    yield Batch(lessons=batch.lessons, sites=batch.sites)
    yield Batch(tally=_tally(odd=batch.tally.odd))


def _pieces(batch: Batch) -> Iterator[tuple[int, bool, Batch]]:
    """The rows of one part, each as a batch, with the number of its log and whether it is a new row."""
    for number, new, rows in _rows(batch.blocks):
        yield number, new, Batch(blocks=rows, sites=batch.sites)
    for number, new, rows in _rows(batch.recents):
        yield number, new, Batch(recents=rows, sites=batch.sites)
    for number, new, rows in _rows(batch.lessons):
        yield number, new, Batch(lessons=rows, sites=batch.sites)
    for each in batch.passed:
        yield 0, False, Batch(passed=[each])
    for undone in batch.undone:
        yield 0, False, Batch(undone=[undone])
    for place, fate in batch.fates.items():
        yield 0, False, Batch(fates={place: fate})
    for ip, host in batch.tally.hosts.items():
        yield 0, False, Batch(tally=_tally(hosts={ip: host}))
    for use in batch.uses:
        yield 0, False, Batch(uses=[use])
    for kind, lines in batch.tally.odd.items():
        yield kind[0], False, Batch(tally=_tally(odd={kind: lines}))


def _rows(rows: Rows) -> Iterator[tuple[int, bool, Rows]]:
    for row in rows.new:
        yield row[0][2] >> 48, True, Rows(new=[row])
    for row in rows.changed:
        yield row[0][2] >> 48, False, Rows(changed=[row])
    for key in rows.gone:
        yield key[2] >> 48, False, Rows(gone=[key])


def _tally(**counted: object) -> Tally:
    tally = Tally()
    for name, value in counted.items():
        setattr(tally, name, value)
    return tally
