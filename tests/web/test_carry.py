"""A form that outlives its session: for its writer, from our pages, while it is fresh; for nobody else."""

import base64
import secrets
import time
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask, request
from werkzeug.datastructures import MultiDict

from app.web import carry

OURS = {"Sec-Fetch-Site": "same-origin"}
DATA = {"text": "Typed for an hour", "to": "bob@example.org", "action": "send"}


def carried(app: Flask, token: str, path: str = "/compose", **more: str) -> str | None:
    """The sealed field that the sign-in form would carry."""
    with app.test_request_context(path, method="POST", data={**DATA, carry.TOKEN: token, **more}, headers=OURS):
        return carry.packed()


def token(app: Flask, account: str = "7") -> str:
    with app.test_request_context("/compose"):
        return carry.token(account, "digest of the session")


def found(app: Flask, field: str | None, account: str = "7") -> carry.Carried | None:
    with app.test_request_context("/login", method="POST"):
        return carry.unpacked(field, account)


def opened(app: Flask, field: str | None, account: str = "7") -> MultiDict[str, str] | None:
    form = found(app, field, account)
    return form.form if form else None


def test_what_was_typed_comes_back_to_its_writer(lone_app: Flask) -> None:
    form = found(lone_app, carried(lone_app, token(lone_app)))
    assert form is not None and {name: form.form[name] for name in DATA} == DATA
    assert form.fresh and (form.endpoint, form.values) == ("compose.post", {})


def test_nobody_else_gets_it(lone_app: Flask) -> None:
    assert opened(lone_app, carried(lone_app, token(lone_app)), "8") is None
    assert opened(lone_app, carried(lone_app, token(lone_app, "8"))) is None


def test_a_token_ends_and_cannot_be_made_younger(lone_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    old = token(lone_app)
    field = carried(lone_app, old)
    later = time.time() + carry.TOKEN_SECONDS + 1
    monkeypatch.setattr(carry.time, "time", lambda: later)
    form = found(lone_app, field)
    assert form is not None and not form.fresh
    rest = old.partition(".")[2]
    assert opened(lone_app, carried(lone_app, f"{int(later)}.{rest}")) is None


@pytest.mark.parametrize("bad", ["", ".", "1.2.3", "x" * 500, "٣.a.b", "1e9.a.b"])
def test_what_is_no_token_opens_nothing(lone_app: Flask, bad: str) -> None:
    field = carried(lone_app, bad)
    assert (field is None) is (bad == "")
    assert opened(lone_app, field) is None


def test_the_field_is_sealed_and_whatever_is_changed_in_it_is_noticed(lone_app: Flask) -> None:
    field = carried(lone_app, token(lone_app))
    assert field is not None
    raw = base64.urlsafe_b64decode(field)
    assert b"Typed" not in raw
    for place in (0, 20, len(raw) - 1):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert opened(lone_app, base64.urlsafe_b64encode(changed).decode()) is None
    assert opened(lone_app, "no base64 at all!") is None


def test_only_some_forms_ride_and_none_that_is_too_large(lone_app: Flask) -> None:
    good = token(lone_app)
    assert carried(lone_app, good, path="/settings/sessions/everywhere") is None
    assert carried(lone_app, good, path="/logout") is None
    assert carried(lone_app, good, text=secrets.token_urlsafe(carry.SEALED_BYTES + 20_000)) is None


def test_a_long_text_in_any_script_rides_too(lone_app: Flask) -> None:
    words = "я" * 120_000
    form = opened(lone_app, carried(lone_app, token(lone_app), text=words))
    assert form is not None and form["text"] == words


@pytest.mark.parametrize(
    ("headers", "fresh"),
    [
        (OURS, True),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "null"}, False),
        ({}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
    ],
)
def test_only_what_surely_came_from_our_pages_is_completed_unseen(
    lone_app: Flask, headers: dict[str, str], fresh: bool
) -> None:
    form = {**DATA, carry.TOKEN: token(lone_app)}
    with lone_app.test_request_context("/compose", method="POST", data=form, headers=headers):
        field = carry.packed()
    again = found(lone_app, field)
    assert again is not None and again.fresh is fresh


def test_what_rides_is_a_form_that_saves_and_nothing_that_ends_deletes_or_signs_in(lone_app: Flask) -> None:
    posts = {rule.endpoint for rule in lone_app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert posts >= carry.CARRIED
    assert {name.partition(".")[2] for name in carry.CARRIED} <= {
        *("post", "add", "save", "save_digest", "save_text", "lists_add", "lists_take", "spam_save", "send", "read")
    }
    assert {name for name in carry.CARRIED if name.startswith("admin.")} == carry.LOOKS == {"admin.read"}
    assert not {name for name in carry.CARRIED if name.startswith(("login.", "settings.", "mailbox.", "outbox."))}


def test_every_page_of_a_form_that_rides_holds_the_token() -> None:
    folder = Path(__file__).parents[2] / "templates"
    pages = ("contact", "digest", "identity", "special", "text", "writing", "filters/rule", "filters/text")
    pages += ("admin/importing",)
    assert all("{{ riding() }}" in (folder / f"{name}.html").read_text() for name in pages)


def test_a_file_that_was_read_before_it_failed_rides_from_its_beginning(lone_app: Flask) -> None:
    form = {carry.TOKEN: token(lone_app), "file": (BytesIO(b"username\nzoe\n"), "x.csv")}
    with lone_app.test_request_context("/admin/site/import", method="POST", data=form, headers=OURS):
        request.files["file"].stream.read(5)
        again = carry.again()
    assert again is not None and (carry.FILE, "username\nzoe\n") in again


def test_files_do_not_ride_but_their_names_do(lone_app: Flask) -> None:
    upload = {"upload": [(BytesIO(b"x"), "plan.txt"), (BytesIO(b""), "")]}
    form = {**DATA, carry.TOKEN: token(lone_app), **upload}
    with lone_app.test_request_context("/compose", method="POST", data=form, headers=OURS):
        field, again = carry.packed(), carry.again()
    assert again is not None and ("lost", "plan.txt") in again
    ridden = opened(lone_app, field)
    assert ridden is not None and ridden.getlist("lost") == ["plan.txt"] and "upload" not in ridden
