"""A choice is written, replaced, forgotten, and put back only where nobody chose since."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app.policy import chosen
from app.policy.asking import changed
from app.policy.chosen import Chosen
from app.policy.errors import Gone
from app.policy.rule import account_scope
from tests.policy.rules import MINE, NOW


def test_a_choice_is_of_its_scope_alone(engine: Engine) -> None:
    for wish in (Chosen("0"), Chosen("1", True), None):
        changed(engine, lambda each, wish=wish: chosen.write(each, MINE, "rbl", wish, NOW))
        assert changed(engine, lambda each: chosen.former(each, MINE, "rbl")) == wish
        assert chosen.from_json(chosen.as_json(wish)) == wish
    assert changed(engine, lambda each: chosen.former(each, account_scope("8"), "rbl")) is None


def test_it_is_put_back_unless_another_was_made_since(engine: Engine) -> None:
    told = {"scope": [2, "7"], "name": "rbl", "before": ["1", False], "after": ["0", False]}
    changed(engine, lambda each: chosen.write(each, MINE, "rbl", Chosen("0"), NOW))
    changed(engine, lambda each: chosen.put_back(each, told, NOW))
    assert changed(engine, lambda each: chosen.former(each, MINE, "rbl")) == Chosen("1")
    with pytest.raises(Gone):
        changed(engine, lambda each: chosen.put_back(each, told, NOW))
