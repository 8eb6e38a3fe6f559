"""The five switches of the mail intake, and who turned them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app.policy import intake
from app.policy.actions import By
from app.policy.errors import BadValue
from app.policy.intake import SWITCHES, Switch
from tests.policy.rules import NOW

ADMIN = By("9", ip="192.0.2.1")


def test_what_nobody_turned_is_on(engine: Engine) -> None:
    assert intake.switches(engine) == tuple(Switch(name, True) for name in SWITCHES)


def test_who_turned_a_switch_last_is_told(engine: Engine) -> None:
    intake.turn(engine, ADMIN, "allow_other", False, NOW, address="ida@isp.example")
    later = NOW + timedelta(minutes=5)
    intake.turn(engine, ADMIN, "greylist_on", False, NOW, address="ida@isp.example")
    intake.turn(engine, ADMIN, "greylist_on", True, later, address="udo@isp.example")
    found = {each.name: each for each in intake.switches(engine)}
    assert found["allow_other"] == Switch("allow_other", False, NOW, "ida@isp.example")
    assert found["greylist_on"] == Switch("greylist_on", True, later, "udo@isp.example")
    assert found["allow_cnxns"] == Switch("allow_cnxns", True)


def test_there_are_five_and_no_more(engine: Engine) -> None:
    with pytest.raises(BadValue):
        intake.turn(engine, ADMIN, "allow_everything", True, NOW, address="x")
