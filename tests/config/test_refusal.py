"""gunicorn's own answers: which page for which error, and what of it the log says."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader, InvalidResponseHeader, LimitRequestHeaders, LimitRequestLine

from config.refusal import Lines, refuse

WORD = "tulips-and-pelicans"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Takes gunicorn's handler away again: its stream ends with the test."""
    yield
    logger = logging.getLogger("gunicorn.error")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)


def told(error: Exception) -> str:
    """The answer to what raised this error."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        refuse(ours, ("192.0.2.1", 1), error, Lines(Config()))
        ours.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: theirs.recv(65536), b"")).decode()


@pytest.mark.parametrize(
    ("error", "status", "level"),
    [
        (LimitRequestLine(9000, 4094), 414, "warning"),
        (LimitRequestHeaders(WORD), 431, "warning"),
        (InvalidHeader(WORD), 400, "warning"),
        (InvalidResponseHeader(WORD), 500, "error"),  # ours, not theirs
        (RuntimeError(WORD), 500, "error"),
    ],
)
def test_each_error_has_its_page_and_one_line_without_its_words(
    capsys: pytest.CaptureFixture[str], error: Exception, status: int, level: str
) -> None:
    answer = told(error)
    assert answer.startswith(f"HTTP/1.1 {status} ") and answer.count("<h1>") == 1
    head, _, page = answer.partition("\r\n\r\n")
    assert f"Content-Length: {len(page.encode())}" in head
    (line,) = [json.loads(each) for each in capsys.readouterr().err.splitlines()]
    assert (line["status"], line["level"], line["error"]) == (status, level, type(error).__name__)
    assert line["network"] == "192.0.2.1" and line["request_id"] in page
    assert WORD not in answer + json.dumps(line)


def test_a_client_that_has_gone_fails_nothing() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        refuse(ours, "", InvalidHeader("x"), Lines(Config()))


def test_lines_go_on_as_json_after_gunicorn_is_told_to_reload(capsys: pytest.CaptureFixture[str]) -> None:
    log = Lines(Config())
    log.setup(Config())
    log.info("Booting worker with pid: %s", 7)
    assert json.loads(capsys.readouterr().err)["message"] == "Booting worker with pid: 7"
    assert log.error_log.level == logging.INFO
