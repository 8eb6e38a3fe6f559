"""Accounts by CSV: what a file would do is shown first, is done whole or not at all, and never beyond the site."""

from __future__ import annotations

import csv
import functools
import io
import re
import time
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, func, insert, select, update

from app.directory.tables import AccountRow, AddressRow, ServerRow, SiteRow
from app.web.admin import doing, importing
from app.web.admin.importing import unguarded
from app.web.blocked.export import harmless
from tests.smtpsink import Sink
from tests.web.admin import world as people
from tests.web.admin.test_editing import actions, row, sink, told
from tests.web.admin.world import ISP_ADMIN, OTHER_ADMIN, SITE_ADMIN, USER
from tests.web.conftest import PASSWORD, add_account
from tests.web.pages import Pages, field

__all__ = ["sink"]
pytestmark = pytest.mark.servers
PAGE = "/admin/site/import"
HEAD = "record,username,kind,forward_to,display_name\n"


@pytest.fixture(autouse=True)
def world(log: Engine, app: Flask) -> Engine:
    with log.begin() as rows:
        rows.execute(insert(ServerRow).values(server_id=1, name="box1", imap_host="imap.one.example"))
    add_account(app, 6, "ann", kind="both", server_id=1, login="ann", forward_to="forward@one.example")
    return log


def enter(app: Flask, address: str) -> Pages:
    browser = people.enter(app, address)
    browser.open = functools.partial(browser.open, buffered=True)  # type: ignore[method-assign]
    return browser


def look(browser: Pages, text: str | bytes, path: str = PAGE) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return browser.submit(path, {"file": (io.BytesIO(data), "x.csv")}, page=path)


def said(answer: Any) -> str:
    """The page's own text."""
    page = answer.get_data(as_text=True).partition("<main")[2].partition("</main>")[0]
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def bring(browser: Pages, text: str, path: str = PAGE) -> Any:
    """The look, and the button below it."""
    page = look(browser, text, path)
    assert page.status_code == 200, said(page)
    seen = {name: field(page, name) for name in ("csrf_token", "seal")}
    found = re.search(r'<textarea name="text"[^>]*>\n(.*?)</textarea>', page.get_data(as_text=True), re.DOTALL)
    assert found
    return browser.post(path, data={**seen, "text": unescape(found[1])})


def people_of(log: Engine, site: int = 1) -> dict[str, Any]:
    with log.connect() as connection:
        asked = select(AccountRow.__table__).where(AccountRow.site_id == site)
        return {each.username: each for each in connection.execute(asked)}


def test_a_file_is_looked_at_done_written_down_and_taken_back(log: Engine, app: Flask) -> None:
    browser, before = enter(app, SITE_ADMIN), people_of(log)
    text = f"{HEAD}account,zoe,mailbox,,Zoë\naccount,ann,forward,x@else.example,Ann\n"
    text += "account,ada,forward,x@two.example,\n"
    page = said(look(browser, text))
    assert "Nothing is changed yet. 2 lines change something, 1 do not" in page and people_of(log) == before
    assert "kind: both → forward" in page and "zoe added name: Zoë" in page
    assert bring(browser, text).status_code == 303
    now = people_of(log)
    assert (now["zoe"].server_id, now["zoe"].login, now["zoe"].display_name) == (1, "zoe@one.example", "Zoë")
    assert (now["ann"].kind, now["ann"].server_id, now["ann"].forward_to) == ("forward", None, "x@else.example")
    assert [each.verb for each in actions(log)] == ["import", "account-add", "account"]
    assert [each.target for each in actions(log)[1:]] == ["zoe@one.example", "ann@one.example"]
    number = actions(log)[0].id
    done = browser.submit(f"/admin/site/undo/{number}", page="/admin/site", follow_redirects=True)
    assert "is as it was before" in done.get_data(as_text=True) and people_of(log) == before


MANY = "record,username,kind,forward_to,local,domain,account,display_name\n" + (
    "".join(f"account,u{n},forward,x@else.example,,,,\n" for n in range(3)) + "account,ann,,,,,,Changed\n"
    "address,,,,sales,*,u0,\naddress,,,,hello,*,u2,\n"
)  # fmt: skip


