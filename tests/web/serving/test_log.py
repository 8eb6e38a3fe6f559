"""The log: one line of JSON each, nothing forged, nothing secret."""

import json
import logging

import pytest
from flask import Flask
from redis import OutOfMemoryError

from app.mail.errors import MailboxGone, Refused
from app.web.serving.log import JsonLines, Stderr, described

CANARY = "canary-9c1d"


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("postern", logging.INFO, "x.py", 1, message, None, None)
    made.__dict__.update(extra)
    return made


def test_a_line_of_the_log_stays_one_line() -> None:
    evil = 'x\r\n{"forged": true}\x1b[2J\u2028'
    line = JsonLines().format(record(evil, network=evil))
    assert "\n" not in line and "\r" not in line and "\x1b" not in line and "\u2028" not in line
    assert json.loads(line)["network"] == evil


def test_an_exception_is_described_without_its_words() -> None:
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        told = described(error)
    assert told["error"] == "ValueError"
    assert CANARY not in json.dumps(told)


def test_imapclient_and_redis_log_nothing_below_warning(lone_app: Flask) -> None:
    for name in ("imapclient", "imapclient.imaplib", "redis", "werkzeug", "sqlalchemy.engine"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG), name


def test_the_servers_words_and_redis_own_are_kept_but_not_what_redis_quotes() -> None:
    assert described(Refused("words", code="INUSE"))["detail"] == "INUSE words"
    quoted = OutOfMemoryError(f"Command # 1 (SET s:1 {CANARY}) of pipeline caused error: OOM command not allowed")
    assert described(quoted)["detail"] == "OOM command not allowed"


def test_what_a_server_quotes_of_the_request_is_left_out(lone_app: Flask) -> None:
    with lone_app.test_request_context("/mail/INBOX/actions?q=tulips", method="POST", data={"to": f"{CANARY}/x"}) as at:
        assert at.request.form
        told = described(MailboxGone(f"Mailbox doesn't exist: {CANARY}/x (INBOX, tulips)"))
    assert told["detail"] == "Mailbox doesn't exist: … (INBOX, …)"


@pytest.mark.parametrize(
    "quoted",
    ["Entw&APw-rfe f&APw-r Gl&APw-ckspilze", "Entwürfe für Glückspilze", "Entw&APw-rfe f&APw-r Gl", "Entwürfe für"],
)
def test_so_is_a_folder_as_servers_write_it_and_one_whose_end_they_left_out(lone_app: Flask, quoted: str) -> None:
    with lone_app.test_request_context("/", query_string={"target": "Entwürfe für Glückspilze"}):
        assert described(MailboxGone(f"Mailbox doesn't exist: {quoted}"))["detail"] == "Mailbox doesn't exist: …"


def test_a_logged_exception_is_described_too(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("somebody")
    log.addHandler(handler := Stderr())
    handler.setFormatter(JsonLines())
    try:
        raise ValueError(CANARY)
    except ValueError:
        log.exception("it failed")
    finally:
        log.removeHandler(handler)
    lines = [line for line in capsys.readouterr().err.splitlines() if "it failed" in line]
    assert json.loads(lines[0])["error"] == "ValueError"
    assert CANARY not in "".join(lines)


def test_a_log_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, text: str) -> None:
            raise OSError("no space left")

        def flush(self) -> None:
            raise OSError("no space left")

    monkeypatch.setattr("sys.stderr", Full())
    handler = Stderr()
    handler.setFormatter(JsonLines())
    handler.handle(record("lost"))
