"""The doctor's look at the block log: whether it has tables, weeks are made ahead, and its logs are being read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from app.blocklog import health, weeks
from app.blocklog.asking import asking
from app.blocklog.errors import LogAway, LogError
from app.directory.engine import open_engine
from app.web.operating.diagnosis import Finding
from config.default import Settings

LATE = timedelta(minutes=1)


def block_log(settings: Settings) -> Iterator[Finding]:
    """What to say of it. Mail works on without it."""
    engine = open_engine(settings.blocklog_database_url or settings.database_url)
    try:
        yield from _looked(engine, datetime.now(UTC))
    except LogAway:
        todo = "flask --app wsgi database upgrade"
        yield Finding("warning", "no tables: nobody is told what was refused", todo)
    except LogError as error:
        yield Finding("warning", str(error), "see that its database runs and is not overloaded")
    finally:
        engine.dispose()


def _looked(engine: Engine, now: datetime) -> Iterator[Finding]:
    sources = health.sources(engine)
    if not sources:
        yield Finding("ok", "no log is read")  # a site may do without
        return
    silent = [f"{each.node}:{each.path}" for each in sources if each.silent(now - LATE)]
    if silent:
        yield Finding(
            "warning", f"nobody reads {', '.join(silent)}", "see that python -m app.blocklog.follow runs"
        )
    gaps = [f"{each.node}:{each.path}" for each in sources if each.gaps]
    if gaps:
        yield Finding("warning", f"parts of {', '.join(gaps)} were gone before they were read", "rotate less often")
    with asking(engine) as connection:
        if weeks.weekly(connection) and any(_ends_soon(weeks.ends(connection, table), now) for table in weeks.TABLES):
            yield Finding("warning", "no partition for the coming week", "flask --app wsgi blocklog retain")
    yield Finding("ok", f"logs read: {len(sources)}, lines {sum(each.lines for each in sources):,}")


def _ends_soon(ends: list[datetime], now: datetime) -> bool:
    return not ends or ends[-1] < now + weeks.WEEK
