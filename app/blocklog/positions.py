"""How far each log is read, and by whom: one follower at a time, as each write names the owner and finds it unchanged.

A follower that was killed leaves its name. Another takes its place at once where the name's process is gone from this
machine, and otherwise once nothing was heard of it for a while.
"""

import os
import secrets
import socket
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from app.blocklog.files import head, look
from app.blocklog.message import opened, squeezed
from app.blocklog.source import Source
from app.blocklog.tables import DONE, SourceRow
from app.blocklog.tail import Position

SILENT = timedelta(seconds=30)  # after which a follower on another machine is taken for dead
MOST_SOURCES = 32767
_SOURCE = SourceRow.__table__
_KNOWN = ("node", "path", "head_length", "head_hash", "state")
_Json = dict[str, Any]


class Lost(Exception):
    """Another follower reads this log."""


@dataclass(slots=True)
class Place:
    """A log, its number, and how far it was read when it was last written down. `state` is that of the messages under
    way in all logs of the follower, beside one of them. The counts are what is to be added."""

    source: Source
    source_id: int
    position: Position | None
    next_seq: int
    last_at: datetime | None
    state: _Json = field(default_factory=dict)
    lines: int = 0
    rows: int = 0
    odd_lines: int = 0
    gaps: int = 0


def owner() -> str:
    """A name for this process that no other has or will have."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{_started(os.getpid())}:{secrets.token_hex(4)}"


def claim(connection: Connection, sources: Sequence[Source], name: str) -> list[Place]:
    """Takes some logs. Raises Lost where another follower reads one."""
    return [_claim(connection, each, name) for each in sorted(sources, key=lambda each: (each.node, each.path))]


def _claim(connection: Connection, source: Source, name: str) -> Place:
    mine = (_SOURCE.c.node == source.node) & (_SOURCE.c.path == source.path)
    row = connection.execute(select(_SOURCE).where(mine)).first()
    now = datetime.now(UTC)
    if row is None:
        number = (connection.scalar(select(func.max(_SOURCE.c.source_id))) or 0) + 1
        if number > MOST_SOURCES:
            raise Lost("there are too many logs; remove rows of ingest_source that nobody reads any more")
        values = {"source_id": number, "node": source.node, "path": source.path, "owner": name, "seen_at": now}
        connection.execute(insert(_SOURCE).values(**values, format=source.format, zone=source.zone))
        return Place(source, number, None, 1, None)
    if row.owner not in ("", DONE, name) and _alive(row.owner, row.seen_at, now):
        raise Lost(f"{source.path} is read by {row.owner.rpartition(':')[0]}")
    taken = {"owner": name, "seen_at": now, "format": source.format, "zone": source.zone}
    done = connection.execute(update(_SOURCE).where(mine, _SOURCE.c.owner == row.owner).values(**taken))
    if done.rowcount != 1:
        raise Lost(f"{source.path} was just taken by another follower")
    state = opened(row.state)
    finished = tuple((size, digest) for size, digest in state.get("finished", ()))
    skipping = bool(state.get("skipping"))
    read = (row.inode, row.head_hash or b"", row.head_length or 0, row.byte_pos, skipping, finished)
    position = Position(*read) if row.inode is not None else None
    return Place(source, row.source_id, position, row.next_seq, row.last_at, state.get("join", {}))


def refuse_known(connection: Connection, sources: Sequence[Source]) -> None:
    """Raises Lost where a file begins as one that was read, or is being read, under another name: renamed, packed or
    copied, its lines would be counted twice. Under its own name it is gone on with."""
    known = _heads(connection)
    for source in sources:
        file = look(source.path)
        if file is None or not file.size:
            continue
        mine = (source.node, source.path)
        for size, read in known.items():
            names = read.get(sha256(head(file, size)).digest(), [])
            if names and (*mine, True) not in names:
                node, path, _ = names[0]
                raise Lost(f"{source.path} was read as part of {node}:{path}; --again counts its lines once more")


def _heads(connection: Connection) -> dict[int, dict[bytes, list[tuple[str, str, bool]]]]:
    """What was read: by the length and the digest of a file's first bytes in which logs, and whether it is the last."""
    found: dict[int, dict[bytes, list[tuple[str, str, bool]]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(select(*(_SOURCE.c[name] for name in _KNOWN))):
        if row.head_length:
            found[row.head_length][row.head_hash].append((row.node, row.path, True))
        for size, digest in opened(row.state).get("finished", ()):
            found[size][bytes.fromhex(digest)].append((row.node, row.path, False))
    return found


def save(connection: Connection, place: Place, position: Position, name: str) -> None:
    """Writes down how far a log is read. Raises Lost where it is another's."""
    columns = _SOURCE.c
    state = {"join": place.state, "finished": position.finished, "skipping": position.skipping}
    values: dict[str, Any] = {
        "inode": position.inode,
        "head_hash": position.head_hash or None,
        "head_length": position.head_length,
        "byte_pos": position.byte_pos,
        "next_seq": place.next_seq,
        "last_at": place.last_at,
        "state": squeezed(state),
        "seen_at": datetime.now(UTC),
        **{each: columns[each] + getattr(place, each) for each in ("lines", "rows", "odd_lines", "gaps")},
    }
    mine = (columns.source_id == place.source_id) & (columns.owner == name)
    if connection.execute(update(_SOURCE).where(mine).values(values)).rowcount != 1:
        raise Lost(f"{place.source.path} was taken by another follower")
    place.lines = place.rows = place.odd_lines = place.gaps = 0


def release(connection: Connection, places: Sequence[Place], name: str, *, done: bool = False) -> None:
    """Gives logs back; `done`: they are read to their end, and nobody is to go on with them."""
    numbers = [each.source_id for each in places]
    mine = _SOURCE.c.source_id.in_(numbers) & (_SOURCE.c.owner == name)
    connection.execute(update(_SOURCE).where(mine).values(owner=DONE if done else ""))


def _alive(name: str, seen: datetime | None, now: datetime) -> bool:
    """Whether the follower of a name may still be at work."""
    host, pid, started, _ = [*name.rsplit(":", 3), "", "", ""][:4]
    if host == socket.gethostname()[:60] and pid.isdecimal():
        return started == _started(int(pid))
    return seen is not None and now - seen < SILENT


def _started(pid: int) -> str:
    """When a process began, as Linux counts it; "" where there is none."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""
