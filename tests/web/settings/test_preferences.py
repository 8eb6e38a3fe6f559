"""How somebody likes to write: kept, bounded, the site's own where nothing sound was chosen, and never in the way."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from flask import Flask

from app.profile import settings as stored
from app.profile.tables import Base
from app.web.session import current
from app.web.settings.preferences import SETTING, Preferences, preferences
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
PAGE = "/settings/writing"


@pytest.fixture(autouse=True)
def database(app: Flask) -> Any:
    """Postern's own database, with the profile's tables."""
    held = app.extensions["postern"]
    Base.metadata.create_all(held.database)
    return held.database


def known(app: Flask, browser: Pages) -> Preferences:
    with app.test_request_context("/", headers={"Cookie": f"postern={browser.cookie()}"}):
        return preferences(current())


def chosen(browser: Pages) -> dict[str, str]:
    """{field: the option chosen on the page}"""
    page = browser.get(PAGE).get_data(as_text=True)
    selects = re.findall(r'<select id="(\w+)"(.*?)</select>', page, re.DOTALL)
    return {name: "".join(re.findall(r'value="(\d+)" selected', options)) for name, options in selects}


def test_what_was_not_chosen_is_as_the_site_has_it(app: Flask, signed_in: Pages) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, undo_seconds=15)
    assert known(app, signed_in) == Preferences(15, rich=False, above=True)
    assert chosen(signed_in) == {"undo_seconds": "15", "rich": "0", "above": "1"}


def test_a_choice_is_kept_and_shown(app: Flask, signed_in: Pages) -> None:
    form = {"undo_seconds": "0", "rich": "1", "above": "0"}
    assert signed_in.submit(PAGE, form, page=PAGE).status_code == 303
    assert known(app, signed_in) == Preferences(0, rich=True, above=False)
    assert chosen(signed_in) == form


@pytest.mark.parametrize("wrong", ["301", "-1", "", "soon", "7", "٣", "9" * 5000])
def test_a_time_that_is_not_offered_is_the_site_s(app: Flask, signed_in: Pages, wrong: str) -> None:
    signed_in.submit(PAGE, {"undo_seconds": wrong}, page=PAGE)
    assert known(app, signed_in).undo_seconds == 10


@pytest.mark.parametrize("kept", [3, [], {"undo_seconds": True, "rich": 1, "above": None}, {"undo_seconds": 301}])
def test_what_another_hand_wrote_counts_only_where_it_is_sound(
    app: Flask, signed_in: Pages, database: Any, kept: Any
) -> None:
    stored.write(database, "1", SETTING, kept)
    assert known(app, signed_in) == Preferences(10, rich=False, above=True)


def test_without_sql_the_choice_comes_back_with_a_word_and_reading_goes_on(
    app: Flask, signed_in: Pages, database: Any
) -> None:
    token = signed_in.token(PAGE)
    Base.metadata.drop_all(database)
    answer = signed_in.post(PAGE, data={"undo_seconds": "30", "above": "0", "csrf_token": token})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 503 and "Nothing was changed" in page and 'value="30" selected' in page
    assert known(app, signed_in).undo_seconds == 10
