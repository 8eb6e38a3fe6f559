"""An account's settings: who may change what of it, that all is written down and taken back, and what is refused."""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, func, insert, select, update

from app.directory.engine import open_engine
from app.directory.tables import AccountRow, AddressRow, ServerRow, SiteRow
from app.policy.actions import Action, By
from app.policy.tables import ActionRow
from app.policy.tables import Base as Policy
from app.profile.tables import Base as Profile
from app.web.admin import doing
from tests.scripted import Scripted
from tests.smtpsink import Sink
from tests.web.admin import world as people
from tests.web.admin.world import IDS, ISP_ADMIN, OTHER_ADMIN, OTHER_USER, SITE_ADMIN, USER
from tests.web.conftest import PASSWORD, add_account
from tests.web.pages import Pages, field, settled

pytestmark = pytest.mark.servers
ANN = "6"
PAGE = f"/admin/accounts/{ANN}/settings"
FORM = {"display_name": "Ann", "kind": "forward", "forward_to": "forward@two.example", "role": "user", "enabled": "yes",
        "time_zone": "", "locale": ""}  # fmt: skip


@pytest.fixture(autouse=True)
def world(log: Engine, app: Flask) -> Engine:
    Profile.metadata.create_all(log)
    add_account(app, 6, "ann", forward_to="forward@one.example", display_name="Ann")
    add_account(app, 7, "bob", forward_to="ann@one.example")
    with log.begin() as rows:
        rows.execute(insert(ServerRow).values(server_id=1, name="box1", imap_host="imap.one.example"))
    return log


def enter(app: Flask, address: str) -> Pages:
    """Signed in; each answer is read to its end, as an account may have few requests at once."""
    browser = people.enter(app, address)
    browser.open = functools.partial(browser.open, buffered=True)  # type: ignore[method-assign]
    return browser


def row(engine: Engine, number: str = ANN, table: Any = AccountRow) -> Any:
    key = next(iter(table.__table__.primary_key.columns))
    with engine.connect() as connection:
        return connection.execute(select(table.__table__).where(key == int(number))).first()


def send(browser: Pages, fields: dict[str, str] | None = None, path: str = PAGE, **options: Any) -> Any:
    page = browser.get(path)
    seen = {"seen": field(page, "seen"), "csrf_token": field(page, "csrf_token")}
    return browser.post(path, data={**seen, **FORM, **(fields or {})}, **options)


