"""A message knows which list it was opened from, as strictly as the list reads its own address."""

from __future__ import annotations

import pytest
from flask import Flask

from app.web.reading.place import came_from


@pytest.mark.parametrize(("query", "kept"), [
    ("page=3&q=two+words&sort=-date&view=unread", {"page": 3, "q": "two words", "sort": "-date", "view": "unread"}),
    ("page=1&sort=arrival&view=all&q=", {}), ("sort=-arrival", {"sort": "-arrival"}),
    ("page=-1&q=%0d%0a&sort=evil&view=x", {}), ("page=%D9%A3&sort=--date&view=", {}), ("page=0", {}),
    ("page=99999999999999999999", {"page": 999999999}), ("q=" + "x" * 1000, {"q": "x" * 300}),
])  # fmt: skip
def test_what_a_list_would_not_write_is_left_out(query: str, kept: dict[str, object]):
    with Flask("place").test_request_context(f"/?{query}"):
        assert {name: value for name, value in came_from().items() if value is not None} == kept
