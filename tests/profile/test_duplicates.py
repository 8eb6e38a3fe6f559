"""Contacts that may be one person: by address or name, over others too, of the own account only."""

from __future__ import annotations

from sqlalchemy import Engine

from app.profile import contacts
from app.profile.contact import Contact
from app.profile.duplicates import MOST_SHOWN, MOST_TOGETHER, duplicates


def found(engine: Engine, account: str = "7") -> list[list[str]]:
    return [[each.name for each in together] for together in duplicates(engine, account)]


def test_who_shares_an_address_or_a_name_stands_together_over_others_too(engine: Engine) -> None:
    people = [
        Contact("Zoë  Müller", ("zoe@one.example",)),
        Contact("zoe muller", ("zm@two.example",)),
        Contact("Z. M.", ("ZM@two.example", "other@one.example")),
        Contact("Ann", ("ann@one.example",)),
        Contact("Anna", ("ann@one.example",)),
        Contact("Bob", ("bob@one.example",)),
        Contact("", ("x@one.example",)),
        Contact("", ("y@one.example",)),
    ]
    contacts.add(engine, "7", people)
    contacts.add(engine, "8", people[:1])
    assert [sorted(each) for each in found(engine)] == [["Ann", "Anna"], ["Z. M.", "Zoë Müller", "zoe muller"]]
    assert found(engine, "8") == found(engine, "9") == []


def test_many_are_shown_some_at_a_time(engine: Engine) -> None:
    contacts.add(engine, "7", [Contact(f"P {number // 2:03}") for number in range(2 * MOST_SHOWN + 4)])
    assert len(found(engine)) == MOST_SHOWN and found(engine)[0] == ["P 000", "P 000"]
    contacts.add(engine, "8", [Contact("Same") for _ in range(MOST_TOGETHER + 5)])
    assert [len(each) for each in found(engine, "8")] == [MOST_TOGETHER]