def actions(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        asked = select(ActionRow.__table__).where(ActionRow.verb != "look").order_by(ActionRow.id)
        return list(connection.execute(asked))


def wrong(answer: Any) -> str:
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422, page
    found = re.findall(r'class="(?:field-error|note note-error)"[^>]*>(?:<svg.*?</svg>)?(.*?)</p>', page)
    return unescape(" ".join(found))


def test_a_site_s_administrator_changes_an_account_which_is_written_down_and_shown_to_its_owner(
    log: Engine, app: Flask
) -> None:
    browser = enter(app, SITE_ADMIN)
    forward = "forward@two.example\nx@else.example"
    fields = {"display_name": "Ann B", "forward_to": forward, "time_zone": "Asia/Kolkata"}
    assert send(browser, fields).status_code == 303
    now, both = row(log), "forward@two.example, x@else.example"
    assert (now.display_name, now.forward_to, now.time_zone) == ("Ann B", both, "Asia/Kolkata")
    done = actions(log)[-1]
    assert (done.verb, done.actor_id, done.account_id) == ("account", IDS[SITE_ADMIN], ANN)
    told = enter(app, "ann@one.example").get("/settings/actions").get_data(as_text=True)
    assert "Changed the account" in told and f"forwards to: forward@one.example → {both}" in told
    assert send(browser, fields).status_code == 303
    assert len(actions(log)) == 1, "nothing changed, nothing is written down"


def test_a_change_is_taken_back_once_and_not_after_another(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    send(browser, {"display_name": "First"})
    send(browser, {"display_name": "Second"})
    first, second = (each.id for each in actions(log))
    stale = browser.submit(f"/admin/accounts/{ANN}/undo/{first}", page=PAGE, follow_redirects=True)
    assert "Nothing was taken back" in stale.get_data(as_text=True) and row(log).display_name == "Second"
    for said, name in (("is as it was", "First"), ("taken back already", "First")):
        answer = browser.submit(f"/admin/accounts/{ANN}/undo/{second}", page=PAGE, follow_redirects=True)
        assert said in answer.get_data(as_text=True) and row(log).display_name == name
    assert browser.submit(f"/admin/accounts/{ANN}/undo/{first}", page=PAGE).status_code == 303
    assert row(log).display_name == "Ann" and row(log).forward_to == "forward@one.example"
    assert [each.verb for each in actions(log)] == ["account", "account", "undo", "undo"]


def test_forwarding_that_is_no_longer_allowed_does_not_come_back(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    for target in ("bob@two.example", "x@else.example"):
        with log.begin() as rows:
            rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 6).values(forward_to=target))
            rows.execute(update(SiteRow.__table__).values(forward_outside=True))
        assert send(browser, {"forward_to": "forward@one.example"}).status_code == 303
        with log.begin() as rows:  # bob forwards to ann
            rows.execute(update(SiteRow.__table__).values(forward_outside=False))
        number = actions(log)[-1].id
        answer = browser.submit(f"/admin/accounts/{ANN}/undo/{number}", page=PAGE, follow_redirects=True)
        assert "Nothing was taken back" in answer.get_data(as_text=True), target
        assert row(log).forward_to == "forward@one.example"


def test_of_two_who_save_at_once_the_second_is_shown_what_they_typed(log: Engine, app: Flask) -> None:
    one, other = enter(app, SITE_ADMIN), enter(app, ISP_ADMIN)
    page = other.get(PAGE)
    send(one, {"display_name": "One"})
    seen = {"seen": field(page, "seen"), "csrf_token": field(page, "csrf_token")}
    answer = other.post(PAGE, data={**FORM, **seen, "display_name": "Other"})
    assert "while you looked at it" in wrong(answer) and 'value="Other"' in answer.get_data(as_text=True)
    assert row(log).display_name == "One"


def test_a_row_changed_between_look_and_write_is_not_overwritten(log: Engine, app: Flask) -> None:
    browser, done = enter(app, SITE_ADMIN), []

    def between(connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE account") and not done:
            done.append(cursor.execute("UPDATE account SET display_name = 'Quick' WHERE account_id = 6"))

    settled()
    event.listen(log, "before_cursor_execute", between)
    answer = send(browser, {"display_name": "Slow"})
    event.remove(log, "before_cursor_execute", between)
    assert done and answer.status_code == 422 and not actions(log)


WRONG: tuple[tuple[dict[str, str], str], ...] = (
    ({"forward_to": "ann@one.example"}, "leads back here"),
    ({"forward_to": "bob@two.example"}, "leads back here"),  # bob forwards to ann
    ({"forward_to": "Ann+x@TWO.example"}, "leads back here"),
    ({"forward_to": "nobody-here@one.example"}, "Nobody has the address"),
    ({"forward_to": "|/bin/sh@else.example"}, "no address"),
    ({"forward_to": "-oQ/tmp@else.example"}, "no address"),
    ({"forward_to": ":include:/etc/passwd"}, "no address"),
    ({"forward_to": "x@else.example\r\n\0y"}, "y is no address"),
    ({"forward_to": " ".join(f"x{n}@else.example" for n in range(21))}, "At most 20"),
    ({"forward_to": ""}, "Say where"),
    ({"time_zone": "Mars/Olympus"}, "not a time zone"),
    ({"locale": "<b>"}, "not a language"),
    ({"role": "isp_admin"}, "not yours to give"),
    ({"role": "root"}, "not yours to give"),
    ({"kind": "mailbox"}, "Your provider has to choose"),
    ({"kind": "pipe"}, "must be one of"),
)


def test_what_is_wrong_stands_beside_its_field_and_changes_nothing(log: Engine, app: Flask) -> None:
    before, browser = row(log), enter(app, SITE_ADMIN)
    for fields, said in WRONG:
        assert said in wrong(send(browser, {"forward_to": "x@else.example", **fields})), fields
    assert row(log) == before and not actions(log)


def test_a_site_that_forwards_to_itself_only_has_no_targets_outside(log: Engine, app: Flask) -> None:
    with log.begin() as rows:
        rows.execute(update(SiteRow.__table__).where(SiteRow.site_id == 1).values(forward_outside=False))
    browser = enter(app, SITE_ADMIN)
    for target in ("x@else.example", "tim@other.example"):
        assert "outside of this site" in wrong(send(browser, {"forward_to": f"forward@two.example {target}"}))
    assert send(browser, {"forward_to": "forward@two.example"}).status_code == 303


def test_fields_that_no_form_has_are_not_read(log: Engine, app: Flask) -> None:
    more = {"site_id": "2", "account_id": "1", "username": "root", "login": "root", "password_hash": "x", "server": "1"}
    assert send(enter(app, SITE_ADMIN), {"display_name": "New", **more}).status_code == 303
    now = row(log)
    assert (now.site_id, now.username, now.login, now.server_id) == (1, "ann", None, None) and now.password_hash != "x"


def test_another_site_s_administrator_finds_nothing_and_changes_nothing(log: Engine, app: Flask) -> None:
    browser = enter(app, OTHER_ADMIN)
    send(enter(app, SITE_ADMIN), {"display_name": "New"})
    before, number = row(log), actions(log)[-1].id
    for path in ("settings", "aliases", "aliases/1/remove", f"undo/{number}", "password"):
        there = f"/admin/accounts/{ANN}/{path}"
        assert browser.get(there).status_code in (404, 405), path
        assert browser.submit(there, FORM, page="/settings/sessions").status_code == 404, path
        joined = f"/admin/accounts/{IDS[OTHER_USER]}/{path}?site=1"
        assert browser.submit(joined, FORM, page="/settings/sessions").status_code == 404, path
    mine = f"/admin/accounts/{IDS[OTHER_USER]}/settings"
    theirs = browser.submit(f"/admin/accounts/{IDS[OTHER_USER]}/undo/{number}", page=mine, follow_redirects=True)
    assert "not yours to take back" in theirs.get_data(as_text=True)
    browser.submit(f"/admin/accounts/{IDS[OTHER_USER]}/aliases/1/remove", page=mine)
    assert row(log, "1", AddressRow) is not None and row(log) == before


def test_users_and_forms_from_elsewhere_change_nothing(log: Engine, app: Flask) -> None:
    before = row(log)
    user = enter(app, USER)
    assert user.get(PAGE).status_code == 404 and user.submit(PAGE, FORM, page="/settings/sessions").status_code == 404
    browser = enter(app, ISP_ADMIN)
    assert browser.post(PAGE, data=FORM).status_code == 400
    assert browser.submit(PAGE, FORM, page=PAGE, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert row(log) == before


def test_nobody_raises_themselves_and_a_site_s_administrators_leave_the_provider_s_alone(
    log: Engine, app: Flask
) -> None:
    browser = enter(app, SITE_ADMIN)
    own = f"/admin/accounts/{IDS[SITE_ADMIN]}/settings"
    assert send(browser, {"role": "user", "enabled": "", "forward_to": "x@else.example"}, own).status_code == 303
    now = row(log, IDS[SITE_ADMIN])
    assert now.role == "site_admin" and now.enabled
    theirs = f"/admin/accounts/{IDS[ISP_ADMIN]}"
    assert "account-fixed" in browser.get(f"{theirs}/settings").get_data(as_text=True)
    for path in ("settings", "aliases", "undo/1", "password"):
        assert browser.submit(f"{theirs}/{path}", FORM, page=own).status_code == 404, path
    provider = enter(app, ISP_ADMIN)
    assert send(provider, {"role": "isp_admin"}).status_code == 303 and row(log).role == "isp_admin"
    number = actions(log)[-1].id
    assert send(provider, {"role": "user"}).status_code == 303
    lowered = actions(log)[-1].id
    for each in (number, lowered):
        browser.submit(f"/admin/accounts/{ANN}/undo/{each}", page=own)
    assert row(log).role == "user", "a way back would have made an administrator of the provider"


@pytest.mark.parametrize(("before", "after", "theirs"), [
    ({"server_id": 1}, {"server_id": 2}, True), ({"login": "ann"}, {"login": "bob"}, True),
    ({"login": None}, {"login": "ann"}, False), ({"login": "ann"}, {"login": None}, False),
])  # fmt: skip
def test_a_mailbox_that_the_provider_moved_is_moved_back_by_nobody_else(before: Any, after: Any, theirs: bool) -> None:
    moved = {"changes": [{"table": "account", "number": 6, "before": before, "after": after}]}
    action = Action(1, datetime.now(UTC), By("3", "", "1"), "import", "one", moved)
    assert doing.of_provider(action) is theirs


def test_sessions_of_a_changed_account_follow_at_once(log: Engine, app: Flask) -> None:
    ann, browser = enter(app, "ann@one.example"), enter(app, SITE_ADMIN)
    assert ann.get("/admin").status_code == 404
    send(browser, {"role": "site_admin"})
    assert ann.get("/admin").status_code == 200
    send(browser, {"role": "user"})
    assert ann.get("/admin").status_code == 404
    send(browser, {"enabled": ""})
    assert ann.get("/settings/sessions").status_code == 303, "signed out"


def test_a_session_of_before_does_not_open_the_mailbox_that_an_account_got_nor_one_of_another_account(
    log: Engine, app: Flask
) -> None:
    ann, browser = enter(app, "ann@one.example"), enter(app, ISP_ADMIN)
    tim = update(AccountRow.__table__).where(AccountRow.account_id == 4)
    with log.begin() as rows:
        rows.execute(tim.values(server_id=1, login="Ann@one.example"))
    assert "is the mailbox of another account" in wrong(send(browser, {"kind": "mailbox", "server": "1"}))
    assert ann.get("/settings/sessions").status_code == 200 and row(log).kind == "forward"
    with log.begin() as rows:
        rows.execute(tim.values(login="tim"))
    assert send(browser, {"kind": "mailbox", "server": "1"}).status_code == 303
    assert ann.get("/settings/sessions").status_code == 303, "signed out"


def test_aliases_are_added_and_removed_and_never_take_an_account_s_name(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    there = f"/admin/accounts/{ANN}/aliases"
    assert browser.submit(there, {"local": "Sales", "domain": "2"}, page=PAGE).status_code == 303
    assert "sales@two.example" in browser.get(PAGE).get_data(as_text=True)
    for local, domain, said in (
        ("sales", "2", "has this address already"), ("bob", "", "has that name"), ("a b", "", "not the first part"),
        ("*", "", "not the first part"), ("info", "9", "not one of this site"), ("info", "77", "not one of this site"),
    ):  # fmt: skip
        assert said in wrong(browser.submit(there, {"local": local, "domain": domain}, page=PAGE)), local
    with log.connect() as connection:
        number = connection.scalar(select(AddressRow.address_id).where(AddressRow.local == "sales"))
        count = connection.scalar(select(func.count()).select_from(AddressRow.__table__))
    assert browser.submit(f"{there}/{number}/remove", page=PAGE).status_code == 303
    assert row(log, str(number), AddressRow) is None
    browser.submit(f"/admin/accounts/{ANN}/undo/{actions(log)[-1].id}", page=PAGE)
    again = row(log, str(number), AddressRow)
    assert (again.local, again.domain_id, again.account_id) == ("sales", 2, 6)
    with log.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(AddressRow.__table__)) == count


def test_the_provider_makes_a_mailbox_of_an_account_and_back(log: Engine, app: Flask) -> None:
    browser = enter(app, ISP_ADMIN)
    assert send(browser, {"kind": "both", "server": "1", "forward_to": "x@else.example"}).status_code == 303
    now = row(log)
    assert (now.kind, now.server_id, now.login, now.forward_to) == ("both", 1, "ann@one.example", "x@else.example")
    assert send(browser, {"kind": "mailbox", "server": "1"}).status_code == 303
    assert row(log).forward_to is None and row(log).kind == "mailbox"
    assert send(browser, {"kind": "forward", "server": "1", "forward_to": "x@else.example"}).status_code == 303
    now = row(log)
    assert (now.kind, now.server_id, now.login) == ("forward", None, None)


def test_a_directory_that_only_reads_says_so_and_nothing_is_written_down(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    held = app.extensions["postern"]

    page = browser.get(PAGE)
    seen = {"seen": field(page, "seen"), "csrf_token": field(page, "csrf_token")}
    settled()
    event.listen(held.directory.whole, "checkout", lambda each, *_: each.execute("PRAGMA query_only = ON"))
    answer = browser.post(PAGE, data={**FORM, **seen, "display_name": "New"})
    assert answer.status_code == 403 and "kept elsewhere" in answer.get_data(as_text=True)
    assert row(log).display_name == "Ann"


def test_with_a_query_of_their_own_accounts_are_kept_elsewhere(app: Flask) -> None:
    browser = enter(app, ISP_ADMIN)
    held = app.extensions["postern"]
    held.directory.query = object()
    for path in (PAGE, "/admin/site?site=1", "/admin/site/import?site=1", "/admin/site/accounts/new?site=1"):
        answer = browser.get(path)
        assert answer.status_code == 403 and "kept elsewhere" in answer.get_data(as_text=True), path
    listed = browser.get("/admin?site=1").get_data(as_text=True)
    assert "kept-elsewhere" in listed and "account-new" not in listed and "/admin/site?" not in listed


def test_a_directory_with_a_database_of_its_own_is_changed_and_the_action_lies_in_the_other(
    log: Engine, app: Flask, tmp_path: Path
) -> None:
    held = app.extensions["postern"]
    held.database = own = open_engine(f"sqlite:///{tmp_path}/own.sqlite")
    Policy.metadata.create_all(own)
    browser = enter(app, SITE_ADMIN)
    assert send(browser, {"display_name": "New"}).status_code == 303 and row(log).display_name == "New"
    assert not actions(log)
    (done,) = actions(own)
    browser.submit(f"/admin/accounts/{ANN}/undo/{done.id}", page=PAGE)
    assert row(log).display_name == "Ann" and [each.verb for each in actions(own)] == ["account", "undo"]
    settled()
    event.listen(held.directory.whole, "checkout", lambda each, *_: each.execute("PRAGMA query_only = ON"))
    assert send(browser, {"display_name": "New"}).status_code == 403 and len(actions(own)) == 2
    own.dispose()


@pytest.fixture
def sink(app: Flask) -> Iterator[Sink]:
    held = app.extensions["postern"]
    with Sink({}) as found:
        held.settings = dataclasses.replace(
            held.settings, public_url="https://mail.isp.example", notice_from="webmail@one.example",
            notice_url=f"smtp+plain://127.0.0.1:{found.port}",
        )  # fmt: skip
        yield found


def told(sink: Sink) -> list[tuple[str, bool]]:
    """Who was told since, and whether of the thief."""
    found = [(each.recipients[0], b"thief@else.example" in each.content) for each in sink.taken]
    sink.taken.clear()
    return found


BOTH = {"kind": "both", "server": "1"}


def test_new_forwarding_is_told_to_the_owner_by_mail(log: Engine, app: Flask, sink: Sink) -> None:
    browser = enter(app, ISP_ADMIN)
    send(browser, {**BOTH, "forward_to": "forward@one.example"})
    assert told(sink) == [("ann@one.example", False)], "there is a mailbox to be told in now"
    send(browser, {**BOTH, "forward_to": "thief@else.example"})
    assert b"An administrator changed this" in sink.taken[0].content
    assert told(sink) == [("ann@one.example", True)]
    send(browser, {**BOTH, "display_name": "New", "forward_to": "thief@else.example"})
    assert told(sink) == [], "it is no news a second time"


def test_no_way_round_leads_to_forwarding_that_its_owner_was_not_told(log: Engine, app: Flask, sink: Sink) -> None:
    browser = enter(app, ISP_ADMIN)
    send(browser, {**BOTH, "kind": "mailbox"})
    assert told(sink) == []
    send(browser, {**BOTH, "kind": "mailbox", "enabled": ""})
    off = actions(log)[-1].id
    send(browser, {**BOTH, "enabled": "", "forward_to": "thief@else.example"})
    assert told(sink) == [], "nobody gets anything yet"
    send(browser, {**BOTH, "forward_to": "thief@else.example"})
    assert told(sink) == [("ann@one.example", True)], "switched on again"
    send(browser, {**BOTH, "kind": "mailbox"})
    send(browser, {"kind": "forward", "forward_to": "thief@else.example"})
    assert told(sink) == [("ann@one.example", True)], "while mail still came there"
    send(browser, {**BOTH, "forward_to": "thief@else.example"})
    assert told(sink) == [("ann@one.example", True)], "who may not have been told before"
    with log.begin() as rows:
        rows.execute(update(ActionRow.__table__).where(ActionRow.id == off).values(undone_by=None))
        rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 6).values(enabled=False))
    browser.submit(f"/admin/accounts/{ANN}/undo/{off}", page=PAGE)
    assert row(log).enabled and told(sink) == [("ann@one.example", True)], "switched on by undoing"


def test_how_full_a_mailbox_is_stands_there_only_where_a_master_user_may_ask(log: Engine, app: Flask) -> None:
    held = app.extensions["postern"]
    told = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 512 1024)\r\n%t OK\r\n'
    with Scripted({"GETQUOTAROOT": told}, capabilities=b"IMAP4rev1 AUTH=PLAIN SASL-IR QUOTA") as server:
        with log.begin() as rows:
            place = {"imap_host": "127.0.0.1", "imap_port": server.port, "imap_security": "plain"}
            rows.execute(update(ServerRow.__table__).values(place))
            mailbox = {"kind": "mailbox", "server_id": 1, "login": "ann", "password_hash": None, "forward_to": None}
            rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 6).values(mailbox))
        browser = enter(app, SITE_ADMIN)
        assert "account-quota" not in browser.get(PAGE).get_data(as_text=True) and not server.lines
        held.settings = dataclasses.replace(held.settings, master_user="master", master_password="secret")
        page = browser.get(PAGE).get_data(as_text=True)
        assert re.search(r'"account-quota"><span class="tabular">524\WKB</span> of 1(\.0)?\WMB in use', page)
        assert base64.b64encode(b"ann\0master\0secret") in b" ".join(server.lines)
    answer = browser.get(PAGE)
    assert answer.status_code == 200 and "account-quota" not in answer.get_data(as_text=True), "the server is away"


