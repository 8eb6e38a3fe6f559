"""Groups to write to: found by the beginning of a word, counted by who has an address, of the own account only."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app.profile import contacts
from app.profile.contact import Contact
from app.profile.groups import Group, groups_beginning, members


def book(engine: Engine, account: str = "7") -> None:
    contacts.add(
        engine,
        account,
        [
            Contact("Ann", ("ann@one.example", "ann@two.example"), labels=("Choir", "Tennis Club")),
            Contact("Ann at work", ("ANN@one.example",), labels=("Choir",)),
            Contact("Bob", ("bob@one.example",), labels=("Choir", "choir")),
            Contact("Nobody", (), labels=("Choir", "Empty")),
        ],
    )


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("cho", [Group("Choir", 3), Group("choir", 1)]),
        ("CLUB", [Group("Tennis Club", 1)]),
        ("ten clu", [Group("Tennis Club", 1)]),
        ("empty", []),  # nobody in it can be written to
        ("hoir", []),
        ("ann", []),
        ("%", []),
        ("", []),
    ],
)
def test_a_group_is_found_by_the_beginning_of_its_words(engine: Engine, typed: str, found: list[Group]) -> None:
    book(engine)
    assert list(groups_beginning(engine, "7", typed)) == found
    assert groups_beginning(engine, "8", typed) == ()


def test_everybody_in_a_group_is_named_once_by_the_first_address(engine: Engine) -> None:
    book(engine)
    assert {each.address.casefold() for each in members(engine, "7", "Choir")} == {"ann@one.example", "bob@one.example"}
    assert [each.name for each in members(engine, "7", "choir")] == ["Bob"]
    assert members(engine, "7", "") == members(engine, "7", "Cho%") == members(engine, "8", "Choir") == ()


def test_a_group_gets_another_name_or_is_taken_off_and_its_contacts_stay(engine: Engine) -> None:
    book(engine)
    book(engine, "8")
    assert contacts.relabel(engine, "7", "Choir", "Chorus") == 4
    assert groups_beginning(engine, "7", "choi") == (Group("choir", 1),)
    assert [each.people for each in groups_beginning(engine, "7", "chorus")] == [3]
    assert contacts.relabel(engine, "7", "choir", "Chorus") == 1  # into one that is there
    assert [each.labels for each in contacts.every(engine, "7") if each.name == "Bob"] == [("Chorus",)]
    assert contacts.relabel(engine, "7", "Chorus", "") == 4 and contacts.relabel(engine, "7", "", "X") == 0
    assert contacts.page(engine, "7", sought="chorus").total == 0 and len(contacts.every(engine, "7")) == 4
    assert groups_beginning(engine, "8", "cho")[0] == Group("Choir", 3)
