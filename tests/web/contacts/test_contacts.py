"""The address book's pages: nothing typed is lost, nothing of somebody else's is shown, files come and go."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask

from app.mail.header import Address
from app.profile import contacts as book
from app.profile import suggest
from app.profile.contact import Contact
from app.profile.tables import Base
from tests.web.conftest import PASSWORD, add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers

NEW = "/contacts/new"


@pytest.fixture(autouse=True)
def tables(app: Flask) -> Any:
    """The profile's tables beside the directory's; returns the engine."""
    engine = app.extensions["postern"].database
    Base.metadata.create_all(engine)
    return engine


def kept(app: Flask, contact: Contact, account: str = "1") -> Contact:
    return book.save(app.extensions["postern"].database, account, contact)


def words(browser: Pages, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status
    return unescape(answer.get_data(as_text=True))


def test_a_contact_is_made_changed_found_and_deleted(app: Flask, signed_in: Pages) -> None:
    typed = {
        "name": "Jörg <b>",
        "addresses": "JOERG@MÜLLER.example\r\n\r\nj@two.example",
        "labels": "Work\r\nChoir, old\r\n\r\nWork",
        "note": "a\nb",
    }
    answer = signed_in.submit(NEW, typed, page=NEW)
    assert answer.status_code == 303
    (made,) = book.every(app.extensions["postern"].database, "1")
    assert made.addresses == ("JOERG@müller.example", "j@two.example") and made.labels == ("Work", "Choir, old")
    page = words(signed_in, answer.location)
    assert "Jörg <b>" in page and "<b>" not in signed_in.get(answer.location).get_data(as_text=True).replace(
        "<b></b>", ""
    )
    assert made.id in words(signed_in, "/contacts?q=jorg") and made.id in words(signed_in, "/contacts?group=Choir, old")
    assert made.id not in words(signed_in, "/contacts?q=nobody") and made.id not in words(
        signed_in, "/contacts?group=X"
    )
    signed_in.submit(answer.location, {**typed, "name": "Other"}, page=answer.location)
    assert "Other" in words(signed_in, "/contacts")
    assert signed_in.submit(f"/contacts/{made.id}/delete", page=answer.location).status_code == 303
    assert "address book is empty" in words(signed_in, "/contacts")
    words(signed_in, f"/contacts/{made.id}", 404)


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"addresses": "bob\nann@one.example"}, "“bob” has no @."),
        ({"addresses": "a@b@c.example"}, "has more than one @"),
        ({"name": "  ", "note": "only a note"}, "needs a name or a mail address"),
        ({"name": "N", "addresses": "\n".join(f"p{n}@one.example" for n in range(21))}, "holds 20 addresses"),
    ],
)
def test_what_cannot_be_kept_comes_back_as_it_was_typed(signed_in: Pages, typed: dict[str, str], fault: str) -> None:
    answer = signed_in.submit(NEW, {"note": "my <note>", "labels": "A, B", **typed}, page=NEW)
    page = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 422 and fault in page
    assert all(part in page for part in (typed.get("addresses", ""), "A, B", typed.get("note", "my <note>")))
    assert "address book is empty" in words(signed_in, "/contacts")


def test_while_sql_is_away_the_text_stays_and_suggestions_are_none(app: Flask, signed_in: Pages, tables: Any) -> None:
    made = kept(app, Contact("Ann", ("ann@one.example",)))
    token = signed_in.token(NEW)
    Base.metadata.drop_all(tables)
    answer = signed_in.post(NEW, data={"csrf_token": token, "name": "Typed name", "addresses": "x@one.example"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 503 and "Typed name" in page and "x@one.example" in page and "still here" in page
    answer = signed_in.post(f"/contacts/{made.id}", data={"csrf_token": token, "name": "Changed", "note": "n <o>te"})
    page = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 503 and "Changed" in page and "n <o>te" in page and f"/contacts/{made.id}" in page
    assert signed_in.get("/contacts/suggest?q=an").get_json() == []
    for path in ("/contacts", f"/contacts/{made.id}", "/contacts/recent", "/contacts/export.csv"):
        assert "Your contacts and settings cannot be reached" in words(signed_in, path, 503)
    assert signed_in.get("/settings/sessions").status_code == 200


def test_nobody_reaches_another_account_s_rows(app: Flask, signed_in: Pages, tables: Any) -> None:
    add_account(app, 2, "bob")
    theirs = kept(app, Contact("Bob's friend", ("friend@one.example",)), "2")
    mine = kept(app, Contact("Mine", ("friend@one.example",)))
    suggest.collect(tables, "2", [Address("Fritz", "fritz@one.example")], now=1)
    (collected,) = suggest.collected(tables, "2")
    assert theirs.id not in words(signed_in, "/contacts") and "Bob's" not in words(signed_in, f"/contacts/{mine.id}")
    assert [each["name"] for each in signed_in.get("/contacts/suggest?q=fr").get_json()] == ["Mine"]
    assert "friend" in words(signed_in, "/contacts/export.vcf") and "Bob" not in words(
        signed_in, "/contacts/export.vcf"
    )
    assert "fritz" not in words(signed_in, "/contacts/recent")
    words(signed_in, f"/contacts/{theirs.id}", 404)
    for path, data in (
        (f"/contacts/{theirs.id}", {"name": "Stolen"}),
        (f"/contacts/{theirs.id}/delete", {}),
        (f"/contacts/{theirs.id}/merge", {"other": mine.id}),
        (f"/contacts/{mine.id}/merge", {"other": theirs.id}),
        ("/contacts/' OR 1=1/delete", {}),
    ):
        assert signed_in.submit(path, data, page=NEW, buffered=True).status_code == 404, path
    signed_in.submit("/contacts/recent", {"id": collected.id}, page=NEW)
    signed_in.submit("/contacts/recent", {"id": "all"}, page=NEW)
    assert suggest.collected(tables, "2") == (collected,)
    other: Pages = app.test_client()  # type: ignore[assignment]
    other.sign_in("bob@one.example", PASSWORD)
    assert theirs.id in words(other, "/contacts") and "Stolen" not in words(other, "/contacts")


def test_two_that_share_an_address_are_offered_to_become_one(app: Flask, signed_in: Pages) -> None:
    one, two = (kept(app, Contact(name, ("a@one.example", f"{name}@x.example"))) for name in ("ann", "anna"))
    assert 'data-testid="contact-merge"' in words(signed_in, f"/contacts/{one.id}")
    answer = signed_in.submit(f"/contacts/{one.id}/merge", {"other": two.id}, page=f"/contacts/{one.id}")
    assert answer.location == f"/contacts/{one.id}"
    page = words(signed_in, answer.location)
    assert "anna@x.example" in page and 'data-testid="contact-merge"' not in page


def test_suggestions_are_json_of_at_most_eight(app: Flask, signed_in: Pages, tables: Any) -> None:
    book.add(tables, "1", [Contact(f"Ann {number}", (f"a{number}@one.example",)) for number in range(12)])
    answer = signed_in.get("/contacts/suggest?q=ANN")
    assert answer.mimetype == "application/json" and len(answer.get_json()) == 8
    assert answer.get_json()[0] == {"name": "Ann 0", "address": "a0@one.example", "source": "contact"}
    assert signed_in.get("/contacts/suggest").get_json() == [] and "no-store" in answer.headers["Cache-Control"]


def test_a_hundred_stand_on_a_page(signed_in: Pages, tables: Any) -> None:
    book.add(tables, "1", [Contact(f"P {number:03}") for number in range(201)])
    first, third = words(signed_in, "/contacts"), words(signed_in, "/contacts?page=3")
    assert first.count('data-testid="contact-row"') == 100 and "1–100 of 201" in first
    assert 'data-testid="page-previous"' not in first and "/contacts?page=2" in first
    assert third.count('data-testid="contact-row"') == 1 and 'data-testid="page-next"' not in third
    for odd in ("0", "-1", "x", "99999999999999999999", "٣"):
        words(signed_in, f"/contacts?page={odd}")


def upload(browser: Pages, data: bytes, name: str = "book.vcf", **fields: str) -> tuple[int, str]:
    form = {"csrf_token": browser.token("/contacts/import"), "file": (io.BytesIO(data), name), **fields}
    answer = browser.post("/contacts/import", data=form, content_type="multipart/form-data")
    return answer.status_code, unescape(answer.get_data(as_text=True))


def test_a_file_is_imported_once_with_a_report(app: Flask, signed_in: Pages, tables: Any) -> None:
    data = b"BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nEMAIL:ann@one.example\nwhat <b>is</b> this\nTEL:1\nEND:VCARD\n"
    status, page = upload(signed_in, data, label="New ones")
    assert status == 200 and "1 contact was added" in page and "is no line of a card" in page
    (ann,) = book.every(tables, "1")
    assert (ann.name, ann.labels) == ("Ann", ("New ones",))
    assert "0 contacts were added" in upload(signed_in, data)[1]
    assert len(book.every(tables, "1")) == 1
    assert "TEL:1" in words(signed_in, "/contacts/export.vcf")
    status, page = upload(signed_in, b"Name,E-mail 1 - Value\r\nBob,bob@one.example\r\n", "x.csv")
    assert "1 contact was added" in page and "Everything was understood" in page


def test_a_form_without_a_file_or_with_an_odd_one_says_so(signed_in: Pages) -> None:
    assert upload(signed_in, b"", "")[0] == 422
    status, page = upload(signed_in, b"\x89PNG\r\n" + bytes(range(256)) * 20, "<script>.png")
    assert status == 200 and "0 contacts were added" in page and "has no column that we know" in page


def test_exports_are_files_and_no_cell_begins_a_formula(app: Flask, signed_in: Pages) -> None:
    kept(app, Contact("=1+1", ("a@one.example",), "@x"))
    answer = signed_in.get("/contacts/export.csv")
    assert answer.headers["Content-Disposition"].startswith("attachment") and answer.mimetype == "text/csv"
    assert "'=1+1" in answer.get_data(as_text=True) and ",=" not in answer.get_data(as_text=True)
    for path, version in (("/contacts/export.vcf", "3.0"), ("/contacts/export.vcf?version=4.0", "4.0")):
        answer = signed_in.get(path)
        assert answer.mimetype == "text/vcard" and f"VERSION:{version}" in answer.get_data(as_text=True)


def test_whom_one_wrote_to_can_be_added_or_forgotten(signed_in: Pages, tables: Any) -> None:
    suggest.collect(tables, "1", [Address("Fritz & Co", "fritz@one.example"), Address("", "x@one.example")], now=1)
    page = words(signed_in, "/contacts/recent")
    link = re.search(r'href="(/contacts/new\?[^"]+fritz[^"]+)"', page)
    assert (
        link and 'value="Fritz & Co"' in words(signed_in, link[1]) and "fritz@one.example" in words(signed_in, link[1])
    )
    number = re.search(r'name="id" value="([0-9a-f]{32})"', page)
    assert number
    signed_in.submit("/contacts/recent", {"id": number[1]}, page="/contacts/recent")
    assert len(suggest.collected(tables, "1")) == 1
    signed_in.submit("/contacts/recent", {"id": "all"}, page="/contacts/recent")
    assert "Nobody yet" in words(signed_in, "/contacts/recent")


def test_who_is_not_signed_in_sees_nothing(browser: Pages) -> None:
    for path in (
        "/contacts",
        "/contacts/export.csv",
        "/contacts/" + "a" * 32,
        "/settings/identities",
        "/settings/folders",
    ):
        assert browser.get(path).status_code == 303, path
    assert "source" not in json.dumps(browser.get("/contacts/suggest?q=a").get_data(as_text=True))
