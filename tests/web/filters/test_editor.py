"""The form of a rule on a real Dovecot: what is typed becomes a rule that mail meets, and nothing typed is lost."""

import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import update

from app.directory.tables import SiteRow
from app.mail.connection import Connection
from app.web.filters.form import Typed
from tests.web.filters.conftest import Owner
from tests.web.pages import field

pytestmark = pytest.mark.servers
NEW = "/filters/rules/new"
SHOP = b'# rule:[Shop]\r\nif header :contains "subject" "shop"\r\n{\r\n\tfileinto "Junk";\r\n}\r\n'
BASE = b'require ["fileinto"];\r\n' + SHOP


def form(**changes: Any) -> dict[str, Any]:
    """A form as the page sends it."""
    return {
        "name": "Invoices",
        "enabled": "1",
        "join": "allof",
        "do": "save",
        "can": "fileinto copy",
        "c_about": ["subject"],
        "c_op": ["contains"],
        "c_header": [""],
        "c_value": ["invoice"],
        "c_zone": [""],
        "c_text": [""],
        "a_does": ["fileinto"],
        "a_folder": ["Archive"],
        "a_value": [""],
        "a_other": [""],
        **changes,
    }


def message(subject: str, sender: str = "shop@example.org", more: str = "") -> bytes:
    return f"From: {sender}\r\nTo: alice@one.example\r\nSubject: {subject}\r\n{more}\r\nText\r\n".encode()


def values(page: str, name: str) -> list[str]:
    found = re.findall(rf'<textarea name="{name}"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    return [unescape(each) for each in found]


def test_a_rule_is_made_and_mail_meets_it(owner: Owner):
    assert owner.post(NEW, form()).status_code == 303
    assert b"# rule:[Invoices]" in owner.script("webmail")
    owner.mail.deliver(message("Your invoice"), message("Something else"))
    assert owner.page("/mail/Archive/").count('data-testid="message-row"') == 1
    assert owner.page("/mail/INBOX/").count('data-testid="message-row"') == 1


def test_a_rule_that_refuses_is_the_last_that_runs(owner: Owner):
    refusing = form(name="No", c_value=["shop"], a_does=["reject"], a_value=["No, thanks."])
    assert owner.post(NEW, refusing).status_code == 303
    assert owner.post(NEW, form(c_value=["shop"], a_folder=["Junk"])).status_code == 303
    assert b'\treject "No, thanks.";\r\n\tstop;\r\n}' in owner.script("webmail")
    owner.mail.deliver(message("shop"))
    for box in ("INBOX", "Junk"):
        assert 'data-testid="message-row"' not in owner.page(f"/mail/{box}/")


def test_a_rule_is_opened_as_it_was_typed_and_changed_without_another_byte(owner: Owner):
    owner.put(BASE + b"# a word of mine\r\n" + SHOP.replace(b"[Shop]", b"[Other]"), "roundcube")
    number = re.findall(r'href="/filters/rules/(\d+)"', owner.page())[0]
    page = owner.page(f"/filters/rules/{number}")
    assert values(page, "c_value") == ["shop"] and 'value="Shop"' in page
    was = re.search(r'name="was" value="(\w+)"', page)
    assert was
    changed = form(name="Shop", c_value=["shop\r\nmarket"], a_folder=["Junk"], was=was[1])
    assert owner.post(f"/filters/rules/{number}", changed).status_code == 303
    assert b'["shop","market"]' in owner.script().replace(b'", "', b'","')
    assert owner.script().endswith(b"# a word of mine\r\n" + SHOP.replace(b"[Shop]", b"[Other]"))


def test_buttons_of_rows_keep_what_was_typed(owner: Owner):
    for do, conditions, actions in (("add-if", 2, 1), ("add-do", 1, 2), ("drop-if-0", 1, 1), ("drop-do-7", 1, 1)):
        page = owner.post(NEW, form(do=do, name="<b>mine</b>")).get_data(as_text=True)
        assert (page.count('data-row="if"'), page.count('data-row="do"')) == (conditions, actions)
        assert 'value="&lt;b&gt;mine&lt;/b&gt;"' in page
    assert owner.names() == set()


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name-hint"),
    ({"c_value": [""]}, "c0-hint"),
    ({"c_about": ["size"]}, "c0-hint"),
    ({"c_about": ["header"], "c_header": ['x" { discard; }']}, "c0-hint"),
    ({"c_about": ["date"], "c_op": ["on"], "c_value": ["tomorrow"]}, "c0-hint"),
    ({"a_does": ["redirect"], "a_value": ["nobody"]}, "a0-hint"),
    ({"a_does": ["label"], "a_value": ["\\Deleted"]}, "a0-hint"),
    ({"a_does": ["other"], "a_other": ['["stop"']}, "a0-hint"),
    ({"a_does": ["fileinto"], "a_folder": [""]}, "a0-hint"),
    ({"c_about": ["other"], "c_text": ["true) { discard; } if (true"]}, "c0-hint"),
]


