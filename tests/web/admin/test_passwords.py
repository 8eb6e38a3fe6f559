"""A new password set by administrators by the site's own way, where that does not ask for the former one."""

import dataclasses
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, insert, select, update

from app.directory.tables import AccountRow, ServerRow
from app.policy.tables import ActionRow
from app.profile.tables import Base as Profile
from tests.web.admin.world import SITE_ADMIN, enter
from tests.web.conftest import add_account

pytestmark = pytest.mark.servers
PAGE = "/admin/accounts/6/settings"


@pytest.fixture(autouse=True)
def ann(log: Engine, app: Flask) -> None:
    """Somebody with a mailbox, whose password the directory does not hold."""
    Profile.metadata.create_all(log)
    with log.begin() as rows:
        rows.execute(insert(ServerRow).values(server_id=1, name="box1", imap_host="imap.one.example"))
        site = update(AccountRow.__table__.metadata.tables["site"]).values(reset_passwords=True)
        rows.execute(site)
    mailbox = {"kind": "mailbox", "server_id": 1, "login": "ann.box", "password_hash": None}
    add_account(app, 6, "ann", forward_to=None, **mailbox)


def way(app: Flask, folder: Path, script: str, *, reset: bool) -> None:
    program = folder / "set"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    held = app.extensions["postern"]
    url = f"command:{program} {{login}}"
    held.settings = dataclasses.replace(held.settings, password_url=url, password_reset=reset)


def test_it_is_set_where_it_is_checked_and_written_down(app: Flask, log: Engine, tmp_path: Path) -> None:
    way(app, tmp_path, f"echo $1 >{tmp_path}/seen; cat >>{tmp_path}/seen", reset=True)
    browser = enter(app, SITE_ADMIN)
    made = browser.submit("/admin/accounts/6/password", {"password": "typed by somebody"}, page=PAGE)
    assert made.status_code == 200 and "has a new password" in made.get_data(as_text=True)
    assert (tmp_path / "seen").read_text() == "ann.box\n\ntyped by somebody\n"
    with log.connect() as rows:
        assert rows.execute(select(AccountRow.password_hash).where(AccountRow.account_id == 6)).scalar() is None
        last = rows.execute(select(ActionRow.__table__).order_by(ActionRow.id.desc())).first()
    assert (last.verb, last.account_id, last.target) == ("password", "6", "ann@one.example")
    entry = made.get_data(as_text=True).partition('data-verb="password"')[2].partition("</li>")[0]
    assert "No way back" in entry and "change-undo" not in entry
    assert "typed" not in str(last)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo Used before.; exit 1", "It is not taken. Used before."),
        ("exit 75", "Nothing was changed."),
        ("exit 9", "Nobody can tell whether it was set"),
    ],
)
def test_what_became_of_it_stands_beside_the_field(app: Flask, tmp_path: Path, script: str, said: str) -> None:
    way(app, tmp_path, script, reset=True)
    answer = enter(app, SITE_ADMIN).submit("/admin/accounts/6/password", {"password": "typed by me"}, page=PAGE)
    told = answer.get_data(as_text=True)
    assert answer.status_code == 422 and said in told and "typed by me" not in told


def test_where_it_needs_the_former_one_nobody_is_offered_it(app: Flask, tmp_path: Path) -> None:
    way(app, tmp_path, f"touch {tmp_path}/ran", reset=False)
    browser = enter(app, SITE_ADMIN)
    assert "account-set-password" not in browser.get(PAGE).get_data(as_text=True)
    assert browser.submit("/admin/accounts/6/password", {"password": "typed by me"}, page=PAGE).status_code == 404
    assert not (tmp_path / "ran").exists()
