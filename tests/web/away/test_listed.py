"""Forwarding by the directory: one owner of it, its targets agree as well, and what a site does not allow stays."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.directory.tables import AccountRow, SiteRow
from app.outbox.tables import Base as OutboxBase
from app.policy.tables import ActionRow
from app.policy.tables import Base as PolicyBase
from app.profile.tables import Base as ProfileBase
from tests.smtpsink import Sink
from tests.web.away.test_forwarding import the_code
from tests.web.conftest import FORWARDER, PASSWORD
from tests.web.filters.conftest import Owner
from tests.web.pages import Pages, field

pytestmark = pytest.mark.servers
PAGE = "/forwarding"
FIRST, NEW = "elsewhere@two.example", "new@else.example"


@pytest.fixture
def post(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    held = app.extensions["postern"]
    for base in (OutboxBase, PolicyBase, ProfileBase):
        base.metadata.create_all(held.database)
    with Sink({}) as sink:
        url = f"smtp+plain://127.0.0.1:{sink.port}"
        more = {"public_url": "https://mail.isp.example", "notice_from": "webmail@one.example", "notice_url": url}
        monkeypatch.setattr(held, "settings", dataclasses.replace(held.settings, **more))
        yield sink


def row(app: Flask, number: int = 1) -> Any:
    with app.extensions["postern"].directory.engine.connect() as rows:
        return rows.execute(select(AccountRow.__table__).where(AccountRow.account_id == number)).one()


def said(browser: Pages, **fields: str) -> Any:
    page = browser.get(PAGE)
    hidden = {name: field(page, name) for name in ("csrf_token", "made")}
    return browser.post(PAGE, data={**hidden, "do": "save", **fields})


def test_who_only_forwards_gives_another_target_that_agrees(app: Flask, signed_in: Pages, post: Sink):
    page = signed_in.get(PAGE).get_data(as_text=True)
    assert 'value="elsewhere@two.example"' in page and 'name="copy"' not in page and "nothing stays here" in page
    assert said(signed_in, to=NEW, password="wrong").status_code == 422
    assert said(signed_in, to=NEW, password=PASSWORD).status_code == 303
    assert row(app).forward_to == "elsewhere@two.example"
    assert said(signed_in, to=NEW, do="confirm", code=the_code(post, NEW)).status_code == 303
    assert (row(app).kind, row(app).forward_to) == ("forward", NEW)
    (told,) = [each for each in post.taken if each.recipients != [NEW]]
    assert told.recipients == ["elsewhere@two.example"] and NEW.encode() in told.content
    with app.extensions["postern"].database.connect() as log:
        (done,) = log.execute(select(ActionRow.__table__)).all()
    assert (done.verb, done.account_id, done.target) == ("account", "1", FORWARDER)


def test_who_only_forwards_is_led_to_no_page_that_needs_a_mailbox(signed_in: Pages, post: Sink):
    page = signed_in.get(PAGE).get_data(as_text=True)
    assert 'data-testid="forwarding-link"' in page and "Back to your mail" not in page
    paths = set(re.findall(r'<a (?:class="menu-item" )?href="(/[^"]*)"', page))
    assert {"/blocked", "/contacts", "/settings/sessions"} <= paths
    assert [path for path in paths if signed_in.get(path, buffered=True).status_code == 404] == []


def test_mail_that_nobody_keeps_goes_somewhere(app: Flask, signed_in: Pages, post: Sink):
    assert said(signed_in, to="").status_code == 422
    assert row(app).forward_to == "elsewhere@two.example"


def test_what_an_administrator_changed_meanwhile_stays(app: Flask, signed_in: Pages, post: Sink):
    assert said(signed_in, to=NEW, password=PASSWORD).status_code == 303
    page = signed_in.get(PAGE)
    hidden = {name: field(page, name) for name in ("csrf_token", "made")}
    with app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 1).values(display_name="Other"))
    answer = signed_in.post(PAGE, data={**hidden, "to": NEW, "do": "confirm", "code": the_code(post, NEW)})
    assert answer.status_code == 409 and (row(app).display_name, row(app).forward_to) == ("Other", FIRST)
    with app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(AccountRow.__table__).values(forward_to="a@two.example, b@two.example"))
    assert 'data-testid="forward-fixed"' in signed_in.get(PAGE).get_data(as_text=True)
    answer = signed_in.post(PAGE, data={**hidden, "to": NEW, "password": PASSWORD, "do": "save"})
    assert answer.status_code == 409 and len(post.taken) == 1


def without_scripts(owner: Owner, **site: object) -> None:
    """The owner's mail server keeps no scripts, and the site says so much."""
    with owner.app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(SiteRow.__table__).values(**site))
    owner.moved(sieve_host=None, sieve_port=None, sieve_security=None)


def test_a_server_without_scripts_has_the_sites_words_and_a_link(owner: Owner):
    without_scripts(owner, filters_words="Write a .forward; <see> the page.", filters_page="https://isp.example/forward")
    for path in (PAGE, "/vacation", "/filters"):
        page = owner.page(path)
        assert "Write a .forward; &lt;see&gt; the page." in page and 'href="https://isp.example/forward"' in page, path


def test_where_the_site_says_so_a_mailbox_is_forwarded_by_the_directory_and_ends_it(owner: Owner):
    without_scripts(owner, forward_here=True)
    answer = owner.post(PAGE, {"to": "forward@one.example", "do": "save"})
    assert answer.status_code == 502  # this node can send no code
    held = owner.app.extensions["postern"]
    with held.directory.engine.begin() as rows:
        mine = update(AccountRow.__table__).where(AccountRow.account_id == owner.number)
        rows.execute(mine.values(kind="both", forward_to="forward@one.example"))
    page = owner.page(PAGE)
    assert "Your mail is sent on to forward@one.example; a copy stays here." in page and 'name="copy"' not in page
    assert owner.post(PAGE, {"to": "", "do": "save"}).status_code == 303
    assert (row(owner.app, owner.number).kind, row(owner.app, owner.number).forward_to) == ("mailbox", None)


def test_what_the_directory_forwards_no_script_forwards_as_well(owner: Owner):
    with owner.app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(SiteRow.__table__).values(forward_here=False))
        mine = update(AccountRow.__table__).where(AccountRow.account_id == owner.number)
        rows.execute(mine.values(kind="both", forward_to="forward@one.example"))
    owner.put(b'require ["copy"];\nredirect :copy "al@else.example";\n', "mine")
    owner.moved(imap_host="127.0.0.1")
    page = owner.page(PAGE)
    assert 'data-testid="forward-fixed"' in page and 'id="forward-form"' not in page and "al@else.example" in page
    answer = owner.browser.post(PAGE, data={"csrf_token": owner.browser.token("/mail/INBOX/"), "to": NEW})
    assert answer.status_code == 409 and b"else.example" in owner.script()


def test_with_a_query_of_the_providers_own_it_is_changed_elsewhere(app: Flask, signed_in: Pages, monkeypatch: Any):
    held = app.extensions["postern"]
    monkeypatch.setattr(held.directory, "query", "SELECT 1")
    page = signed_in.get(PAGE).get_data(as_text=True)
    assert 'data-testid="forward-fixed"' in page and 'id="forward-form"' not in page