def test_a_mistake_is_told_beside_its_field(owner: Owner):
    for changes, where in MISTAKES:
        answer = owner.post(NEW, form(**changes))
        assert answer.status_code == 422, changes
        assert f'id="{where}"' in answer.get_data(as_text=True), changes
    assert owner.names() == set()


HOSTILE = [
    '"; discard; #',
    "a\\",
    "]",
    "*/ discard; /*",
    "text:\n.\nstop;",
    "${x}",
    "x\x00y",
    "\u2028stop;",
    "${hex:22}",
]


def test_what_is_wrong_with_an_action_is_said_at_the_field_that_it_uses(owner: Owner):
    for does, wrong in (("fileinto", "folder"), ("redirect", "value")):
        page = owner.post(NEW, form(a_does=[does], a_folder=[""], a_value=[""])).get_data(as_text=True)
        marked = re.findall(r'name="a_(\w+)"[^>]* aria-invalid="true" aria-describedby="a0-hint"', page)
        assert marked == [wrong], does


def test_what_is_typed_never_becomes_script(owner: Owner):
    """Refused, or kept as the text that it is: nothing else of the script changes, and no other mail is met by it."""
    owner.put(BASE, "roundcube")
    for text in HOSTILE:
        typed = form(name=text, c_value=[text], a_does=["fileinto", "label"], a_folder=[text, ""], a_value=["", "x"],
                     a_other=["", ""])  # fmt: skip
        assert owner.post(NEW, typed).status_code in (303, 422), text
        assert SHOP in owner.script()
    owner.mail.deliver(message("plain"))
    assert owner.page("/mail/INBOX/").count('data-testid="message-row"') == 1


