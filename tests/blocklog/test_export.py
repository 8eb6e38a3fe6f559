"""Rows of the block log go out as JSON lines with the fields that other programs rely on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from app.blocklog.commands import blocklog_commands
from app.blocklog.export import exported
from app.directory.engine import open_engine
from tests.anydatabase import migrated  # noqa: F401 - fixture
from tests.blocklog.followed import engine, follow_once  # noqa: F401 - fixture

LINE = (
    "{at} mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 550 5.7.1 Service unavailable; "
    "client [203.0.113.7] blocked using zen.spamhaus.org; from=<a@Grüße.example> to=<{to}> proto=ESMTP helo=<x.example>"
    "\n"
)
FIELDS = ["time", "policy", "outcome", "stage", "recipient", "sender", "client", "helo", "reason", "code", "dsn"]
FIELDS += ["queue_id", "rcpts_known", "source"]


def test_a_row_is_one_json_object_with_codes_by_name(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    log = tmp_path / "mail.log"
    log.write_text(LINE.format(at="2026-11-20T10:00:00.75+01:00", to="Alice@ISP.example"))
    follow_once(engine, log)
    (line,) = exported(engine)
    row = json.loads(line)
    assert list(row) == FIELDS
    assert row == {
        "time": "2026-11-20T09:00:00Z",
        "policy": "rbl",
        "outcome": "refused",
        "stage": "rcpt",
        "recipient": "alice@isp.example",
        "sender": "a@xn--gre-6ka8l.example",
        "client": "203.0.113.7",
        "helo": "x.example",
        "reason": "Service unavailable; client [203.0.113.7] blocked using zen.spamhaus.org",
        "code": 550,
        "dsn": "5.7.1",
        "queue_id": None,
        "rcpts_known": "certain",
        "source": f"mx1:{log}",
    }


def test_rows_come_in_the_order_of_their_times_from_one_on(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    log = tmp_path / "mail.log"
    times = [f"2026-11-20T{hour:02}:00:00Z" for hour in (12, 10, 11)]
    log.write_text("".join(LINE.format(at=at, to=f"{each}@isp.example") for each, at in zip("abc", times, strict=True)))
    follow_once(engine, log)
    assert [json.loads(each)["recipient"][0] for each in exported(engine)] == ["b", "c", "a"]
    since = datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert [json.loads(each)["recipient"][0] for each in exported(engine, since=since)] == ["c", "a"]


def test_the_command_prints_lines(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    from click.testing import CliRunner

    log = tmp_path / "mail.log"
    log.write_text(LINE.format(at="2026-11-20T10:00:00Z", to="alice@isp.example"))
    follow_once(engine, log)
    group = blocklog_commands(lambda: open_engine(str(engine.url), timeout=None), 90, dict, lambda before: 0)
    told = CliRunner().invoke(group, ["export", "--json", "--since", "2026-11-20"])
    assert told.exit_code == 0 and json.loads(told.output)["code"] == 550
    assert CliRunner().invoke(group, ["export", "--json", "--since", "2026-11-21"]).output == ""
