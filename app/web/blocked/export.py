"""The lists as CSV: streamed a page at a time, bounded, and without anything that a spreadsheet would run."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import Response, request, stream_with_context

from app.blocklog import query
from app.blocklog.codes import word
from app.blocklog.errors import LogError
from app.blocklog.query import Block, Recent
from app.blocklog.reason import sentence, spoken
from app.mail.filename import content_disposition
from app.web.blocked.asked import ACCEPTED, STOPPED, asked_of
from app.web.blocked.pages import accepted_wish, stopped_wish
from app.web.blocklog import blocklog
from app.web.format import in_zone
from app.web.serving.log import described, logger
from app.web.session import current

MOST = 10_000
AT_ONCE = 500
# A cell that begins so is a formula to a spreadsheet; where decimals have a comma, so is one behind a semicolon.
_RUN = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
_SPLIT = re.compile(r';[\s"]*(?=[=+@\uff1d\uff0b\uff0d\uff20-])')
_BLOCKED = ("time", "outcome", "policy", "sentence", "sender", "recipient", "subject", "server", "address", "answer")
_RECEIVED = ("time", "outcome", "sender", "recipient", "forwarded to", "size", "server", "address", "answer")
Ask = Callable[..., Sequence[Any]]


def blocked() -> Response:
    """GET /blocked.csv, with the list's own filters."""
    me = current()
    wish = stopped_wish(asked_of(request.args, STOPPED), me.zone)

    def cells(row: Block) -> list[str]:
        said = spoken(sentence(row), lambda at: _time(at, me.zone))
        outcome, policy = word(row.outcome), word(row.policy)
        server = (row.client_name, row.client_ip, row.reason)
        return [_time(row.blocked_at, me.zone), outcome, policy, said, row.sender, row.rcpt, row.subject or "", *server]

    return _file("blocked.csv", _BLOCKED, query.day_page, wish, cells)


def received() -> Response:
    """GET /received.csv, with the list's own filters."""
    me = current()
    wish = accepted_wish(asked_of(request.args, ACCEPTED), me.zone)

    def cells(row: Recent) -> list[str]:
        size = "" if row.size is None else str(row.size)
        forwarded = row.final_rcpt if row.final_rcpt != row.rcpt else ""
        told = (row.rcpt, forwarded, size, row.client_name, row.client_ip, row.reply or "")
        return [_time(row.received_at, me.zone), word(row.outcome), row.sender, *told]

    return _file("received.csv", _RECEIVED, query.recent_page, wish, cells)


def harmless(cell: str) -> str:
    """A cell that is text to every spreadsheet, on one line."""
    line = " ".join("".join(each if each.isprintable() else " " for each in cell).split())
    line = _SPLIT.sub(lambda found: f"{found[0]} '", line)
    return f"'{line}" if cell.startswith(_RUN) or line.startswith(_RUN) else line


def _file(
    name: str, head: Sequence[str], ask: Ask, wish: dict[str, Any], cells: Callable[[Any], list[str]]
) -> Response:
    account_id = current().account.id

    def page(before: tuple[datetime, int] | None) -> Sequence[Any]:
        with blocklog() as engine:
            return ask(engine, account_id, **{**wish, "before": before, "after": None, "limit": AT_ONCE})

    response = Response(stream_with_context(_lines(head, page(None), page, cells)))
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = content_disposition("attachment", name)
    return response


def _lines(
    head: Sequence[str],
    rows: Sequence[Any],
    page: Callable[[tuple[datetime, int]], Sequence[Any]],
    cells: Callable[[Any], list[str]],
) -> Iterator[str]:
    """The file: with a mark of UTF-8, without which Excel reads other letters. The first rows are there already, so
    that a log that is busy is a page that says so."""
    yield "\ufeff" + _line(head)
    written = 0
    while rows:
        yield "".join(_line(cells(row)) for row in rows[: MOST - written])
        written += len(rows)
        if len(rows) < AT_ONCE:
            return
        if written >= MOST:
            yield _line([f"This file holds the newest {MOST:,} rows. Filter by days to get others."])
            return
        try:
            rows = page(rows[-1].place)
        except LogError as error:
            logger.warning("the log fell silent in the middle of a file", extra=described(error))
            yield _line(["The log did not answer any more: this file is not complete."])
            return


def _line(cells: Sequence[str]) -> str:
    made = io.StringIO()
    csv.writer(made).writerow([harmless(each) for each in cells])
    return made.getvalue()


def _time(moment: datetime, zone: Any) -> str:
    return in_zone(moment, zone).isoformat(sep=" ", timespec="seconds")
