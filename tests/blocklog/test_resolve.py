"""A message that came through is written down once, in its own row only."""

from __future__ import annotations

from sqlalchemy import Engine

from app.blocklog import query
from app.blocklog.codes import Resolved
from app.blocklog.resolve import resolved
from tests.blocklog.filling import NOW, stopped


def test_a_row_is_resolved_once_and_by_its_owner(engine: Engine) -> None:
    place = (NOW, stopped(engine))
    assert not resolved(engine, "bob", place, Resolved.released, NOW)
    assert resolved(engine, "anna", place, Resolved.released, NOW)
    assert not resolved(engine, "anna", place, Resolved.expired, NOW)
    found = query.one(engine, "anna", *place)
    assert found is not None and (found.resolved_at, found.resolved_how) == (NOW, Resolved.released)
