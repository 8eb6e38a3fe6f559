"""A rule comes back from JSON as it was."""

from __future__ import annotations

import json

import pytest

from app.policy.rule import as_json, from_json
from tests.policy.rules import rule


@pytest.mark.parametrize("days", [None, 30])
def test_a_rule_survives_json(days: float | None) -> None:
    made = rule("allow", "bank.example", days=days)
    assert from_json(json.loads(json.dumps(as_json(made)))) == made
