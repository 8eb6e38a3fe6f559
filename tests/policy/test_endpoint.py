"""A site's own program is asked with its secret, and anything but a yes is a no."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from app.policy.endpoint import asked
from app.policy.errors import BadValue
from app.policy.release import NotReleased, QuarantineAway

pytestmark = pytest.mark.servers


class Keeper:
    """`status`: what it answers; `asked`: what it was asked, and by whom."""

    def __init__(self) -> None:
        self.status = 204
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.url = ""


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    kept = Keeper()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.asked.append((self.path, self.headers["Authorization"], told))
            self.send_response(kept.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}/kept"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield kept
        server.shutdown()


def test_it_is_told_what_is_kept_for_whom_with_the_secret(keeper: Keeper) -> None:
    asked(keeper.url, "s3cret", "release", "mailscanner:4F5C", "anna@one.example", message_id="<a@b>")
    told = {"action": "release", "kept": "mailscanner:4F5C", "recipient": "anna@one.example", "message_id": "<a@b>"}
    assert keeper.asked == [("/kept", "Bearer s3cret", told)]


@pytest.mark.parametrize(("status", "error"), [(404, NotReleased), (302, QuarantineAway), (500, QuarantineAway)])
def test_anything_but_a_yes_is_a_no(keeper: Keeper, status: int, error: type[Exception]) -> None:
    keeper.status = status
    with pytest.raises(NotReleased) as raised:
        asked(keeper.url, "s3cret", "delete", "x:1", "anna@one.example")
    assert raised.type is error and len(keeper.asked) == 1


def test_silence_and_a_word_of_its_own_are_told_apart() -> None:
    with pytest.raises(QuarantineAway):
        asked("http://127.0.0.1:1/kept", "s", "release", "x:1", "anna@one.example", seconds=1)
    with pytest.raises(BadValue):
        asked("http://127.0.0.1:1/kept", "s", "burn", "x:1", "anna@one.example")
