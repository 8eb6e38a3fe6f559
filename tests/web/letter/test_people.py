"""What a composer asks while somebody types: who may be meant, and what was read; nothing of another account's."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.profile import contacts as book
from app.profile.contact import Contact
from app.profile.tables import Base
from config.default import Settings
from tests.profile.slapd import BASE, Slapd
from tests.web.conftest import FORWARDER, PASSWORD, add_account, new_app
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def tables(app: Flask) -> Any:
    """The profile's tables beside the directory's; returns the engine."""
    engine = app.extensions["postern"].database
    Base.metadata.create_all(engine)
    return engine


def checked(browser: Pages, text: str) -> list[dict[str, str]]:
    answer = browser.submit("/compose/check", {"text": text}, page="/contacts/new")
    assert answer.status_code == 200 and answer.mimetype == "application/json"
    found: list[dict[str, str]] = answer.get_json()
    return found


def test_a_line_is_read_as_it_is_at_sending(signed_in: Pages) -> None:
    found = checked(signed_in, 'Ann <ann@one.example>, carl\r\n"B, C" <b@gmial.com>; b@gmial.com')
    assert [(each["typed"], each["why"], each["doubt"]) for each in found] == [
        ('"Ann" <ann@one.example>', "", ""),
        ('"B, C" <b@gmial.com>', "", "gmail.com"),
        ("carl", "has no @", ""),
    ]
    assert checked(signed_in, "  ") == []


@pytest.mark.parametrize("text", ['"Smith, J" <bad@>', "a@b@c.example", "x" * 70_000, "Ann\x00"])
def test_what_is_wrong_keeps_every_letter_and_reads_the_same_again(signed_in: Pages, text: str) -> None:
    (wrong,) = checked(signed_in, text)
    assert wrong["typed"] == text.strip() and wrong["why"] and checked(signed_in, wrong["typed"]) == [wrong]


def test_a_check_is_only_for_who_is_signed_in_and_not_forged(browser: Pages, signed_in: Pages) -> None:
    assert signed_in.post("/compose/check", data={"text": "ann@one.example"}).status_code == 400
    assert signed_in.get("/compose/check").status_code == 405


def test_groups_are_suggested_before_people_and_told_whole(app: Flask, signed_in: Pages, tables: Any) -> None:
    people = [Contact(f"Cho {number}", (f"c{number}@one.example",), labels=("Choir",)) for number in range(12)]
    book.add(tables, "1", people)
    found = signed_in.get("/contacts/suggest?q=cho").get_json()
    assert found[0] == {"name": "Choir", "address": "", "source": "group", "people": 12} and len(found) == 8
    assert len(signed_in.get("/contacts/suggest?group=Choir").get_json()) == 12
    add_account(app, 2, "bob")
    other: Pages = app.test_client()  # type: ignore[assignment]
    other.sign_in("bob@one.example", PASSWORD)
    assert other.get("/contacts/suggest?q=cho").get_json() == []
    assert other.get("/contacts/suggest?group=Choir").get_json() == []
    Base.metadata.drop_all(tables)
    assert signed_in.get("/contacts/suggest?q=cho").get_json() == []


def test_people_of_the_site_s_directory_follow_one_s_own(node_settings: Settings, tmp_path: Path) -> None:
    people = {"Ann Known": "ANN@one.example", "Annette <b>": "annette@uni.example"}
    slapd = Slapd(tmp_path / "slapd", people).start()
    url = f"ldap+plain://127.0.0.1:{slapd.port}"
    app = new_app(dataclasses.replace(node_settings, ldap_url=url, ldap_base=BASE))
    tables = app.extensions["postern"].database
    Base.metadata.create_all(tables)
    book.add(tables, "1", [Contact("Ann", ("ann@one.example",))])
    browser: Pages = app.test_client()  # type: ignore[assignment]
    browser.sign_in(FORWARDER, PASSWORD)

    def offered(typed: str) -> list[tuple[str, str]]:
        return [(each["address"], each["source"]) for each in browser.get(f"/contacts/suggest?q={typed}").get_json()]

    wanted = [("ann@one.example", "contact"), ("annette@uni.example", "directory")]
    end = time.monotonic() + 20  # the first question loads ldap3, which may take longer than it is waited for
    while offered("ann") != wanted:
        assert time.monotonic() < end
        time.sleep(0.05)
    slapd.remove()
    assert offered("ann") == wanted and offered("anne") == []
    book.add(tables, "1", [Contact(f"Ann {number}", (f"a{number}@one.example",)) for number in range(4)])
    assert len(offered("ann")) == 5  # enough of one's own: the directory is not asked
    assert browser.get("/contacts/suggest?q=ann").headers["Cache-Control"] == "no-store"
    app.extensions["postern"].ldap.close()
