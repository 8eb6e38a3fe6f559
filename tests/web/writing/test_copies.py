"""Keys of the copies in browsers: each account's own, the same on every node, and those of older secrets still told."""

from __future__ import annotations

import pytest
from flask import Flask

from app.store.seal import Keyring
from app.web.session import current
from app.web.writing import copies
from tests.web.conftest import PASSWORD, add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


def told(app: Flask, browser: Pages) -> list[list[str]]:
    with app.test_request_context("/", headers={"Cookie": f"postern={browser.cookie()}"}):
        return [pair.split(":") for pair in copies.keys(current()).split(" ")]


def test_each_account_has_a_name_and_a_key_of_its_own(app: Flask, signed_in: Pages) -> None:
    add_account(app, 2, "bob")
    other = app.test_client()
    assert other.sign_in("bob@one.example", PASSWORD).status_code == 303  # type: ignore[attr-defined]
    ((name, key),), ((name_of_bob, key_of_bob),) = told(app, signed_in), told(app, other)  # type: ignore[arg-type]
    assert name != name_of_bob and key != key_of_bob
    assert signed_in.get("/compose/copies").get_json() == {"copies": f"{name}:{key}"}


def test_copies_sealed_under_an_older_secret_can_be_opened(app: Flask, signed_in: Pages) -> None:
    held = app.extensions["postern"]
    (before,) = told(app, signed_in)
    held.ring = Keyring([b"another secret of 32 bytes ......", *held.ring.secrets])
    assert told(app, signed_in)[1] == before and len(told(app, signed_in)) == 2


def test_nobody_without_a_session_is_told_a_key(browser: Pages) -> None:
    assert browser.get("/compose/copies").status_code in (302, 303, 401)


def test_signing_out_clears_the_browser_but_for_what_was_never_saved() -> None:
    assert copies.cleared({}) == '"cache", "storage"'
    assert copies.cleared({"unsaved": "1"}) == '"cache"'
