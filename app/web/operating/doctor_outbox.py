"""The doctor's look at the outbox: whether its table is there, and whether mails wait longer than they should."""

from __future__ import annotations

import time
from collections.abc import Iterator

from app.directory.engine import open_engine
from app.outbox import queue
from app.outbox.errors import OutboxAway
from app.web.operating.diagnosis import Finding
from config.default import Settings


def outbox(settings: Settings) -> Iterator[Finding]:
    """What to say of it. Without its table mail is sent at once, in the request."""
    engine = open_engine(settings.database_url)
    try:
        found = queue.counts(engine, now=time.time_ns() // 1_000_000)
    except OutboxAway:
        todo = "flask --app wsgi database upgrade"
        yield Finding("warning", "no table: mail is sent at once, and cannot be undone or sent later", todo)
        return
    finally:
        engine.dispose()
    if found.get("late"):
        todo = "see that each node's courier runs; reason and last_reply in the table outbox say more"
        yield Finding("warning", f"mails that should have been looked at five minutes ago: {found['late']}", todo)
    states = [f"{number} {state}" for state, number in sorted(found.items()) if state != "late" and number]
    later = bool(settings.outbox_keys or settings.master_user)
    yield Finding("ok", f"{', '.join(states) or 'empty'}; mail {'can' if later else 'cannot'} be sent later"
                        f"{'' if later else ' (POSTERN_OUTBOX_KEY)'}")  # fmt: skip
