"""The door to the block log: who finds it shut is answered at once, and it opens again by itself."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.blocklog.tables import Base
from tests.web.blocked.rows import block
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


def test_a_log_that_was_away_a_moment_ago_is_not_asked_again(app: Flask, signed_in: Pages) -> None:
    held: Any = app.extensions["postern"]
    assert signed_in.get("/blocked").status_code == 503  # there are no tables
    Base.metadata.create_all(held.blocklog)
    block(held.blocklog)
    answer = signed_in.get("/blocked")
    assert answer.status_code == 503 and "The log cannot be read" in answer.get_data(as_text=True)
    held.blocklog_gate.answered()
    assert "bank.example" in signed_in.get("/blocked").get_data(as_text=True)
