"""What is read of a mail server's logs about a mail that a client tried to send."""

from __future__ import annotations

import re
from dataclasses import replace

from app.blocklog.classify import classify
from app.blocklog.codes import Policy
from app.blocklog.event import Event, Line, Refused, Told
from app.blocklog.formats.exim import Reader
from app.blocklog.stamp import Stamp
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
            found += reader.read(replace(line, program="exim-reject") if name == "reject" else line)
    return found


def message_id(attempt: Attempt) -> str:
    found = re.search(r"Message-ID: (.*)", attempt.message or "")
    return found[1] if found else ""


def of(events: list[Event], attempt: Attempt) -> list[Refused]:
    """Refusals of an attempt: those of its message's queue id, else those of its sender for its recipients."""
    refused = [each for each in events if isinstance(each, Refused)]
    name = message_id(attempt)
    if not name:
        named = [each for each in refused if set(each.recipients) & set(attempt.recipients)]
        return [each for each in named if each.sender == attempt.sender]
    ids = {each.queue_id for each in events if isinstance(each, Refused | Told) and each.message_id == name}
    return [each for each in refused if each.queue_id in ids]


def policy_of(event: Refused) -> Policy:
    return event.policy or classify(event.text, code=event.code, dsn=event.dsn, stage=event.stage)[0]


def told(attempt: Attempt) -> set[tuple[str, int, str | None]]:
    """Of whom the client was told no, with the reply's codes."""
    return {(recipient, reply.code, reply.dsn) for recipient, reply in attempt.refused.items()}
