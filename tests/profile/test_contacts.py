"""The address book: kept, found, changed, merged, and never another account's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select

from app.mail.header import Address
from app.profile import contacts
from app.profile.contact import Contact
from app.profile.errors import Full, Gone
from app.profile.suggest import collect, suggestions
from app.profile.tables import RecipientRow, WordRow

ANN = Contact("Ann \u00d8berg", ("ann@one.example", "a@two.example"), "met in Ulm\nlikes 100%", ("Work", "Choir"))


def names(page: contacts.Page) -> list[str]:
    return [each.name for each in page.contacts]


def test_a_contact_comes_out_as_it_was_put_in(engine: Engine) -> None:
    kept = contacts.save(engine, "7", replace(ANN, card="FN:Ann\nTEL:1\n"))
    assert kept.id and contacts.one(engine, "7", kept.id) == kept
    assert replace(kept, id="", card=None) == ANN
    changed = replace(kept, name="Ann B", addresses=("a@two.example", "new@one.example"), labels=())
    contacts.save(engine, "7", changed)
    assert contacts.one(engine, "7", kept.id) == changed
    assert suggestions(engine, "7", "ann@") == () and len(suggestions(engine, "7", "ann")) == 2


def test_nobody_reads_or_changes_another_account_s_contacts(engine: Engine) -> None:
    kept = contacts.save(engine, "7", ANN)
    other = contacts.save(engine, "8", replace(ANN, name="Other"))
    for act in (
        lambda: contacts.one(engine, "8", kept.id),
        lambda: contacts.save(engine, "8", replace(kept, name="Mine")),
        lambda: contacts.remove(engine, "8", kept.id),
        lambda: contacts.merge(engine, "8", other.id, kept.id),
        lambda: contacts.merge(engine, "8", kept.id, other.id),
        lambda: contacts.merge(engine, "7", kept.id, kept.id),
    ):
        with pytest.raises(Gone):
            act()
    assert contacts.one(engine, "7", kept.id) == kept and contacts.one(engine, "8", other.id) == other
    assert names(contacts.page(engine, "8")) == ["Other"] and contacts.labels_of(engine, "9") == ()
    assert contacts.sharing(engine, "7", kept) == ()


def test_the_list_is_in_order_in_pages_and_found_by_words_groups_and_notes(engine: Engine) -> None:
    contacts.add(
        engine, "7", [ANN, Contact("bob", ("b_x@one.example",)), Contact("Äda", labels=("Choir",)), Contact("Zed")]
    )
    assert names(contacts.page(engine, "7")) == ["Äda", "Ann Øberg", "bob", "Zed"]
    second = contacts.page(engine, "7", offset=2, limit=1)
    assert (names(second), second.total) == (["bob"], 4)
    for sought, found in {
        "OBERG ulm": 1,
        "one.example": 2,
        "100%": 1,
        "b_x": 1,
        "_": 1,
        "%": 1,
        "x%": 0,
        "": 4,
    }.items():
        assert contacts.page(engine, "7", sought=sought).total == found, sought
    assert names(contacts.page(engine, "7", label="Choir")) == ["Äda", "Ann Øberg"]
    assert contacts.page(engine, "7", label="Cho").total == 0 and contacts.page(engine, "7", label="%").total == 0
    assert contacts.labels_of(engine, "7") == (("Choir", 2), ("Work", 1))


def test_a_removed_contact_leaves_nothing_behind(engine: Engine) -> None:
    kept = contacts.save(engine, "7", ANN)
    contacts.remove(engine, "7", kept.id)
    with pytest.raises(Gone):
        contacts.remove(engine, "7", kept.id)
    with pytest.raises(Gone):
        contacts.save(engine, "7", kept)
    with engine.connect() as connection:
        for table in (RecipientRow.__table__, WordRow.__table__):
            assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_two_that_share_an_address_become_one_and_lose_nothing(engine: Engine) -> None:
    first = contacts.save(engine, "7", replace(ANN, card="FN:Ann\nTEL:1\nBDAY:19800101\n"))
    card = "FN:Anna\nTEL:1\nTEL:2\nBDAY:19700101\nX-ODD:y\n"
    second = contacts.save(
        engine, "7", Contact("Anna", ("Ann@one.example", "c@x.example"), "note", ("Work", "New"), card)
    )
    collect(engine, "7", [Address("", "c@x.example")], now=5)
    assert contacts.sharing(engine, "7", first) == (second,) and contacts.sharing(engine, "7", second) == (first,)
    one = contacts.merge(engine, "7", first.id, second.id)
    assert contacts.every(engine, "7") == (one,) and one.id == first.id
    assert (one.name, one.addresses) == ("Ann Øberg", ("ann@one.example", "a@two.example", "c@x.example"))
    assert (one.note, one.labels) == ("met in Ulm\nlikes 100%\nnote", ("Work", "Choir", "New"))
    assert one.card == "FN:Ann\nTEL:1\nBDAY:19800101\nTEL:2\nX-ODD:y"
    assert [each.address for each in suggestions(engine, "7", "oberg")][0] == "c@x.example"  # used once


def test_what_is_too_much_is_cut_or_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = contacts.save(
        engine, "7",
        Contact("N\x00a\r\nm" + "e" * 500, tuple(f"{n}@x.example" for n in range(50)), "\x00\r\n" + "n" * 20_000,
                tuple(f"L\n{n}" for n in range(50)), "x" * 100_000),
    )  # fmt: skip
    assert contacts.one(engine, "7", kept.id) == kept
    assert kept.name.startswith("N a meee") and len(kept.name) == 200 and len(kept.addresses) == 20
    assert len(kept.note) < 10_001 and kept.labels[0] == "L 0" and kept.card is None
    monkeypatch.setattr(contacts, "MOST", 3)
    with pytest.raises(Full):
        contacts.add(engine, "7", [ANN, ANN, ANN])
    assert contacts.page(engine, "7").total == 1
    contacts.add(engine, "7", [ANN, ANN])


@pytest.mark.slow
def test_an_address_book_has_an_end_in_octets_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "MOST_OCTETS", 100_000)
    large = replace(ANN, card="x" * 30_000, note="n" * 5_000)
    contacts.add(engine, "7", [large, large])
    with pytest.raises(Full):
        contacts.add(engine, "7", [large])
    contacts.add(engine, "7", [ANN])
    contacts.add(engine, "8", [large])


def test_a_thousand_are_added_at_once(engine: Engine) -> None:
    many = [Contact(f"P {number:04}", (f"p{number}@one.example",)) for number in range(1000)]
    contacts.add(engine, "7", many)
    found = contacts.every(engine, "7")
    assert [replace(each, id="") for each in found] == many
