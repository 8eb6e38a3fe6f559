"""Whom the composer offers: by the beginning of any word, the most used first, of the own account only, by an index."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from app.directory.engine import open_engine
from app.mail.header import Address
from app.migrations.change import upgrade
from app.profile import contacts, suggest
from app.profile.contact import Contact
from app.profile.suggest import collect, collected, forget, suggestions
from app.profile.tables import RecipientRow, WordRow
from app.profile.words import fits, words_of

T = 1_800_000_000_000


def book(engine: Engine, *people: tuple[str, str], account: str = "7") -> None:
    contacts.add(engine, account, [Contact(name, (address,)) for name, address in people])


def offered(engine: Engine, typed: str, account: str = "7") -> list[str]:
    return [each.address for each in suggestions(engine, account, typed)]


@pytest.mark.parametrize(
    "typed",
    [
        "jos",
        "JOSÉ",
        "mül",
        "Muller",
        "o'br",
        "obr m",
        "brien",
        "j.mu",
        "mueller-x",
        "mueller-x@uni",
        "uni-g",
        "uni-giessen.ex",
        "giessen",
        "jose muller",
    ],
)
def test_the_beginning_of_any_word_finds_whatever_its_case_and_accents(engine: Engine, typed: str) -> None:
    book(engine, ("José O'Brien Müller", "j.mueller-x@uni-giessen.example"), ("Somebody Else", "else@two.example"))
    wanted = [] if typed == "obr m" else ["j.mueller-x@uni-giessen.example"]
    assert offered(engine, typed) == wanted


@pytest.mark.parametrize(
    "typed", ["", "  ", "%", "_", "j%r", "j_mu%x", "osé", "exa", "@", "\x00", "'", "\\", "\ud800", "josé x"]
)
def test_nothing_else_finds_anything(engine: Engine, typed: str) -> None:
    book(engine, ("José Müller", "j.mueller@uni-giessen.example"))
    assert offered(engine, typed) == []


def test_every_letter_counts_beyond_what_the_index_holds(engine: Engine) -> None:
    long = "x" * 63
    book(engine, ("", f"{long}a@one.example"), ("", f"{long}b@one.example"))
    assert offered(engine, f"{long}b") == [f"{long}b@one.example"]
    assert len(offered(engine, long)) == 2


def test_contacts_come_before_the_collected_and_the_most_used_first(engine: Engine) -> None:
    book(engine, ("Ann Rare", "ann.rare@one.example"), ("Ann Often", "ann.often@one.example"))
    for day in range(3):
        collect(engine, "7", [Address("", "Ann.Often@one.example")], now=T + day)
        collect(engine, "7", [Address("Anne New", "anne@new.example")], now=T + day)
    collect(engine, "7", [Address("Anna Once", "anna@once.example")], now=T)
    found = suggestions(engine, "7", "ann")
    assert [(each.address, each.source) for each in found] == [
        ("ann.often@one.example", "contact"),
        ("ann.rare@one.example", "contact"),
        ("anne@new.example", "collected"),
        ("anna@once.example", "collected"),
    ]
    assert found[0].name == "Ann Often" and len(suggestions(engine, "7", "ann", 2)) == 2


def test_one_address_is_offered_once(engine: Engine) -> None:
    book(engine, ("Ann Home", "ann@one.example"), ("Ann Work", "Ann@One.example"))
    assert offered(engine, "ann") == ["ann@one.example"]


def test_nobody_is_offered_another_account_s_people(engine: Engine) -> None:
    book(engine, ("Ann", "ann@one.example"), account="8")
    collect(engine, "8", [Address("Anton", "anton@one.example")], now=T)
    assert offered(engine, "an") == [] and len(offered(engine, "an", "8")) == 2
    assert collected(engine, "7") == () and forget(engine, "7", collected(engine, "8")[0].id) == 0
    assert len(collected(engine, "8")) == 1


def test_who_comes_into_the_address_book_is_no_longer_collected_and_stays_as_often_used(engine: Engine) -> None:
    collect(engine, "7", [Address("", "bob@one.example"), Address("Cem", "cem@one.example")], now=T)
    collect(engine, "7", [Address("Bob B", "bob@one.example")], now=T + 5)
    assert [(each.name, each.address, each.times) for each in collected(engine, "7")] == [
        ("Bob B", "bob@one.example", 2),
        ("Cem", "cem@one.example", 1),
    ]
    assert offered(engine, "b b") == ["bob@one.example"]
    book(engine, ("Bob Best", "bob@one.example"), ("Bob Other", "other@one.example"))
    assert [each.address for each in collected(engine, "7")] == ["cem@one.example"]
    assert offered(engine, "bob") == ["bob@one.example", "other@one.example"]
    with engine.connect() as connection:
        rows = connection.execute(select(RecipientRow.times).order_by(RecipientRow.times.desc())).scalars().all()
    assert rows[0] == 2


def test_what_is_forgotten_leaves_nothing_behind(engine: Engine) -> None:
    collect(engine, "7", [Address("Ann", "ann@one.example"), Address("Bob", "bob@one.example")], now=T)
    assert forget(engine, "7", collected(engine, "7")[0].id) == 1 and forget(engine, "7", None) == 1
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(WordRow.__table__)) == 0


def test_the_collected_are_bounded_and_the_longest_unused_go(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest, "MOST_COLLECTED", 60)
    for number in range(61):
        collect(engine, "7", [Address("", f"p{number}@one.example")], now=T + number)
    left = [each.address for each in collected(engine, "7")]
    assert left == [f"p{number}@one.example" for number in range(60, 50, -1)]
    assert offered(engine, "p1@") == [] and offered(engine, "p60@") == ["p60@one.example"]


def test_who_sends_from_two_windows_at_once_is_remembered_in_both(engine: Engine) -> None:
    people = [Address(f"P{number}", f"p{number}@one.example") for number in range(6)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda turn: collect(engine, "7", people[turn % 3 :], now=T + turn), range(8)))
        list(pool.map(lambda turn: book(engine, (f"C{turn}", f"p{turn % 6}@one.example")), range(8)))
    assert collected(engine, "7") == () and len(offered(engine, "p")) == 6


def test_odd_recipients_are_kept_harmlessly(engine: Engine) -> None:
    collect(engine, "7", [Address("A\r\nBcc: x\x00", "a@one.example"), Address("no address", "x")], now=T)
    assert [(each.name, each.address) for each in collected(engine, "7")] == [("A Bcc: x", "a@one.example")]


@pytest.mark.slow
def test_ten_thousand_contacts_are_looked_up_by_the_index(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/many.db", timeout=None)
    upgrade(engine)
    book(engine, *((f"Person{number} Family{number % 100}", f"p{number}@one.example") for number in range(10_000)))
    statement = suggest.found("7", ["person99", "fam"]).compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert not [line for line in plan if line.startswith("SCAN")], plan
    assert sum("ix_recipient_word_account_id_word (account_id=? AND word>? AND word<?)" in line for line in plan) == 2
    assert offered(engine, "person9999 fam") == ["p9999@one.example"]
    engine.dispose()


def test_words_begin_where_people_begin_to_type() -> None:
    words = words_of("Jean-Luc d'Arc", "j.luc+x@Mail.Example")
    assert words == (
        "jean", "luc", "d", "arc", "j.luc+x@mail.example", "luc+x@mail.example", "x@mail.example", "mail.example",
    )  # fmt: skip
    assert fits("jean-l", words) and fits("ARC luc@", ("arc", "luc@x")) and not fits("ean", words)


def test_who_is_in_the_book_or_was_written_to_is_known(engine: Engine) -> None:
    book(engine, ("Ann", "ann@one.example"))
    collect(engine, "7", [Address("Bob", "bob@one.example")], now=T)
    collect(engine, "8", [Address("Eve", "eve@one.example")], now=T)
    asked = ["ANN@one.example", "bob@one.example", "eve@one.example"]
    assert suggest.unknown(engine, "7", asked) == {"eve@one.example"}
