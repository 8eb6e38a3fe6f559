"""Under which addresses an account may write: always its own, never one that is not its own unless the site says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from app.directory.account import Account
from app.profile import identities
from app.profile.errors import Full, Gone
from app.profile.identities import Identity, identities_of, usual

ANN = Account("7", "ann@one.example", "1", display_name="Ann Ä")


def test_without_anything_kept_there_is_the_account_s_own_address(engine: Engine) -> None:
    (only,) = identities_of(engine, ANN)
    assert (only.name, only.address, only.is_default, only.reply_to) == ("Ann Ä", "ann@one.example", True, "")
    assert (only,) == usual(ANN)
    assert identities_of(engine, replace(ANN, display_name=None))[0].name == ""


def test_aliases_are_identities_as_they_are_kept_or_with_the_display_name(engine: Engine) -> None:
    aliases = ("office@one.example", "ANN@one.example", "ann@two.example")
    assert [each.address for each in identities_of(engine, ANN, aliases=aliases)] == [
        "ann@one.example", "ann@two.example", "office@one.example",
    ]  # fmt: skip
    office = identities_of(engine, ANN, aliases=aliases)[2]
    signed = replace(
        office, name="The Office", signature_text="--\nus", signature_html="<b>us</b>", reply_to="r@x.example"
    )
    assert identities.save(engine, "7", replace(signed, is_default=True)) == replace(signed, is_default=True)
    found = identities_of(engine, ANN, aliases=aliases)
    assert found[0] == replace(signed, is_default=True) and [each.is_default for each in found] == [True, False, False]
    own = next(each for each in found if each.address == ANN.address)
    identities.save(engine, "7", replace(own, is_default=True))
    assert [each.address for each in identities_of(engine, ANN, aliases=aliases) if each.is_default] == [ANN.address]


def test_an_alias_that_was_taken_away_is_no_sender_any_more(engine: Engine) -> None:
    (_, office) = identities_of(engine, ANN, aliases=["office@one.example"])
    identities.save(engine, "7", replace(office, is_default=True))
    assert [each.address for each in identities_of(engine, ANN)] == ["ann@one.example"]
    assert identities_of(engine, ANN)[0].is_default


def test_free_addresses_count_only_where_the_site_lets_them(engine: Engine) -> None:
    identities.save(engine, "7", Identity("", "Boss", "boss@else.example"))
    assert [each.address for each in identities_of(engine, ANN)] == ["ann@one.example"]
    found = identities_of(engine, ANN, free=True)
    assert [each.address for each in found] == ["ann@one.example", "boss@else.example"]


def test_one_account_cannot_change_another_s(engine: Engine) -> None:
    mine = identities.save(engine, "7", Identity("", "Ann", "ann@one.example"))
    with pytest.raises(Gone):
        identities.save(engine, "8", replace(mine, name="Stolen"))
    with pytest.raises(Gone):
        identities.remove(engine, "8", mine.id)
    identities.save(engine, "8", Identity("", "Bob", "bob@one.example", is_default=True))
    assert identities_of(engine, ANN)[0].name == "Ann"
    identities.remove(engine, "7", mine.id)
    with pytest.raises(Gone):
        identities.remove(engine, "7", mine.id)


def test_texts_are_cleaned_and_the_number_is_bounded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = identities.save(engine, "7", Identity("", "A\r\nBcc: x", "ann@one.example\n", "r@x\0", "a\r\nb" * 9000))
    assert (made.name, made.address, made.reply_to) == ("A Bcc: x", "ann@one.example", "r@x")
    assert "\r" not in made.signature_text and len(made.signature_text) <= 10_000
    assert identities_of(engine, ANN)[0] == replace(made, is_default=True)
    monkeypatch.setattr(identities, "MOST", 1)
    with pytest.raises(Full):
        identities.save(engine, "7", Identity("", "B", "b@one.example"))
    identities.save(engine, "7", replace(made, name="Again"))