def undo(browser: Pages, number: int) -> str:
    answer = browser.submit(f"/admin/site/undo/{number}", page="/admin/site", follow_redirects=True)
    return unescape(answer.get_data(as_text=True))


def test_many_changes_are_taken_back_in_parts_and_how_far_is_told(
    log: Engine, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doing, "PART", 2)
    browser, before = enter(app, SITE_ADMIN), people_of(log)
    assert bring(browser, MANY).status_code == 303
    first, second, third = [each.id for each in actions(log) if each.verb == "import"]
    assert "Part 2 of 3. Undo takes back the later parts, too." in said(browser.get("/admin/site"))
    assert "Taken back: part 3." in undo(browser, third), "its addresses lead to accounts of earlier parts"
    assert "taken back already" in undo(browser, third)
    monkeypatch.setattr(doing, "UNDO_SECONDS", 0)
    assert "so far: part 2. Left: 1. Press Undo there again" in undo(browser, first)
    assert people_of(log) != before
    assert "Taken back: part 1. All of it is as it was before." in undo(browser, first)
    assert people_of(log) == before
    assert bring(browser, MANY).status_code == 303
    monkeypatch.setattr(doing, "UNDO_SECONDS", 60)
    first = [each.id for each in actions(log) if each.verb == "import"][3]
    with log.begin() as rows:
        rows.execute(update(AccountRow.__table__).where(AccountRow.username == "u0").values(display_name="New"))
    told = undo(browser, first)
    assert "so far: parts 3 to 2. Left: 1." in told and "was changed since. The rest stays as it is." in told
    assert set(people_of(log)) - set(before) == {"u0", "u1"}


@pytest.mark.parametrize("who", [SITE_ADMIN, ISP_ADMIN])
def test_the_export_comes_in_again_and_changes_nothing(log: Engine, app: Flask, who: str) -> None:
    with log.begin() as rows:
        rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 6).values(display_name="=1+1;@x"))
    browser = enter(app, who)
    path = "" if who == SITE_ADMIN else "?site=1"
    answer = browser.get(f"/admin/site/accounts.csv{path}")
    text = answer.get_data(as_text=True)
    lines = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert answer.mimetype == "text/csv" and "password_hash" not in lines[0] and "SSHA" not in text
    assert ("login" in lines[0]) is (who == ISP_ADMIN)
    assert {each["username"] for each in lines} >= {"ann", "ada", "ida", "forward"}
    assert "tim@" not in text and "olaf" not in text
    assert next(each for each in lines if each["username"] == "ann")["display_name"].startswith("'=1+1")
    text = text.replace("'=1+1; '@x", "'=1+1;@x")
    assert "There is nothing to do" in said(look(browser, text, f"{PAGE}{path}"))


def test_what_a_spreadsheet_would_run_is_guarded_out_and_unguarded_in() -> None:
    for cell in ("=1", "+49", "-x", "@x"):
        assert unguarded(f"a,{harmless(cell)}\n{harmless(cell)},b") == f"a,{cell}\n{cell},b"
    assert unguarded("'a,o'brien,'tis") == "'a,o'brien,'tis"


WRONG = (
    ("account,zoe,mailbox,,\naccount,zoe,mailbox,,\n", "stands in line 2 too"),
    ("account,z z,mailbox,,\n", "not a local part"),
    ("account,zoe,pipe,,\n", "must be one of"),
    ("account,zoe,forward,,\n", "say where its mail goes"),
    ("account,ann,both,ann@two.example,\n", "leads back here"),
    ("account,zoe,forward,yan@one.example,\naccount,yan,forward,zoe@two.example,\n", "leads back here"),
    ("account,zoe,forward,|cat,\n", "no address"),
    ("account,ida,forward,x@else.example,Ida\n", "not yours to change"),
    ("server,zoe,,,\n", "no field of the record"),
    ('account,zoe,mailbox,,"x\n', "not CSV"),
    ("account,zoe\n", "more or fewer cells"),
)


