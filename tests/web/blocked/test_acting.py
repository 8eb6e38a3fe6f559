"""What is done about a stopped message: only what its page offers, only to one's own, written down, taken back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.blocklog import query
from app.blocklog.codes import Outcome, Policy, Resolved, Stage
from app.outbox.tables import Base as OutboxBase
from app.policy import actions, senders
from app.policy.rule import EVERYBODY, account_scope, site_scope
from app.policy.tables import Base as PolicyBase
from app.profile.tables import Base as ProfileBase
from app.web.blocked.asked import place_of
from tests.conftest import MailAccount
from tests.mail.boxes import letter, opened
from tests.policy.amavis import Amavis, amavis
from tests.policy.rules import kept, rule
from tests.web.blocked.rows import block, now, tables
from tests.web.conftest import PASSWORD, add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
KEPT: dict[str, Any] = {"outcome": Outcome.quarantined, "policy": Policy.spam, "stored_ref": "amavis:t3d7qJkAoigg"}
ALLOW = {"action": "allow", "about": "domain", "days": "30"}


@pytest.fixture
def log(app: Flask) -> Engine:
    """Log, rules and settings, all in one database, empty."""
    engine: Engine = app.extensions["postern"].database
    tables(engine)
    for base in (PolicyBase, ProfileBase, OutboxBase):
        base.metadata.create_all(engine)
    return engine


@pytest.fixture
def quarantine(app: Flask) -> Iterator[Amavis]:
    held = app.extensions["postern"]
    with amavis() as found:
        found.kept.add("t3d7qJkAoigg")
        held.settings = dataclasses.replace(held.settings, amavis_release=found.address)
        yield found


def act(browser: Pages, row: str, **data: str) -> Any:
    page = f"/blocked/{row}"
    return browser.submit(f"{page}/remedy", data, page=page, follow_redirects=True)


def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))).split())


def rules(log: Engine, account: str = "1") -> list[tuple[str, str, bool]]:
    return [
        (each.action, each.value, each.expires_at is None)
        for each in senders.rules_of(log, account_scope(account), now())
    ]


def test_a_sender_is_allowed_and_that_is_taken_back(log: Engine, signed_in: Pages) -> None:
    row = block(log)
    page = signed_in.get(f"/blocked/{row}").get_data(as_text=True)
    assert "It would have helped this time" in page and 'data-testid="remedy-doubt"' not in page
    answer = act(signed_in, row, **ALLOW)
    assert "bank.example is allowed for 30 days, from the next message on." in text(answer)
    assert rules(log) == [("allow", "bank.example", False)]
    assert "Your list allows bank.example until" in text(answer) and "remedy-open" not in str(answer.data)
    number = re.search(r"/settings/actions/(\d+)/undo", answer.get_data(as_text=True))
    assert number
    undo = f"/settings/actions/{number[1]}/undo"
    answer = signed_in.submit(undo, {"next": f"/blocked/{row}"}, page=f"/blocked/{row}", follow_redirects=True)
    assert "as it was before" in text(answer) and 'data-testid="remedy-open"' in answer.get_data(as_text=True)
    assert rules(log) == []
    answer = signed_in.submit(undo, {"next": "//evil.example"}, page=f"/blocked/{row}")
    assert answer.status_code == 303 and answer.location == "/settings/actions"


def test_a_first_contact_is_no_longer_delayed(log: Engine, signed_in: Pages) -> None:
    row = block(log, policy=Policy.greylist, outcome=Outcome.delayed)
    act(signed_in, row, action="nogrey", about="address", days="0")
    assert rules(log) == [("nogrey", "info@bank.example", True)]
    act(signed_in, row, **ALLOW)
    assert len(rules(log)) == 1, "allowing is not offered for it"


def test_who_may_be_forged_is_allowed_only_knowingly(log: Engine, signed_in: Pages) -> None:
    row = block(log, policy=Policy.dmarc, stage=Stage.end_of_message)
    answer = act(signed_in, row, **ALLOW)
    assert answer.status_code == 422 and 'data-testid="field-error"' in answer.get_data(as_text=True)
    assert "It may not help" in text(answer) and 'value="30" selected' in answer.get_data(as_text=True)
    assert rules(log) == []
    act(signed_in, row, **ALLOW, sure="yes")
    assert rules(log) == [("allow", "bank.example", False)]


def test_our_own_domain_as_a_sender_is_doubted(log: Engine, signed_in: Pages) -> None:
    row = block(log, sender_domain="two.example")
    assert act(signed_in, row, **ALLOW).status_code == 422 and rules(log) == []


@pytest.mark.parametrize(
    "form",
    [
        {**ALLOW, "about": ""}, {**ALLOW, "days": "9999"}, {**ALLOW, "days": ""}, {**ALLOW, "about": "evil.example"},
    ],
)  # fmt: skip
def test_what_was_not_offered_is_not_chosen(log: Engine, signed_in: Pages, form: dict[str, str]) -> None:
    assert act(signed_in, block(log), **form).status_code == 422 and rules(log) == []


@pytest.mark.parametrize(
    ("fields", "form"),
    [
        ({"policy": Policy.virus}, ALLOW),
        ({"policy": Policy.virus, **{k: v for k, v in KEPT.items() if k != "policy"}}, {"action": "release"}),
        ({"policy": Policy.size}, ALLOW),
        ({}, {"action": "release"}),
        ({}, {"action": "unrule"}),
        ({}, {"action": "report"}),
        ({}, {"action": "burn"}),
        ({}, {}),
    ],
)
def test_what_is_not_offered_is_not_done(
    log: Engine, signed_in: Pages, quarantine: Amavis, fields: dict[str, Any], form: dict[str, str]
) -> None:
    answer = act(signed_in, block(log, **fields), **form)
    assert "Nothing was changed." in text(answer)
    assert rules(log) == [] and quarantine.asked == [] and actions.of_account(log, "1") == ()


def test_everybody_at_a_free_mail_provider_is_never_allowed(log: Engine, signed_in: Pages) -> None:
    row = block(log, sender_domain="gmail.com")
    assert act(signed_in, row, **ALLOW).status_code == 422 and rules(log) == []
    act(signed_in, row, **{**ALLOW, "about": "address"})
    assert rules(log) == [("allow", "info@gmail.com", False)]


def test_a_kept_message_is_released_to_its_recipient_alone(log: Engine, signed_in: Pages, quarantine: Amavis) -> None:
    row = block(log, **KEPT)
    answer = act(signed_in, row, action="release")
    assert "The message was released." in text(answer) and 'data-testid="remedy-release"' not in str(answer.data)
    assert quarantine.asked[0]["recipient"] == "<forward@one.example>"
    place = place_of(row)
    assert place is not None
    found = query.one(log, "1", *place)
    assert found is not None and found.resolved_how is Resolved.released
    assert [each.verb for each in actions.of_account(log, "1")] == ["release"]
    act(signed_in, row, action="release")
    assert len(quarantine.asked) == 1


def test_an_address_that_is_somebody_else_s_by_now_is_not_released_to(
    app: Flask, log: Engine, signed_in: Pages, quarantine: Amavis
) -> None:
    add_account(app, 2, "bob")
    act(signed_in, block(log, **KEPT, rcpt="bob@one.example"), action="release")
    act(signed_in, block(log, **KEPT, rcpt="nobody@elsewhere.example"), action="release")
    assert [each["recipient"] for each in quarantine.asked] == ["<forward@one.example>"] * 2


@pytest.mark.parametrize(("reply", "status"), [(b"setreply=450 4.5.0 no\r\n\r\n", 409), (None, 503)])
def test_what_amavis_does_not_release_stays_kept(
    app: Flask, log: Engine, signed_in: Pages, quarantine: Amavis, reply: bytes | None, status: int
) -> None:
    held = app.extensions["postern"]
    quarantine.reply = reply
    if reply is None:
        held.settings = dataclasses.replace(held.settings, amavis_release="127.0.0.1:1")
    answer = act(signed_in, block(log, **KEPT), action="release")
    assert answer.status_code == status and 'data-testid="remedy-release"' in answer.get_data(as_text=True)
    assert actions.of_account(log, "1") == ()


def test_nobody_acts_on_another_s_row_or_takes_back_what_another_did(app: Flask, log: Engine, signed_in: Pages) -> None:
    mine = block(log)
    add_account(app, 2, "bob")
    bob: Any = app.test_client()
    bob.sign_in("bob@one.example", PASSWORD)
    act(signed_in, mine, **ALLOW)
    number = actions.of_account(log, "1")[0].id
    rule = senders.rules_of(log, account_scope("1"), now())[0].rule_id
    assert bob.submit(f"/blocked/{mine}/remedy", ALLOW, page="/blocked").status_code == 404
    assert bob.get(f"/blocked/{mine}/tell").status_code == 404
    for path in (f"/settings/actions/{number}/undo", f"/settings/actions/rules/{rule}/remove"):
        assert bob.submit(path, page="/blocked").status_code == 303
    assert rules(log) == [("allow", "bank.example", False)] and rules(log, "2") == []
    assert "bank.example" not in text(bob.get("/settings/actions"))


def test_without_a_token_or_by_get_nothing_is_done(log: Engine, signed_in: Pages) -> None:
    row = block(log)
    assert signed_in.post(f"/blocked/{row}/remedy", data=ALLOW).status_code == 400
    assert signed_in.get(f"/blocked/{row}/remedy", query_string=ALLOW).status_code == 405
    assert rules(log) == []


def test_the_sender_is_told_by_a_text_to_be_read_first(log: Engine, signed_in: Pages) -> None:
    page = text(signed_in.get(f"/blocked/{block(log)}/tell"))
    assert "so I did not get it: your mail server is on the block list zen.spamhaus.org" in page
    assert "may be forged" not in page and "copy the text" in page
    assert "may be forged" in text(signed_in.get(f"/blocked/{block(log, policy=Policy.spf)}/tell"))
    assert signed_in.get(f"/blocked/{block(log, policy=Policy.virus)}/tell").status_code == 404


def test_a_sender_is_hidden_from_the_list_and_comes_back(log: Engine, signed_in: Pages) -> None:
    row = block(log)
    block(log, sender_local="other")
    assert "is hidden" in text(act(signed_in, row, action="hide"))
    page = signed_in.get("/blocked").get_data(as_text=True)
    assert page.count('data-testid="blocked-row"') == 1 and 'data-testid="blocked-hidden"' in page
    assert signed_in.get("/blocked?q=bank.example").get_data(as_text=True).count('data-testid="blocked-row"') == 2
    number = actions.of_account(log, "1")[0].id
    signed_in.submit(f"/settings/actions/{number}/undo", page=f"/blocked/{row}")
    assert signed_in.get("/blocked").get_data(as_text=True).count('data-testid="blocked-row"') == 2


def test_hidden_senders_are_listed_and_shown_again(log: Engine, signed_in: Pages) -> None:
    row = block(log)
    act(signed_in, row, action="hide")
    act(signed_in, row, action="unhide")
    act(signed_in, row, action="hide")
    for address in ("nobody@else.example", "info@bank.example"):
        assert 'data-testid="hidden-row"' in signed_in.get("/settings/actions").get_data(as_text=True)
        signed_in.submit("/settings/actions/unhide", {"address": address}, page="/settings/actions")
    assert 'data-testid="hidden-row"' not in signed_in.get("/settings/actions").get_data(as_text=True)


def test_a_report_is_written_down_and_its_text_is_ready(app: Flask, log: Engine, signed_in: Pages) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, report_to="postmaster@one.example")
    answer = act(signed_in, block(log), action="report")
    assert "postmaster@one.example" in text(answer) and "203.0.113.7" in text(answer)
    assert [(each.verb, each.target) for each in actions.of_account(log, "1")] == [("report", "info@bank.example")]


def test_without_sql_for_rules_the_page_says_so_and_keeps_what_was_chosen(log: Engine, signed_in: Pages) -> None:
    row = block(log)
    token = signed_in.token(f"/blocked/{row}")
    PolicyBase.metadata.drop_all(log)
    assert 'data-testid="remedies-away"' in signed_in.get(f"/blocked/{row}").get_data(as_text=True)
    answer = signed_in.post(f"/blocked/{row}/remedy", data={**ALLOW, "csrf_token": token})
    assert answer.status_code == 503 and 'value="30" selected' in answer.get_data(as_text=True)
    assert signed_in.get("/settings/actions").status_code == 503


def test_what_a_site_s_own_program_keeps_is_released_or_deleted_on_purpose(
    app: Flask, log: Engine, signed_in: Pages
) -> None:
    held, other = app.extensions["postern"], {**KEPT, "stored_ref": "mailscanner:4F5C64474F"}
    held.settings = dataclasses.replace(held.settings, release_url="http://127.0.0.1:1/kept", release_secret="s")
    row = block(log, **other)
    page = signed_in.get(f"/blocked/{row}").get_data(as_text=True)
    assert 'data-testid="remedy-release"' in page and 'data-testid="remedy-delete"' in page
    assert act(signed_in, row, action="delete").status_code == 422
    for form in ({"action": "delete", "sure": "yes"}, {"action": "release"}):
        answer = act(signed_in, row, **form)
        assert answer.status_code == 503 and "does not answer" in text(answer)
    virus = signed_in.get(f"/blocked/{block(log, **{**other, 'policy': Policy.virus})}").get_data(as_text=True)
    assert "remedy-release" not in virus and "remedy-delete" not in virus


def test_what_is_no_spam_comes_back_and_its_sender_is_allowed(
    app: Flask, log: Engine, reader: Pages, mail_account: MailAccount
) -> None:
    mail_account.append(letter("prize"), mailbox="Junk")
    identity = letter("prize").partition(b"Message-ID: ")[2].partition(b"\r")[0].decode()
    junked: dict[str, Any] = {"account": "5", "outcome": Outcome.junked, "policy": Policy.spam}
    row = block(log, message_id=identity, **junked)
    assert "remedy-notjunk-allow" in reader.get(f"/blocked/{row}").get_data(as_text=True)
    answer = act(reader, row, action="notjunk", allow="yes")
    assert "in your inbox now. info@bank.example is allowed" in text(answer)
    assert "prize" in text(reader.get("/mail/INBOX/")) and rules(log, "5") == [("allow", "info@bank.example", True)]
    assert "settled already" in text(act(reader, row, action="notjunk"))
    again = act(reader, block(log, message_id=identity, **junked), action="notjunk")
    assert again.status_code == 409 and "no longer in your spam folder" in text(again)
    unnamed = block(log, message_id="prize", **junked)
    assert 'data-testid="remedy-notjunk"' not in reader.get(f"/blocked/{unnamed}").get_data(as_text=True)
    forged = block(log, message_id=identity, **junked | {"policy": Policy.dmarc})
    mail_account.append(letter("prize"), mailbox="Junk")
    act(reader, forged, action="notjunk", allow="yes")
    assert len(rules(log, "5")) == 1, "who may be forged is allowed knowingly or not at all"


@pytest.mark.parametrize(
    ("way", "told"), [("move", "The filter learns from it."), ("address", "It could not be sent to the filter.")]
)
def test_what_comes_back_teaches_the_filter_as_the_site_says(
    app: Flask, log: Engine, reader: Pages, mail_account: MailAccount, way: str, told: str
) -> None:
    with app.extensions["postern"].directory.engine.begin() as rows:  # its mail server takes no mail to be sent
        rows.exec_driver_sql(f"UPDATE site SET learning = '{way}', learn_spam_to = 's@x.example', learn_ham_to = 'h@x'")
    mail_account.append(letter(way), mailbox="Junk")
    identity = letter(way).partition(b"Message-ID: ")[2].partition(b"\r")[0].decode()
    row = block(log, message_id=identity, account="5", outcome=Outcome.junked, policy=Policy.spam)
    assert f"The message is in your inbox now. {told}" in text(act(reader, row, action="notjunk"))
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        assert [client.select(name).exists for name in ("INBOX", "Drafts")] == [1, 0], "no copy is left behind"


def test_who_has_no_mailbox_here_is_offered_none_of_that(log: Engine, signed_in: Pages) -> None:
    row = block(log, outcome=Outcome.junked, policy=Policy.spam, message_id="<a@bank.example>")
    page = signed_in.get(f"/blocked/{row}").get_data(as_text=True)
    assert "remedy-notjunk" not in page and "remedy-junk" not in page


def test_the_page_names_the_rule_that_stopped_a_message_if_it_is_about_ones_own_mail(
    log: Engine, signed_in: Pages
) -> None:
    scopes = {EVERYBODY: "An entry of your provider’s for everybody", site_scope("1"): "An entry of your site’s"}
    for scope, whose in (scopes | {account_scope("1"): "Your entry"}).items():
        (number,) = kept(log, rule("deny", "bank.example", scope))
        page = signed_in.get(f"/blocked/{block(log, policy=Policy.rule, rule_id=number)}")
        assert f"Stopped by{whose} about bank.example" in text(page)
        assert 'href="/filters/senders?q=bank.example"' in page.get_data(as_text=True)
    for scope in (site_scope("2"), account_scope("2")):
        (number,) = kept(log, rule("deny", "secret.example", scope))
        page = signed_in.get(f"/blocked/{block(log, policy=Policy.rule, rule_id=number)}")
        assert "blocked-entry" not in page.get_data(as_text=True)
    assert "blocked-entry" not in signed_in.get(f"/blocked/{block(log, rule_id=999)}").get_data(as_text=True)