def test_a_script_that_was_changed_elsewhere_is_shown_beside_it_and_kept(owner: Owner):
    owner.put(BASE, "roundcube")
    page = owner.browser.get(NEW).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|made|carry_token)" value="([^"]+)"', page))
    theirs = BASE + SHOP.replace(b"[Shop]", b"[Theirs]")
    owner.put(theirs, "roundcube")
    answer = owner.browser.post(NEW, data={**hidden, **form()})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and 'data-testid="filters-conflict"' in page
    assert "[Invoices]" in page
    assert owner.script() == theirs
    again = dict(re.findall(r'name="(csrf_token|made|carry_token)" value="([^"]+)"', page))
    assert owner.browser.post(NEW, data={**again, **form()}).status_code == 303
    assert b"[Theirs]" in owner.script() and b"[Invoices]" in owner.script()


def test_a_form_that_is_sent_twice_makes_one_rule(owner: Owner):
    page = owner.browser.get(NEW).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|made)" value="([^"]+)"', page))
    answers = [owner.browser.post(NEW, data={**hidden, **form()}).status_code for _ in range(2)]
    assert answers == [303, 303]
    assert owner.script("webmail").count(b"# rule:[Invoices]") == 1


def test_a_rule_that_is_gone_meanwhile_can_be_saved_as_a_new_one(owner: Owner):
    owner.put(BASE, "roundcube")
    number = re.findall(r'href="/filters/rules/(\d+)"', owner.page())[0]
    page = owner.browser.get(f"/filters/rules/{number}").get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|made|was)" value="([^"]+)"', page))
    owner.put(b"# rule:[Else]\r\nif true\r\n{\r\n\tkeep;\r\n}\r\n", "roundcube")
    answer = owner.browser.post(f"/filters/rules/{number}", data={**hidden, **form()})
    assert answer.status_code == 409
    assert 'action="/filters/rules/new"' in answer.get_data(as_text=True)


def test_a_forged_word_about_the_script_is_a_conflict(owner: Owner):
    owner.put(BASE, "roundcube")
    answer = owner.post(NEW, form(made=f"{'0' * 64}.{'0' * 40}"))
    assert answer.status_code == 409
    assert owner.script() == BASE


def test_only_what_the_server_knows_is_offered(owner: Owner):
    page = owner.page(NEW)
    offered = re.findall(r'<option value="(\w+)"', page)
    assert {"body", "date", "fileinto", "copy", "reject"} <= set(offered)
    answer = owner.post(NEW, form(do="add-if", can="copy")).get_data(as_text=True)
    offered = re.findall(r'<option value="(\w+)"', answer)
    assert not {"body", "date", "reject"} & set(offered) and "redirect" in offered


def test_a_server_that_is_away_leaves_what_was_typed(owner: Owner):
    shown = owner.browser.get(NEW).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|made|carry_token)" value="([^"]+)"', shown))
    owner.moved(sieve_port=1)
    token = owner.browser.token("/mail/INBOX/")
    answer = owner.browser.post(NEW, data={**hidden, **form(), "csrf_token": token})
    assert answer.status_code == 503
    assert values(answer.get_data(as_text=True), "c_value") == ["invoice"]


def test_over_quota_is_told_and_what_was_typed_stays(owner: Owner):
    with owner.sieve() as client:
        for name in ("a", "b", "c"):
            client.store(name, b"#" * 99_000)
    answer = owner.post(NEW, form(c_value=["\r\n".join(f"{each:0900}" for each in range(20))]))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 507 and 'data-testid="form-error"' in page
    assert values(page, "c_value")[0].startswith("0" * 899)
    assert "webmail" not in owner.names()


def test_a_session_that_ended_while_a_rule_was_typed_loses_nothing(owner: Owner):
    shown = owner.browser.get(NEW).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|made|carry_token)" value="([^"]+)"', shown))
    owner.session_ends()
    answer = owner.browser.post(NEW, data={**hidden, **form()}, headers={"Sec-Fetch-Site": "same-origin"})
    page = answer.get_data(as_text=True)
    carried = re.search(r'name="carried" value="([^"]+)"', page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert carried and token
    signing = {"address": owner.address, "password": owner.mail.password, "csrf_token": token[1]}
    answer = owner.browser.post("/login", data={**signing, "carried": carried[1]})
    assert answer.status_code == 303 and answer.location == "/filters"
    assert b"# rule:[Invoices]" in owner.script("webmail")


def test_a_rule_that_forwards_is_never_saved_by_signing_in(owner: Owner):
    shown = owner.browser.get(NEW).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|made|carry_token)" value="([^"]+)"', shown))
    owner.session_ends()
    typed = form(a_does=["redirect-copy"], a_value=["thief@example.org"])
    page = owner.browser.post(NEW, data={**hidden, **typed}, headers={"Sec-Fetch-Site": "same-origin"}).get_data(
        as_text=True
    )
    carried = re.search(r'name="carried" value="([^"]+)"', page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert carried and token
    signing = {"address": owner.address, "password": owner.mail.password, "csrf_token": token[1]}
    answer = owner.browser.post("/login", data={**signing, "carried": carried[1]})
    assert answer.status_code == 409
    assert values(answer.get_data(as_text=True), "a_value") == ["thief@example.org"]
    assert owner.names() == set()


def test_a_rule_is_made_from_a_message(owner: Owner):
    owner.mail.deliver(message("Hi", more="List-Id: The list <list.example.org>\r\n"))
    at = re.search(r'href="/mail/INBOX/(\d+)/(\d+)', owner.page("/mail/INBOX/"))
    assert at
    page = owner.page(f"/mail/INBOX/{at[1]}/{at[2]}")
    link = re.search(r'href="([^"]+)" data-testid="make-filter"', page)
    assert link
    page = owner.page(unescape(link[1]))
    assert values(page, "c_value") == ["list.example.org"]
    assert '<option value="list" selected>' in page
    gone = owner.page(f"{NEW}?mailbox=INBOX&uidvalidity={at[1]}&uid=999")
    assert values(gone, "c_value") == [Typed().ifs[0].value]


def test_a_rule_is_tried_and_then_done_to_what_is_there(owner: Owner):
    owner.mail.deliver(message("invoice 1"), message("hello"), message("Invoice =?utf-8?q?2?="))
    shown = owner.post(NEW, form(do="try"))
    page = shown.get_data(as_text=True)
    assert 'data-hits="2"' in page and page.count('data-testid="filter-hit"') == 2
    assert values(page, "c_value") == ["invoice"]
    hidden = {
        name: re.findall(rf'name="{name}" value="([^"]+)"', page) for name in ("uidvalidity", "uid", "made", "tried")
    }
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    other = owner.browser.post(NEW, data={**hidden, **form(do="apply", c_value=["hello"]), "csrf_token": token})
    assert other.status_code == 409 and 'data-hits="1"' in other.get_data(as_text=True)
    assert owner.names() == set()
    answer = owner.browser.post(NEW, data={**hidden, **form(do="apply"), "csrf_token": token})
    assert answer.status_code == 303
    assert b"# rule:[Invoices]" in owner.script("webmail")
    told = owner.page()
    assert "2 messages moved to Archive" in told and 'data-testid="undo-button"' in told
    assert owner.page("/mail/INBOX/").count('data-testid="message-row"') == 1


def test_trying_costs_few_commands(owner: Owner, monkeypatch: pytest.MonkeyPatch):
    owner.mail.server.fill(owner.mail.login, (message(f"invoice {each}") for each in range(600)))
    owner.page("/mail/INBOX/")
    counted: list[str] = []
    ask = Connection.ask

    def counting(self: Connection, *line: Any, **more: Any) -> Any:
        counted.append(str(line[0]))
        return ask(self, *line, **more)

    hidden = owner.browser.get(NEW)
    monkeypatch.setattr(Connection, "ask", counting)
    names = {name: field(hidden, name) for name in ("csrf_token", "made")}
    page = owner.browser.post(NEW, data=names | form(do="try")).get_data(as_text=True)
    assert 'data-hits="500"' in page and "and 450 more" in page
    assert 2 <= len(counted) <= 6, counted


def test_a_rule_sends_nothing_outside_where_the_site_forbids_it(owner: Owner):
    outside = form(a_does=["redirect-copy"], a_value=["me@elsewhere.example"])
    with owner.app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(SiteRow).values(forward_outside=False))
    answer = owner.post(NEW, outside)
    assert answer.status_code == 422 and "does not allow" in answer.get_data(as_text=True)
    assert owner.post("/filters/text", {"text": 'redirect "me@elsewhere.example";'}).status_code == 422
    assert owner.names() == set()
    assert owner.post(NEW, form(a_does=["redirect-copy"], a_value=["bob@two.example"])).status_code == 303
    with owner.app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(SiteRow).values(forward_outside=True))
    owner.trusts("me@elsewhere.example")
    assert owner.post(NEW, outside).status_code == 303