def test_what_is_wrong_is_told_by_line_and_nothing_of_the_file_is_done(log: Engine, app: Flask) -> None:
    browser, before = enter(app, SITE_ADMIN), people_of(log)
    for text, why in WRONG:
        answer = look(browser, f"{HEAD}{text}")
        assert answer.status_code == 422 and why in said(answer), (text, said(answer)[-400:])
    for text, why in (
        ("site,username\nother,zoe\n", "not this one"), ("username,role\nzoe,isp_admin\n", "not yours to change"),
        ("username,role\nada,user\n", "nobody changes their own"), ("username,enabled\nada,no\n", "nobody changes"),
        ("username,server,kind\nann,box2,both\n", "there is no server"),
        ("username,login\nann,root\n", "moves mailboxes"),
        ("username,password_hash\nann,{SSHA256}x\n", "hash"), ("colour\nred\n", "is not known"), ("", "no file"),
        ("record,name\nsite,evil\n", "only accounts and addresses"), ("username\nzoe\0\n", "control character"),
        ("username,display_name\nzoe,\u202eeoZ\n", "control character"),
        ("record,local,domain,account\naddress,ada,*,ann\n", "an account has that name"),
        ("record,local,domain,account\naddress,x,other.example,ann\n", "there is no domain"),
        ("record,local,domain,account\naddress,x,*,tim\n", "there is no account"),
    ):  # fmt: skip
        answer = look(browser, text) if text else browser.submit(PAGE, {}, page=PAGE)
        assert answer.status_code == 422 and (why in said(answer) or not text), (text, said(answer)[-400:])
    assert "not UTF-8" in said(look(browser, b"username\nzo\xe9\n"))
    assert people_of(log) == before and not actions(log)


def test_a_file_that_was_looked_at_before_somebody_s_change_is_looked_at_again(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    text = "username,display_name\nann,New\n"
    page = look(browser, text)
    seen = {name: field(page, name) for name in ("csrf_token", "seal")}
    with log.begin() as rows:
        rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 6).values(display_name="Quick"))
    answer = browser.post(PAGE, data={**seen, "text": text})
    assert answer.status_code == 422 and "Look once more" in said(answer)
    assert browser.post(PAGE, data={**seen, "text": text.replace("New", "Evil")}).status_code == 422
    assert row(log).display_name == "Quick"


def test_forms_from_elsewhere_and_other_sites_bring_nothing_in(log: Engine, app: Flask) -> None:
    before = people_of(log)
    other = enter(app, OTHER_ADMIN)
    assert other.get("/admin/site/accounts.csv?site=1").status_code == 404
    theirs = "username,kind,forward_to\nzoe,forward,x@else.example\n"
    assert "zoe added" in said(look(other, theirs)), "at their own site"
    assert other.submit(f"{PAGE}?site=1", {"text": "username\nzoe\n"}, page=PAGE).status_code == 404
    assert enter(app, USER).get("/admin/site/accounts.csv").status_code == 404
    assert enter(app, SITE_ADMIN).post(PAGE, data={"text": "username\nzoe\n"}).status_code == 400
    assert people_of(log) == before


def test_large_files_are_bounded_and_a_site_of_1835_accounts_is_quick(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    names = [f"u{n}" for n in range(1835)]
    with log.begin() as rows:
        rows.execute(insert(AccountRow.__table__), [
            {"site_id": 1, "username": name, "kind": "forward", "forward_to": "x@else.example"} for name in names
        ])  # fmt: skip
    text = "username,kind,forward_to\n" + "".join(f"{name},forward,y@else.example\n" for name in names)
    began = time.process_time()
    assert re.search(r"1\D835 lines change", said(look(browser, text)))
    assert time.process_time() - began < 2
    for many in (5_001, 10_000):
        assert "more than 5000" in said(look(browser, "username\n" + "".join(f"v{n}\n" for n in range(many))))
    assert "larger than" in said(look(browser, "username\n" + "x" * 400_001))
    with log.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(AccountRow.__table__)) == 1835 + 6
        assert connection.scalar(select(func.count()).select_from(AddressRow.__table__)) == 4
    with log.begin() as rows:
        rows.execute(update(SiteRow.__table__).values(forward_outside=False))
    assert "outside of this site" in said(look(browser, text))


