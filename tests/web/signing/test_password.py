"""A new password on a real Redis, for an account whose hash lies in the directory."""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select, text

from app.directory.password import verify_password
from app.directory.tables import ServerRow
from app.policy.tables import ActionRow
from app.policy.tables import Base as PolicyBase
from config.default import Settings
from tests.conftest import MailAccount
from tests.smtpsink import Sink
from tests.web.conftest import FORWARDER, PASSWORD, add_account, close, new_app
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
PAGE = "/settings/password"
NEW = "gravel tuba onion lamp"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink({}) as found:
        yield found


@pytest.fixture
def app(node_settings: Settings, sink: Sink) -> Iterator[Flask]:
    settings = dataclasses.replace(
        node_settings, password_url="sql:", password_scheme="sha512-crypt", public_url="https://mail.one.example",
        notice_from="webmail@one.example", notice_url=f"smtp+plain://127.0.0.1:{sink.port}",
    )  # fmt: skip
    made = new_app(settings)
    PolicyBase.metadata.create_all(made.extensions["postern"].database)
    yield made
    close(made)


def another(app: Flask, password: str = PASSWORD) -> Pages:
    browser: Pages = app.test_client()  # type: ignore[assignment]
    browser.sign_in(FORWARDER, password)
    return browser


def change(browser: Pages, current: str = PASSWORD, new: str = NEW, again: str | None = None):  # type: ignore[no-untyped-def]
    typed = {"current": current, "new": new, "again": new if again is None else again}
    return browser.submit(PAGE, typed, page=PAGE)


def stored(app: Flask) -> str:
    with app.extensions["postern"].database.connect() as rows:
        return str(rows.execute(text("SELECT password_hash FROM account WHERE account_id = 1")).scalar())


def test_a_new_password_ends_all_other_sessions_and_this_one_goes_on(app: Flask, signed_in: Pages, sink: Sink) -> None:
    other, before = another(app), signed_in.cookie()
    answer = change(signed_in)
    assert answer.status_code == 303 and answer.headers["Location"] == PAGE
    assert verify_password(stored(app), NEW) and stored(app).startswith("{SHA512-CRYPT}")
    assert signed_in.cookie() != before, "a copy of the former cookie is worth nothing"
    assert "signed out everywhere else" in signed_in.get(PAGE).get_data(as_text=True)
    assert other.get("/settings/sessions").status_code == 303
    thief: Pages = app.test_client()  # type: ignore[assignment]
    thief.set_cookie("postern", before or "")
    assert thief.get("/settings/sessions").status_code == 303
    assert signed_in.get("/settings/sessions").get_data(as_text=True).count('"session-row"') == 1
    assert another(app, NEW).get("/settings/sessions").status_code == 200
    letter = sink.taken[-1].content.decode()
    assert "Your password was changed" in letter and NEW not in letter and "Somebody who was signed in" in letter


def test_the_action_log_has_a_line_without_any_password(app: Flask, signed_in: Pages) -> None:
    change(signed_in)
    with app.extensions["postern"].database.connect() as rows:
        found = rows.execute(select(ActionRow.__table__)).mappings().all()
    assert [(each["verb"], each["account_id"], each["target"]) for each in found] == [("password", "1", FORWARDER)]
    assert NEW not in str(found) and PASSWORD not in str(found) and "$6$" not in str(found)
    assert "Set a new password" in signed_in.get("/settings/actions").get_data(as_text=True)


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ({"current": "wrong"}, "not your current password"),
        ({"current": ""}, "Type your current password"),
        ({"current": "x" * 1025}, "not your current password"),
        ({"new": "short"}, "At least 10 characters"),
        ({"new": "x" * 129}, "At most 128 characters"),
        ({"new": f"{NEW}\x7f"}, "Only letters, digits"),
        ({"new": f" {NEW}"}, "Only letters, digits"),
        ({"new": "correct horse"}, "This is your current one"),
        ({"new": "password1234"}, "too easy to guess"),
        ({"new": "frida.forward"}, "your own name or address"),
        ({"again": "something else"}, "not the same as the line above"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_changed(
    app: Flask, signed_in: Pages, typed: dict[str, str], named: str
) -> None:
    before = stored(app)
    answer = change(signed_in, **typed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and named in page and 'aria-invalid="true"' in page
    assert stored(app) == before and signed_in.get("/settings/sessions").status_code == 200
    assert NEW not in page and PASSWORD not in page, "no password is shown again"


def test_guesses_of_the_current_password_are_counted_as_sign_ins_are(app: Flask, signed_in: Pages) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, account_failures=3)
    assert {change(signed_in, "wrong").status_code for _ in range(3)} == {422}
    answer = change(signed_in)
    assert answer.status_code == 429 and "Too many attempts" in answer.get_data(as_text=True)
    assert not verify_password(stored(app), NEW)


def test_a_wrong_current_password_takes_as_long_as_a_failed_sign_in(app: Flask, signed_in: Pages) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, failure_seconds=0.4)
    began = time.monotonic()
    change(signed_in, "wrong")
    assert time.monotonic() - began >= 0.4