def test_names_stay_text(log: Engine, app: Flask) -> None:
    hostile = '"><script>alert(1)</script>'
    browser = enter(app, SITE_ADMIN)
    assert send(browser, {"display_name": f"\u202e{hostile}\x07\r\n"}).status_code == 303
    assert row(log).display_name == hostile, "what nobody sees is left out"
    for who in (browser, enter(app, "ann@one.example")):
        for path in (PAGE, "/admin", "/settings/actions"):
            assert "<script>alert" not in who.get(path).get_data(as_text=True)


def test_no_action_holds_a_hash(log: Engine, app: Flask) -> None:
    browser = enter(app, ISP_ADMIN)
    made = browser.submit(f"/admin/accounts/{ANN}/password", {"password": ""}, page=PAGE)
    shown = re.search(r'data-testid="password-made">([^<]+)', made.get_data(as_text=True))
    assert shown and len(shown[1]) == 19
    assert enter_with(app, "ann@one.example", shown[1]) == 303 and enter_with(app, "ann@one.example", PASSWORD) != 303
    assert shown[1] not in browser.get(PAGE).get_data(as_text=True)
    assert "argon2" not in json.dumps([each.detail for each in actions(log)]).lower()
    assert actions(log)[-1].verb == "password"


def enter_with(app: Flask, address: str, password: str) -> int:
    browser: Pages = app.test_client()  # type: ignore[assignment]
    return browser.sign_in(address, password).status_code
