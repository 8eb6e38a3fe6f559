"""The answer while somebody is away, kept in SQL: the same form, nothing typed is lost, and one place alone answers."""

import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, update

from app.policy import away
from app.policy.away import Away
from app.policy.tables import AwayRow
from app.profile.contact import Contact
from app.profile.contacts import add
from tests.web.away.test_vacation import form
from tests.web.filters.conftest import Owner

pytestmark = pytest.mark.servers
PAGE = "/vacation"


@pytest.fixture
def owner(owner: Owner) -> Owner:
    """Their mail server keeps no scripts, and Exim answers."""
    owner.moved(sieve_host=None, sieve_port=None, sieve_security=None, vacation="sql")
    return owner


def database(owner: Owner) -> Engine:
    return owner.app.extensions["postern"].database


def kept(owner: Owner) -> Away | None:
    return away.away(database(owner), str(owner.number))


def elsewhere(owner: Owner, **values: Any) -> None:
    """Another tab changes it."""
    with database(owner).begin() as rows:
        rows.execute(update(AwayRow.__table__).where(AwayRow.account_id == str(owner.number)).values(**values))


def test_an_answer_is_kept_and_its_form_shows_it(owner: Owner):
    page = owner.page(PAGE)
    assert 'data-on="false"' in page and 'name="html"' not in page and "Spam is not, either." in page
    assert owner.post(PAGE, form(start="2026-07-01", end="2036-12-31", html="<b>x</b>")).status_code == 303
    assert kept(owner) == Away(
        True, "I am away.\nBack soon.", "Away", 7, date(2026, 7, 1), date(2036, 12, 31), "Europe/Berlin"
    )
    page = owner.page(PAGE)
    assert 'value="2026-07-01"' in page and ">\nI am away.\nBack soon.</textarea>" in page and 'data-on="true"' in page
    assert 'data-testid="answering-notice"' in owner.page("/mail/INBOX/")
    assert owner.post(PAGE, form(on="")).status_code == 303
    assert 'data-testid="answering-notice"' not in owner.page("/mail/INBOX/")


WRONG = [
    ("end", {"end": "2026-06-01", "start": "2026-07-01"}),
    ("end", {"end": "9999-12-31"}),
    ("start", {"start": "soon"}),
    ("start", {"start": "0001-01-01"}),
    ("text", {"text": "  "}),
    ("text", {"text": "x" * 10_001}),
    ("text", {"text": "a\x00b"}),
    ("days", {"days": "0"}),
    ("contacts", {"contacts": "1"}),
]


def test_what_does_not_do_is_said_beside_its_field_and_stays_typed(owner: Owner):
    held = hidden(owner)
    for field, wrong in WRONG:
        answer = owner.browser.post(PAGE, data={**form(**wrong), **held})
        text = answer.get_data(as_text=True)
        assert answer.status_code == 422 and f'id="{field}-hint" data-testid="field-error"' in text, wrong
        assert wrong.get(field, "")[:20].strip("\x00 ") in text and 'value="Away"' in text, wrong
    assert kept(owner) is None


def hidden(owner: Owner) -> dict[str, str]:
    return dict(re.findall(r'name="(csrf_token|made|carry_token|can)" value="([^"]*)"', owner.page(PAGE)))


def test_what_another_tab_changed_is_shown_beside_what_was_typed(owner: Owner):
    owner.post(PAGE, form())
    old = hidden(owner)
    elsewhere(owner, answer="Out of another tab.")
    answer = owner.browser.post(PAGE, data={**form(text="Mine."), **old})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "Out of another tab." in text and ">\nMine.</textarea>" in text
    assert kept(owner).text == "Out of another tab."
    again = dict(re.findall(r'name="(csrf_token|made)" value="([^"]*)"', text))
    assert owner.browser.post(PAGE, data={**form(text="Mine."), **again}).status_code == 303
    assert kept(owner).text == "Mine."


def test_only_contacts_are_those_of_the_moment(owner: Owner):
    add(database(owner), str(owner.number), [Contact("Ann", ("Ann@friends.example", "a@b.example"))])
    assert owner.post(PAGE, form(contacts="1")).status_code == 303
    assert kept(owner).contacts == ("ann@friends.example", "a@b.example")
    assert re.search(r'name="contacts" value="1" checked', owner.page(PAGE))


def test_a_form_of_a_session_that_ended_is_completed_after_signing_in(owner: Owner):
    fields = {**hidden(owner), **form(text="Carried.")}
    owner.session_ends()
    answer = owner.browser.post(PAGE, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    page = answer.get_data(as_text=True)
    found = dict(re.findall(r'name="(csrf_token|carried)" value="([^"]+)"', page))
    signing = {"address": owner.address, "password": owner.mail.password, **found}
    answer = owner.browser.post("/login", data=signing)
    assert answer.status_code == 303 and answer.location == PAGE
    assert kept(owner).text == "Carried."


def test_nothing_is_lost_while_sql_is_away(owner: Owner, monkeypatch: pytest.MonkeyPatch):
    fields = {**form(text="Kept here."), **hidden(owner)}
    monkeypatch.setattr(owner.app.extensions["postern"].profile_gate, "shut", lambda: True)
    answer = owner.browser.post(PAGE, data=fields)
    assert answer.status_code == 503 and ">\nKept here.</textarea>" in answer.get_data(as_text=True)


def test_a_server_with_scripts_keeps_them_and_one_without_either_has_the_sites_words(owner: Owner):
    owner.moved(vacation="sieve")
    assert 'data-testid="set-elsewhere"' in owner.page(PAGE)
    owner.moved(vacation="sql", sieve_host="127.0.0.1", sieve_port=owner.mail.server.sieve_port, sieve_security="plain")
    assert 'name="html"' in owner.page(PAGE)
    assert owner.post(PAGE, form()).status_code == 303
    assert b"I am away." in owner.script() and kept(owner) is None