def test_no_file_has_more_accounts_send_mail_on_than_owners_are_told(
    log: Engine, app: Flask, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_account(app, 7, "bob", kind="mailbox", server_id=1, login="bob", forward_to=None)
    browser = enter(app, SITE_ADMIN)
    text = f"{HEAD}account,ann,both,thief@else.example,\naccount,bob,forward,thief@else.example,\n"
    monkeypatch.setattr(importing, "MOST_TOLD", 1)
    assert "Split the file up" in said(bring(browser, text)) and not sink.taken
    monkeypatch.setattr(importing, "MOST_TOLD", 2)
    assert bring(browser, text).status_code == 303
    assert told(sink) == [("bob@one.example", True), ("ann@one.example", True)]


OURS = {"Sec-Fetch-Site": "same-origin"}


def returned(app: Flask, browser: Pages, data: dict[str, Any], *, path: str = PAGE, who: str = SITE_ADMIN) -> Any:
    """What the page says after a form that met an ended session, and a new sign-in over it."""
    page = browser.get(path)
    hidden = {name: field(page, name) for name in ("csrf_token", "carry_token")}
    app.extensions["postern"].redis.flushall()
    asked = browser.post(path, data={**hidden, **data}, headers=OURS)
    assert asked.status_code == 401 and "Ann Changed" not in asked.get_data(as_text=True), "sealed"
    fields = {"csrf_token": field(asked, "csrf_token"), "carried": field(asked, "carried")}
    return browser.post("/login", data={**fields, "address": who, "password": PASSWORD}, headers=OURS)


@pytest.mark.parametrize(("who", "path"), [(SITE_ADMIN, PAGE), (ISP_ADMIN, f"{PAGE}?site=1")])
def test_a_file_rides_over_a_sign_in_and_is_looked_at_and_nothing_more(
    log: Engine, app: Flask, who: str, path: str
) -> None:
    browser, before = enter(app, who), people_of(log)
    text = "username,display_name\r\nann,Ann Changed\r\nzo é,x\r\n"
    answer = returned(app, browser, {"file": (io.BytesIO(text.encode("utf-8-sig")), "x.csv")}, path=path, who=who)
    assert answer.status_code == 422 and "Nothing was changed." in said(answer) and "zo é" in said(answer)
    browser = enter(app, who)
    good = {"file": (io.BytesIO(b"username,display_name\nann,Ann Changed\n"), "x.csv")}
    answer = returned(app, browser, good, path=path, who=who)
    assert answer.status_code == 200 and "Nothing is changed yet. 1 line changes" in said(answer)
    assert people_of(log) == before and not [each for each in actions(log) if each.verb == "import"]
    seen = {name: field(answer, name) for name in ("csrf_token", "seal")}
    found = re.search(r'<textarea name="text"[^>]*>\n(.*?)</textarea>', answer.get_data(as_text=True), re.DOTALL)
    assert found and browser.post(path, data={**seen, "text": unescape(found[1])}).status_code == 303
    assert row(log).display_name == "Ann Changed"


def test_bringing_in_is_a_look_again_where_the_session_had_ended(log: Engine, app: Flask) -> None:
    browser, before = enter(app, SITE_ADMIN), people_of(log)
    text = "username,display_name\nann,Ann Changed\n"
    seal = field(look(browser, text), "seal")
    answer = returned(app, browser, {"text": text, "seal": seal})
    assert answer.status_code == 200 and "Nothing is changed yet. 1 line changes" in said(answer)
    assert people_of(log) == before


def test_a_file_that_cannot_ride_is_asked_for_again_in_plain_words(log: Engine, app: Flask) -> None:
    browser, before = enter(app, SITE_ADMIN), people_of(log)
    answer = returned(app, browser, {"file": (io.BytesIO(b"username\nzo\xe9\n"), "x.csv")})
    assert answer.status_code == 422 and "the file did not come along. Nothing was done." in said(answer)
    assert people_of(log) == before
