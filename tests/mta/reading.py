"""What is read of a mail server's logs about a mail that a client tried to send."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select

from app.blocklog.classify import classify
from app.blocklog.event import Event, Line
from app.blocklog.follow import Follower
from app.blocklog.formats.exim import Reader
from app.blocklog.join import Join
from app.blocklog.pretence import Pretence
from app.blocklog.recipients import Recipients
from app.blocklog.source import Source
from app.blocklog.stamp import Stamp
from app.blocklog.tables import BlockRow, RecentRow
from app.directory.engine import open_engine
from tests.mta.client import Attempt
from tests.mta.exim import Exim

EXE = (
    "MIME-Version: 1.0",
    "Content-Type: application/octet-stream; name=run.exe",
    "Content-Disposition: attachment; filename=run.exe",
)


def of_exim(exim: Exim) -> list[Event]:
    """The events of Exim's both logs."""
    found: list[Event] = []
    for name in ("main", "reject"):
        stamp, reader = Stamp(f"exim-{name}"), Reader()
        if not exim.log(name).exists():
            continue
        for record in re.split(rb"\n(?=\d{4}-)", exim.log(name).read_bytes().rstrip(b"\n")):
            line = stamp.line(record)
            assert isinstance(line, Line), line
            found += reader.read(line)
    return found


def told(attempt: Attempt) -> set[tuple[str, int, str | None]]:
    """Of whom the client was told no, with the reply's codes."""
    return {(recipient.lower(), reply.code, reply.dsn) for recipient, reply in attempt.refused.items()}


def exim_sources(exim: Exim) -> tuple[Source, ...]:
    return tuple(Source("mx", str(exim.log(name)), f"exim-{name}") for name in ("main", "reject"))


class Log:
    """The block log, in a copy of a migrated SQLite file, after a follower has read some logs to their end. Each
    address is an account's name. `blocks` and `recent`: rows by the sender, of which each attempt has its own.
    `pretences`: who said in HELO that it was one of `own`."""

    def __init__(self, migrated: Path, folder: Path, *sources: Source, own: tuple[str, ...] = ()) -> None:
        self.engine = open_engine(f"sqlite:///{shutil.copy(migrated, folder)}")
        self.sources, self.own = sources, own
        self.pretences: dict[str, Pretence] = {}
        self.blocks: dict[str, list[Any]] = {}
        self.recent: dict[str, list[Any]] = {}

    def __enter__(self) -> Self:
        accounts = Recipients(
            lambda addresses: {each: ((each, "isp"),) for each in addresses if "@" in each},
            lambda _node, logins: {each: (each, "isp") for each in logins},
        )
        make = partial(Join, classify, self.own)
        reader = Follower(self.engine, accounts, self.sources, make, once=True)
        reader.run()
        self.pretences = reader.pretences
        for table, found in ((BlockRow, self.blocks), (RecentRow, self.recent)):
            with self.engine.connect() as connection:
                for row in connection.execute(select(table.__table__)):
                    sender = f"{row.sender_local}@{row.sender_domain}" if row.sender_domain else row.sender_local
                    found.setdefault(sender, []).append(row)
        return self

    def __exit__(self, *_error: object) -> None:
        self.engine.dispose()
