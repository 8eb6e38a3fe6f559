"""The lists as CSV: what the list shows, bounded, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import Engine

from app.blocklog.codes import Accepted, Outcome, Policy
from app.blocklog.tables import Base
from app.web.blocked import export
from app.web.blocked.export import harmless
from tests.web.blocked.rows import block, recent
from tests.web.pages import Pages


def lines(browser: Pages, path: str) -> list[list[str]]:
    answer = browser.get(path)
    assert answer.status_code == 200 and answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))


@pytest.mark.servers
def test_a_file_holds_what_the_list_shows_with_its_filters(log: Engine, signed_in: Pages) -> None:
    block(log, subject="Hello, you")
    block(log, policy=Policy.virus)
    block(log, policy=Policy.relay)
    head, row = lines(signed_in, "/blocked.csv?policy=rbl")
    assert head[:4] == ["time", "outcome", "policy", "sentence"]
    assert row[1:7] == [
        "refused", "rbl", "Refused: their server is on the block list zen.spamhaus.org.", "info@bank.example",
        "forward@one.example", "Hello, you",
    ]  # fmt: skip
    assert len(lines(signed_in, "/blocked.csv")) == 3
    recent(log, outcome=Accepted.forwarded, final_rcpt="elsewhere@two.example")
    assert lines(signed_in, "/received.csv")[1][1:5] == [
        "forwarded", "ann@friend.example", "forward@one.example", "elsewhere@two.example"
    ]  # fmt: skip


@pytest.mark.servers
def test_it_is_read_a_page_at_a_time_and_bounded(
    log: Engine, signed_in: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        block(log, subject=f"n{number}")
    monkeypatch.setattr(export, "AT_ONCE", 2)
    assert [row[6] for row in lines(signed_in, "/blocked.csv")[1:]] == [f"n{number}" for number in range(6, -1, -1)]
    monkeypatch.setattr(export, "MOST", 5)
    head, *rows, note = lines(signed_in, "/blocked.csv")
    assert len(rows) == 5 and note == ["This file holds the newest 5 rows. Filter by days to get others."]


@pytest.mark.servers
def test_a_log_that_falls_silent_in_the_middle_is_told_of_in_the_file(
    log: Engine, signed_in: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        block(log)
    monkeypatch.setattr(export, "AT_ONCE", 2)
    answer = signed_in.get("/blocked.csv", buffered=False)
    Base.metadata.drop_all(log)
    assert (
        answer.get_data(as_text=True).splitlines()[-1] == "The log did not answer any more: this file is not complete."
    )


@pytest.mark.servers
def test_a_cell_that_a_spreadsheet_would_run_is_text(log: Engine, signed_in: Pages) -> None:
    block(log, subject='=HYPERLINK("http://evil.example","x")', outcome=Outcome.junked, reason="@SUM(1)\r\n+1")
    (row,) = lines(signed_in, "/blocked.csv")[1:]
    assert row[6].startswith("'=HYPERLINK") and row[9].startswith("'@SUM(1) +1")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a-b", "a-b"),
        ("-1", "'-1"),
        ("+1", "'+1"),
        ("@x", "'@x"),
        ("\t=1", "'=1"),
        (" =1", "'=1"),
        ("\u202e=1", "'=1"),
        ("\x00|cmd", "|cmd"),
        ("\uff1d1", "'\uff1d1"),
        ("a;=1", "a; '=1"),
        ('a; "=1"', "a; \" '=1\""),
        ("a; b - c", "a; b - c"),
    ],
)
def test_cells(cell: str, written: str) -> None:
    assert harmless(cell) == written