def test_a_site_without_a_way_has_no_such_page(browser: Pages, app: Flask) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, password_url=None)
    browser.sign_in(FORWARDER, PASSWORD)
    assert browser.get(PAGE).status_code == 404
    assert browser.submit(PAGE, {"current": PASSWORD}, page="/settings/sessions").status_code == 404
    assert PAGE not in browser.get("/settings/sessions").get_data(as_text=True)


def test_the_form_needs_its_token_and_never_rides_over_a_sign_in(app: Flask, signed_in: Pages) -> None:
    assert signed_in.post(PAGE, data={"current": PASSWORD, "new": NEW, "again": NEW}).status_code == 400
    token = signed_in.token(PAGE)
    app.extensions["postern"].redis.flushall()
    data = {"csrf_token": token, "carry_token": "x", "current": PASSWORD, "new": NEW, "again": NEW}
    answer = signed_in.post(PAGE, data=data)
    assert answer.status_code == 303 and "carried" not in answer.get_data(as_text=True)
    assert verify_password(stored(app), PASSWORD)


def test_the_settings_lead_there(signed_in: Pages) -> None:
    assert f'href="{PAGE}"' in signed_in.get("/settings/sessions").get_data(as_text=True)


@pytest.fixture
def ann(app: Flask, mail_account: MailAccount) -> MailAccount:
    """Somebody whose mailbox lies on a real Dovecot."""
    server = {"server_id": 1, "name": "one", "imap_host": "127.0.0.1", "imap_port": mail_account.server.imap_port}
    with app.extensions["postern"].database.begin() as rows:
        rows.execute(insert(ServerRow).values(**server, imap_security="plain"))
    mailbox = {"kind": "mailbox", "server_id": 1, "login": mail_account.login, "password_hash": None}
    add_account(app, 2, "ann", forward_to=None, **mailbox)
    return mail_account


def asked(app: Flask, folder: Path, ann: MailAccount, script: str) -> tuple[Pages, str]:
    """What the page says where the site's own way is a command."""
    program = folder / "set"
    program.write_text(f"#!/bin/sh\nIFS= read -r old; IFS= read -r new\n{script}\n")
    program.chmod(0o755)
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, password_url=f"command:{program} {{login}}")
    browser: Pages = app.test_client()  # type: ignore[assignment]
    assert browser.sign_in("ann@one.example", ann.password).status_code == 303
    answer = change(browser, ann.password)
    told = answer.get_data(as_text=True) if answer.status_code != 303 else "changed"
    return browser, told


def writes(ann: MailAccount) -> str:
    """The line of a command that does it."""
    return f"sleep 1.1; printf '%s:{{PLAIN}}%s\\n' \"$1\" \"$new\" >{ann.server.folder}/accounts/$1"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 75", "cannot be changed at the moment. Nothing was changed."),
        ("exit 3", "cannot be changed at the moment. Nothing was changed."),  # the mail server takes the former one
        ("echo '<b>Used</b> before.'; exit 1", "one. &lt;b&gt;Used&lt;/b&gt; before. Nothing was changed."),
    ],
)
def test_where_nothing_was_changed_the_page_says_so_and_the_session_goes_on(
    app: Flask, ann: MailAccount, tmp_path: Path, script: str, said: str
) -> None:
    browser, told = asked(app, tmp_path, ann, script)
    assert said in told and ann.password not in told and NEW not in told
    assert browser.get("/settings/sessions").status_code == 200


def test_an_unknown_outcome_is_asked_of_the_mail_server(app: Flask, ann: MailAccount, tmp_path: Path) -> None:
    browser, told = asked(app, tmp_path, ann, f"{writes(ann)}; exit 3")
    assert told == "changed" and browser.get("/mail/INBOX/").status_code == 200


def test_where_nobody_can_tell_the_page_says_what_to_try(app: Flask, ann: MailAccount, tmp_path: Path) -> None:
    lost = f"sleep 1.1; rm {ann.server.folder}/accounts/$1; exit 3"
    _, told = asked(app, tmp_path, ann, lost)
    assert "Nobody can tell whether your password was changed" in told and "with the former one" in told


def test_a_mailbox_goes_on_under_the_new_password(app: Flask, ann: MailAccount, tmp_path: Path) -> None:
    browser, told = asked(app, tmp_path, ann, writes(ann))
    assert told == "changed" and browser.get("/mail/INBOX/").status_code == 200
    former: Pages = app.test_client()  # type: ignore[assignment]
    assert former.sign_in("ann@one.example", ann.password).status_code == 401
