"""Lists as text: read as a whole or not at all, told line by line, taken back at once, written and read again."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.policy import senders
from app.policy.rule import EVERYBODY
from app.policy.value import Kind
from app.store import session
from tests.policy.rules import NOW, kept, rule
from tests.web.admin.world import ISP_ADMIN, OTHER_ADMIN, SITE_ADMIN, USER, enter
from tests.web.conftest import PASSWORD
from tests.web.lists.test_senders import MINE, PAGE, SITE, rules, text
from tests.web.pages import Pages, field

pytestmark = pytest.mark.servers
HOW = {"action": "deny", "days": "0"}


def take(browser: Pages, what: str = "", *, file: bytes | None = None, page: str = PAGE, **form: str) -> Any:
    told: dict[str, Any] = {**HOW, "text": what, **form}
    if file is not None:
        told["file"] = (io.BytesIO(file), "list.txt")
    there = f"{page}/import"
    return browser.submit(there, told, page=there, follow_redirects=True, content_type="multipart/form-data")


def test_a_list_is_taken_as_it_is_and_taken_back_at_once(log: Engine, app: Flask) -> None:
    kept(log, rule("allow", "b.example", MINE), rule("deny", "c.example", MINE))
    browser = enter(app, USER)
    lines = "# mine|A.example  # a note\r||<info@b.example>|b.example|c.example|a.example|192.0.2.1"
    answer = take(browser, lines.replace("|", "\n"))
    assert "4 entries were imported. 1 was there already." in text(answer)
    every = [("deny", "192.0.2.1/32"), ("deny", "a.example"), ("deny", "b.example"), ("deny", "c.example")]
    assert [each[:2] for each in rules(log)] == [*every, ("deny", "info@b.example")]
    number = answer.get_data(as_text=True).partition("/settings/actions/")[2].partition("/")[0]
    browser.submit(f"/settings/actions/{number}/undo", page=PAGE)
    assert [each[:2] for each in rules(log)] == [("allow", "b.example"), ("deny", "c.example")]


def test_nothing_is_taken_where_a_line_is_wrong_and_each_is_told(log: Engine, app: Flask) -> None:
    wrong = "good.example\nno domain\n10.0.0.0/8\n\ntwo.example # ours\n<script>\n"
    answer = take(enter(app, USER), wrong, note="kept")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and rules(log) == [] and page.count('data-testid="import-fault"') == 4
    assert '<td class="tabular">2</td>' in page and "add it by itself" in page
    assert "It is not a domain, such as bank.example." in page
    assert "<script>" not in page.partition("<main")[2]
    assert "good.example" in page and 'value="kept"' in page, "what was typed is still there"


def test_a_file_is_read_within_bounds(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    take(browser, file=b"\xef\xbb\xbfa.example\r\nb.example\r\n")
    assert len(rules(log)) == 2
    many = b"".join(b"x%d.example\n" % number for number in range(60_000))
    answer = take(browser, file=many[:900_000])
    assert answer.status_code == 422 and "are too many at once: at most 1,000" in text(answer)
    assert take(browser, file=many + many).status_code == 413
    assert take(browser, file=b"\xff\xfe\x00binary\n").status_code == 422
    assert take(browser, " \n# nothing\n").status_code == 422
    assert take(browser, "a.example", days="x").status_code == 422
    assert len(rules(log)) == 2


def test_a_thousand_are_as_many_as_a_person_has(log: Engine, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = enter(app, USER)
    take(browser, "\n".join(f"x{number}.example" for number in range(1000)))
    assert len(rules(log)) == 1000
    answer = take(browser, "y.example")
    assert answer.status_code == 507 and "a list holds 1000 rules" in text(answer) and "y.example" in text(answer)


def test_locked_entries_stay_where_they_are(log: Engine, app: Flask) -> None:
    kept(log, rule("allow", "a.example", SITE, locked=True))
    browser = enter(app, SITE_ADMIN)
    answer = take(browser, "b.example\na.example", page="/admin/site/senders")
    assert answer.status_code == 409 and "in the place of a.example" in text(answer) and len(rules(log, SITE)) == 1
    take(browser, "b.example\na.example", page="/admin/site/senders", locked="yes")
    assert [each[:2] for each in rules(log, SITE)] == [("deny", "a.example"), ("deny", "b.example")]


def test_administrators_import_for_their_own_site_or_for_everybody(log: Engine, app: Flask) -> None:
    assert take(enter(app, OTHER_ADMIN), "a.example", page="/admin/site/senders").status_code == 200
    assert rules(log, SITE) == []
    wish = {"about": "recipient", "action": "nogrey"}
    take(enter(app, ISP_ADMIN), "a@one.example\none.example", page="/admin/global/senders", **wish)
    found = senders.rules_of(log, EVERYBODY, NOW)
    assert [each.kind for each in found] == [Kind.recipient, Kind.recipient]


def test_a_sign_within_an_address_begins_no_comment(log: Engine, app: Flask) -> None:
    take(enter(app, USER), "bank.example#1@evil.example # ours\nb.example\t# theirs\n  # nothing\n#nothing")
    assert [each[:2] for each in rules(log)] == [("deny", "b.example"), ("deny", "bank.example#1@evil.example")]


def test_a_list_rides_over_a_new_sign_in(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    page = browser.get(f"{PAGE}/import")
    hidden = {name: field(page, name) for name in ("csrf_token", "carry_token")}
    session.end_everywhere(app.extensions["postern"].redis, "1")
    ours = {"Sec-Fetch-Site": "same-origin"}
    answer = browser.post(f"{PAGE}/import", data={**hidden, **HOW, "text": "a.example"}, headers=ours)
    signing = {name: field(answer, name) for name in ("csrf_token", "carried")}
    done = browser.post("/login", data={**signing, "address": USER, "password": PASSWORD})
    assert answer.status_code == 401 and done.status_code == 303 and done.headers["Location"] == PAGE
    assert [each[:2] for each in rules(log)] == [("deny", "a.example")]


def test_a_list_that_was_written_is_read_again(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    take(browser, "a.example\n192.0.2.0/24\nå@bücher.example", note='=cmd # "', days="30")
    answer = browser.get(f"{PAGE}/export.txt?action=deny")
    told = answer.get_data(as_text=True)
    assert answer.mimetype == "text/plain" and "attachment" in answer.headers["Content-Disposition"]
    assert "a.example  # until 20" in told and told.count("\n") == 4
    before = rules(log)
    for each in senders.rules_of(log, MINE, NOW):
        browser.submit(f"{PAGE}/{each.rule_id}/remove", page=PAGE)
    assert rules(log) == []
    take(browser, told, days="30")
    assert rules(log) == before
    assert browser.get(f"{PAGE}/export.txt?action=x").get_data(as_text=True).startswith("# Shut out")
