"""Where the time of a request went."""

import re

from flask import Flask

from app.web.serving import timing


def test_times_add_up_by_kind(lone_app: Flask) -> None:
    with lone_app.test_request_context("/"):
        timing.start()
        timing.spend("imap", 0.002)
        timing.spend("imap", 0.003)
        with timing.timed("redis"):
            pass
        told = dict(re.findall(r"(\w+);dur=(-?[\d.]+)", timing.server_timing()))
    assert told["imap"] == "5.0"
    assert set(told) == {"imap", "sql", "redis", "app"}


def test_outside_a_request_nothing_is_kept() -> None:
    timing.spend("imap", 1.0)
