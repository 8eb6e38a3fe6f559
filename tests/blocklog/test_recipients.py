"""Owners are asked in batches, remembered for a minute, and bounded."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from app.blocklog import recipients
from app.blocklog.recipients import NOBODY, Owner, Recipients


class Asked:
    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[list[str]] = []
        self.recipients = Recipients(self.look_up, self.logins, lambda: self.now)

    def look_up(self, addresses: Collection[str]) -> dict[str, tuple[Owner, ...]]:
        self.calls.append(list(addresses))
        many = tuple((str(number), "7") for number in range(50))
        return {each: many if each == "all" else (("1", "7"),) for each in addresses if each != "unknown"}

    def logins(self, node: str, names: Collection[str]) -> dict[str, Owner]:
        self.calls.append([node, *names])
        return {each: ("1", "7") for each in names if each != "unknown"}


def test_what_was_asked_holds_for_a_minute() -> None:
    asked = Asked()
    assert asked.recipients.of(["a", "b", "", "unknown"])["unknown"] == NOBODY
    assert asked.recipients.of(["a", "c"]) == {"": NOBODY, "a": (("1", "7"),), "c": (("1", "7"),)}
    assert asked.calls == [["a", "b", "unknown"], ["c"]]
    asked.now = 61.0
    asked.recipients.of(["a"])
    assert asked.calls[-1] == ["a"]


def test_an_alias_of_very_many_has_twenty_rows() -> None:
    assert len(Asked().recipients.of(["all"])["all"]) == 20


def test_it_asks_in_batches_and_remembers_no_more_than_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "BATCH", 3)
    monkeypatch.setattr(recipients, "MOST", 5)
    asked = Asked()
    asked.recipients.of([str(number) for number in range(7)])
    assert [len(each) for each in asked.calls] == [3, 3, 1]
    asked.recipients.of(["0"])
    assert asked.calls[-1] == ["0"]  # all were forgotten


def test_logins_are_of_a_node() -> None:
    asked = Asked()
    found = asked.recipients.of_logins([("mx1", "box1"), ("mx2", "unknown")])
    assert found == {("mx1", "box1"): ("1", "7"), ("mx2", "unknown"): ("", "")}
    asked.recipients.of_logins([("mx1", "box1")])
    assert sorted(asked.calls) == [["mx1", "box1"], ["mx2", "unknown"]]
