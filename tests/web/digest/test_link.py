"""A link says what we signed and nothing else, for a week."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.store.seal import Keyring
from app.web.digest.link import LASTS, Expired, Link, opened, token

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
RING = Keyring([b"a" * 32])
LINK = Link("7", "anna@one.example", NOW - timedelta(hours=3), 2**48 + 1, "allow", NOW + LASTS)


def test_a_link_comes_back_with_a_mark_of_its_own() -> None:
    found = opened(RING, token(RING, LINK), NOW)
    assert replace(found, mark="") == LINK
    assert found.mark != opened(RING, token(RING, replace(LINK, action="nogrey")), NOW).mark


def test_an_old_key_still_opens_and_a_foreign_one_does_not() -> None:
    made = token(RING, LINK)
    assert opened(Keyring([b"b" * 32, b"a" * 32]), made, NOW)
    with pytest.raises(ValueError):
        opened(Keyring([b"b" * 32]), made, NOW)


def test_after_a_week_it_says_so() -> None:
    with pytest.raises(Expired):
        opened(RING, token(RING, LINK), NOW + LASTS)


def test_no_byte_of_it_can_be_another() -> None:
    made = token(RING, LINK)
    for at in range(len(made)):
        other = made[:at] + ("A" if made[at] != "A" else "B") + made[at + 1 :]
        with pytest.raises(ValueError):
            opened(RING, other, NOW)


@pytest.mark.parametrize("forged", ["", "A", "Ä", "A" * 4000, "!" * 40, "A" * 43])
def test_what_is_no_link_is_refused(forged: str) -> None:
    with pytest.raises(ValueError):
        opened(RING, forged, NOW)


def test_an_unsigned_one_and_an_action_that_there_is_not_are_refused() -> None:
    plain = json.dumps(["8", "bob@one.example", 1, 1, "allow", 2**40]).encode()
    with pytest.raises(ValueError):
        opened(RING, base64.urlsafe_b64encode(b"\0" * 24 + plain).decode().rstrip("="), NOW)
    with pytest.raises(ValueError):
        opened(RING, token(RING, replace(LINK, action="burn")), NOW)
