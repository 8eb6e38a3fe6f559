"""Exim with the configuration of config/exim obeys at the next connection what the app wrote into SQL."""

from __future__ import annotations

import re
import signal
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from app.blocklog.codes import Outcome, Policy
from app.policy import hosts
from app.policy.rule import EVERYBODY, site_scope
from app.policy.tables import HostBlockRow
from app.policy.value import Kind
from tests.mta.reading import Log, exim_sources
from tests.mta.sqlexim import BY, GOOD, LIAR, LISTED, OTHER, SHUT, SIX, TRUSTED, SqlExim

pytestmark = pytest.mark.databases
ALICE, BOTH, BOB = "alice@one.example", "both@one.example", "any@two.example"
DENIED = "550 5.7.1 This address does not accept mail from you"
DELAYED = "451 4.7.1 Greylisted, please try again later"
TAKEN = "250 Accepted"
BEYOND = "553 5.6.7 Addresses beyond ASCII are not taken here"


@pytest.fixture
def exim(sql_exim: SqlExim) -> SqlExim:
    """Without rules and settings, and nobody is delayed."""
    sql_exim.run(*(f"DELETE FROM {name}" for name in ("policy_rule", "policy_setting", "host_block", "grey_triplet")))
    sql_exim.setting("greylist_on", "0")
    return sql_exim


def test_a_rule_changes_the_answer_at_the_next_connection(exim: SqlExim) -> None:
    assert exim.said("info@sender.example", ALICE) == TAKEN
    rule = exim.rule("deny", "sender.example")
    mine = {name: exim.said("info@sender.example", name) for name in (ALICE, "Sales+x@ONE.test", BOTH)}
    assert mine == {ALICE: DENIED, "Sales+x@ONE.test": DENIED, BOTH: TAKEN}
    exim.rule("allow", "INFO@sender.example")
    assert exim.said("Info@Sender.Example", ALICE) == TAKEN and exim.said("other@sender.example", ALICE) == DENIED
    exim.no_rule(rule)
    assert exim.said("other@sender.example", ALICE) == TAKEN
    exim.rule("deny", "203.0.113.0/24", site_scope("1"), expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert exim.said("a@sender.example", BOTH) == TAKEN, "a rule that ended"


@pytest.mark.parametrize(
    "sender",
    ['"spammer"@sender.example', '"spam\\mer"@SENDER.example', '"spam"mer@sender.example', "Spammer@sender.example.",
     "spammer@sender.example..", "<@x.example:spammer@sender.example>", "spammer(x)@sender.example"],
)  # fmt: skip
def test_no_spelling_of_a_sender_leads_past_a_rule(exim: SqlExim, sender: str) -> None:
    exim.rule("deny", "spammer@sender.example")
    told = exim.said(sender.removeprefix("<").removesuffix(">"), ALICE)
    assert told == DENIED or told.startswith("501 "), told


@pytest.mark.parametrize(
    "recipient",
    [f"alice+{'x' * 80}@one.example", '"alice+a b"@one.example', '"alice"@one.example'],
)
def test_no_spelling_of_a_recipient_leads_past_a_rule_of_theirs(exim: SqlExim, recipient: str) -> None:
    exim.rule("deny", "spammer@sender.example")
    assert exim.said("spammer@sender.example", recipient) == DENIED


def test_what_a_rule_refused_stands_in_the_block_log_with_its_number(
    exim: SqlExim, migrated: Path, tmp_path: Path
) -> None:
    rule = exim.rule("deny", "logged@sender.example", site_scope("1"))
    exim.setting("greylist_on", None)
    for sender in ("logged@sender.example", "slow@sender.example", "ä@sender.example"):
        exim.tries(sender, ALICE, BOTH)
    exim.setting("greylist_on", "0")
    exim.tries("taken@sender.example", BOB, subject="taken")
    exim.exim.settled(f"<{BOB}> R=")
    with Log(migrated, tmp_path, exim_sources(exim.exim)[0]) as log:
        rows = log.blocks["logged@sender.example"]
        assert {(row.rcpt, row.policy, row.rule_id, row.dsn) for row in rows} == {
            (ALICE, Policy.rule, rule.rule_id, "5.7.1"),
            (BOTH, Policy.rule, rule.rule_id, "5.7.1"),
        }
        assert [row.rcpt for row in log.recent["taken@sender.example"]] == [BOB]
        slow = log.blocks["slow@sender.example"]
        assert {(row.policy, row.outcome) for row in slow} == {(Policy.greylist, Outcome.delayed)}
        beyond = log.blocks["ä@sender.example"]
        assert {(row.rcpt, row.policy, row.smtp_code, row.dsn) for row in beyond} == {
            (ALICE, Policy.protocol, 553, "5.6.7"),
            (BOTH, Policy.protocol, 553, "5.6.7"),
        }


def test_mail_reaches_the_login_on_its_server_and_the_addresses_that_it_is_forwarded_to(exim: SqlExim) -> None:
    before = len(exim.box.taken)
    names = (ALICE, "sales+x@one.test", BOTH, BOB, "o'brien@one.example", "away@one.example")
    made = exim.tries("deliver@sender.example", *names, subject="deliver")
    assert not made.refused
    exim.exim.settled(
        *(f"<{name}> R=" for name in names if "+" not in name),
        "x@else.example <both@one.example>",
        "<both@one.example> R=postern",
    )
    assert sorted(exim.box.taken[before:]) == sorted(
        ["box1@mail1.internal", "box2@mail1.internal", "box6@mail1.internal", '"bob@two.example"@mail1.internal']
    )
    assert "z@else.example <away@one.example>" in exim.exim.log().read_text(errors="replace")


@pytest.mark.parametrize(
    "recipient",
    ["x@else.example", "box1@mail1.internal", "box1@mail1.example.net", "x%else.example@one.example", "x@off.example",
     '"x@else.example"@one.example', "@one.example:x@else.example", "x!else.example@one.example", "gone@one.example",
     "+alice@one.example"],
)  # fmt: skip
def test_nobody_relays_and_who_is_not_there_is_refused(exim: SqlExim, recipient: str) -> None:
    assert exim.said("a@sender.example", recipient).startswith(("550", "501")), recipient


@pytest.mark.parametrize(
    ("name", "source", "recipient", "usual"),
    [
        ("allow_cnxns", GOOD, ALICE, TAKEN),
        ("allow_cnxns", TRUSTED, "x@else.example", TAKEN),
        ("allow_trusted", TRUSTED, "x@else.example", TAKEN),
        ("allow_other", GOOD, ALICE, TAKEN),
    ],
)
def test_switches_turn_the_intake_off(exim: SqlExim, name: str, source: str, recipient: str, usual: str) -> None:
    assert exim.said("a@sender.example", recipient, source=source) == usual
    exim.setting(name, "0")
    assert exim.said("a@sender.example", recipient, source=source).startswith("451 ")
    others = {GOOD: ALICE, TRUSTED: "x@else.example"} if name != "allow_cnxns" else {}
    others.pop(source, None)
    for other, theirs in others.items():
        assert exim.said("a@sender.example", theirs, source=other) == TAKEN
    exim.setting(name, "1")
    assert exim.said("a@sender.example", recipient, source=source) == usual


def test_who_signs_in_sends_anywhere_until_the_switch_is_off(exim: SqlExim) -> None:
    exim.rule("deny", "one.example", EVERYBODY)
    assert exim.said(ALICE, "x@else.example", login="alice", helo="mx.isp.example") == TAKEN
    exim.setting("allow_other", "0")
    assert exim.said(ALICE, "x@else.example", login="alice") == TAKEN, "neither shut out nor anybody else"
    exim.setting("allow_authd", "0")
    assert exim.said(ALICE, "x@else.example", login="alice").startswith("451 ")
    exim.setting("allow_other", "1")
    assert exim.said("a@sender.example", ALICE) == TAKEN


def test_a_server_that_names_itself_as_ours_is_shut_out_for_a_month(exim: SqlExim) -> None:
    ours = "550 you said our own name, mx.isp.example is here"
    for source, helo in ((LIAR, "MX.isp.example"), (SIX, "[192.0.2.25]")):
        assert exim.said("a@sender.example", ALICE, source=source, helo=helo) == ours
        assert exim.said("a@sender.example", ALICE, source=source).startswith("550 Your server is shut out")
    kept = {each.ip: each for each in hosts.blocks(exim.engine, datetime.now(UTC))}
    assert kept.keys() == {LIAR, SIX} and kept[LIAR].hits == 1
    assert kept[LIAR].reason == "named itself mx.isp.example in HELO"
    assert timedelta(days=29) < kept[LIAR].expires_at - datetime.now(UTC) <= timedelta(days=30)
    hosts.remove(exim.engine, BY, LIAR, datetime.now(UTC))
    exim.run("UPDATE action_log SET account_id = '', site = ''")  # as an administrator's
    assert exim.said("a@sender.example", ALICE, source=LIAR, helo="mx.isp.example") == ours
    assert exim.said("a@sender.example", ALICE, source=LIAR) == TAKEN, "an administrator let it in"
    exim.said("a@sender.example", "x@else.example", source=TRUSTED, helo="mx.isp.example")
    assert exim.said("a@sender.example", "x@else.example", source=TRUSTED) == TAKEN


def test_a_block_ends_when_it_says(exim: SqlExim) -> None:
    now = datetime.now(UTC)
    hosts.block(exim.engine, BY, SHUT, "an attack", now, now + timedelta(hours=1))
    assert exim.said("a@sender.example", ALICE, source=SHUT).startswith("550 Your server is shut out")
    hosts.extend(exim.engine, BY, SHUT, now, now - timedelta(seconds=1))
    assert exim.said("a@sender.example", ALICE, source=SHUT) == TAKEN
    exim.said("a@sender.example", ALICE, source=SHUT, helo="mx.isp.example")
    assert exim.said("a@sender.example", ALICE, source=SHUT).startswith("550 Your server is shut out"), "anew"


def test_servers_that_are_shut_out_are_bounded(exim: SqlExim) -> None:
    now = datetime.now(UTC)
    row = {"reason": "", "added_at": now, "expires_at": now + timedelta(days=1)}
    rows = [{"ip": f"198.18.{number // 250}.{number % 250}", **row} for number in range(10_000)]
    with exim.engine.begin() as connection:
        connection.execute(insert(HostBlockRow), rows)
    exim.said("a@sender.example", ALICE, source=OTHER, helo="mx.isp.example")
    assert exim.said("a@sender.example", ALICE, source=OTHER) == TAKEN
    exim.run("DELETE FROM host_block WHERE ip = '198.18.0.7'")
    exim.said("a@sender.example", ALICE, source=OTHER, helo="mx.isp.example")
    assert exim.said("a@sender.example", ALICE, source=OTHER).startswith("550 Your server is shut out")


def test_block_lists_are_asked_unless_the_recipient_says_no(exim: SqlExim) -> None:
    listed = f"550 {LISTED} is listed at zen.example"
    assert exim.said("a@sender.example", ALICE, source=LISTED) == listed
    exim.setting("rbl", "0", 2, "1")
    assert exim.said("a@sender.example", ALICE, source=LISTED) == TAKEN
    assert exim.said("a@sender.example", BOTH, source=LISTED) == listed
    exim.setting("rbl", "1", locked=True)
    assert exim.said("a@sender.example", ALICE, source=LISTED) == listed, "locked for everybody"
    exim.rule("allow", "sender.example")
    assert exim.said("a@sender.example", ALICE, source=LISTED) == TAKEN


def test_who_is_unknown_is_asked_to_come_again_later(exim: SqlExim) -> None:
    exim.setting("greylist_on", None)
    assert exim.said("bounce-17@sender.example", ALICE) == DELAYED
    assert exim.said("bounce-18@sender.example", ALICE, source=OTHER) == DELAYED, "too soon"
    exim.run("UPDATE grey_triplet SET first_seen = first_seen - INTERVAL '301' SECOND")
    assert exim.said("bounce-19@sender.example", ALICE, source=OTHER) == TAKEN
    assert exim.count("SELECT COUNT(*) FROM grey_triplet WHERE passed_at IS NOT NULL AND tries = 3") == 1
    assert exim.said("bounce-19@sender.example", BOTH) == DELAYED
    exim.run("UPDATE grey_triplet SET last_seen = last_seen - INTERVAL '36' DAY, first_seen = '2026-01-01 00:00:00'")
    assert exim.said("bounce-20@sender.example", ALICE) == DELAYED, "not used for too long"
    assert exim.said("bounce-20@sender.example", BOTH) == DELAYED, "came again too late"
    assert exim.count("SELECT COUNT(*) FROM grey_triplet WHERE passed_at IS NULL AND tries = 1") == 2


@pytest.mark.parametrize(
    ("value", "kind"),
    [("b@sender.example", Kind.sender), ("sender.example", Kind.domain), ("203.0.113.0/24", Kind.network),
     (ALICE, Kind.recipient), ("one.example", Kind.recipient)],
)  # fmt: skip
def test_rules_and_settings_spare_the_delay(exim: SqlExim, value: str, kind: Kind) -> None:
    exim.setting("greylist_on", None)
    exim.rule("nogrey", value, EVERYBODY, kind=kind)
    assert exim.said("b@sender.example", ALICE) == TAKEN
    assert exim.said("c@else.example", BOB, source=LIAR) == (TAKEN if kind is Kind.network else DELAYED)
    exim.setting("greylist", "0", 1, "2")
    assert exim.said("c@else.example", BOB, source=LIAR) == TAKEN


def test_the_most_patient_recipient_s_score_counts(exim: SqlExim) -> None:
    spam = "550 this message was classified as spam"  # 17.2
    for name in (ALICE, BOTH):
        assert exim.tries("a@sender.example", name, subject="viagra").told[name].text == spam
    exim.setting("reject_score", "17.5", 2, "1")
    assert exim.tries("a@sender.example", ALICE, BOTH, subject="viagra").replies["data"].code == 250
    assert exim.tries("a@sender.example", BOTH, subject="viagra").replies["data"].text == spam
    exim.rule("allow", "sender.example", site_scope("1"))
    assert exim.tries("a@sender.example", BOTH, subject="viagra").replies["data"].code == 250


@pytest.mark.parametrize(
    "local",
    ["a'b", "\"a' OR \\\\'1\"", "a\\'x", "${lookup{x}}", "$domain", '"a\\" --"', "\udcff\udc80", "\udcf0\udc80x"],
)
def test_what_strangers_write_is_no_sql(exim: SqlExim, local: str) -> None:
    exim.setting("greylist_on", None)
    exim.rule("deny", "203.0.113.0/24", EVERYBODY)
    helo = f"{local[:3]}'.example"
    rules = exim.count("SELECT COUNT(*) FROM policy_rule")
    start = exim.exim.log().stat().st_size if exim.exim.log().exists() else 0  # what is before is other tests'
    told = exim.said(f"{local}@sender.example", f"{local}@two.example")
    assert told == (DENIED if local.isascii() else BEYOND)
    assert exim.said(f"{local}@sender.example", f"{local}@two.example", source=LISTED, helo=helo)[0] in "45"
    assert exim.count("SELECT COUNT(*) FROM policy_rule") == rules
    log = exim.exim.log().read_bytes()[start:].decode(errors="replace")
    assert "skipped" not in log and "not properly quoted" not in log


@pytest.mark.parametrize("source", [GOOD, TRUSTED])
def test_a_sender_that_no_mailbox_could_be_told_of_is_refused(exim: SqlExim, source: str) -> None:
    for name in ("b\udcffd", "\udcc3", "bäd", '"\x01"'):
        assert exim.said(f"{name}@sender.example", ALICE, source=source) == BEYOND, name
    for name in ("\udcff", "alice+\u00ad"):
        assert exim.said("a@sender.example", f"{name}@one.example", source=source) == BEYOND, name


def test_lines_of_any_length_reach_mailboxes_and_who_mail_is_sent_on_to(exim: SqlExim) -> None:
    exim.run("UPDATE account SET forward_to = 'x@friend.example' WHERE username = 'both'")
    try:
        made = exim.tries("long@sender.example", BOTH, subject="x" * 2_000)
        exim.exim.settled(f"{made.replies['data'].text.partition('=')[2]} Completed")
    finally:
        exim.run("UPDATE account SET forward_to = 'x@else.example' WHERE username = 'both'")
    for server in (exim.box, exim.friends):
        assert b"x" * 2_000 in server.letters[-1][1]


def test_without_sql_rules_are_skipped_and_addresses_wait(exim: SqlExim) -> None:
    exim.rule("deny", "sender.example")
    with ExitStack() as stack:
        views = ("mta_rule", "mta_setting", "mta_host_block")
        user = "exim" if exim.database.kind == "postgresql" else "exim@'%'"
        exim.run(*(f"REVOKE SELECT ON {view} FROM {user}" for view in views))
        stack.callback(exim.run, *(f"GRANT SELECT ON {view} TO {user}" for view in views))
        assert exim.said("a@sender.example", ALICE) == DELAYED, "no rule; nobody knows that the switch is off"
    assert exim.said("a@sender.example", ALICE) == DENIED


def test_while_sql_is_away_or_silent_addresses_wait_and_our_own_mail_flows(exim: SqlExim) -> None:
    exim.rule("deny", "sender.example")
    server = exim.database.server
    server.halt()
    try:
        assert exim.said("a@sender.example", ALICE).startswith("451 ")
        made = exim.tries("a@sender.example", "x@else.example", ALICE, source=TRUSTED, subject="waits")
        assert not made.refused, "our own networks hand in mail, which waits"
    finally:
        server.spawn(server.words)
    assert exim.said("a@sender.example", ALICE) == DENIED
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    try:
        assert exim.said("a@sender.example", ALICE).startswith("451 ")
        assert time.monotonic() - begun < 15, "the client waits for no silent database"
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert exim.said("a@sender.example", ALICE) == DENIED


@pytest.mark.parametrize(
    "to", ["|/bin/sh", "/etc/passwd", ":include:/etc/passwd", ":blackhole:", "x@else.example, |/bin/sh"]
)
def test_a_forwarding_runs_reads_and_writes_nothing(exim: SqlExim, to: str) -> None:
    exim.run(f"UPDATE account SET forward_to = '{to}' WHERE username = 'both'")
    try:
        sender = f"to{len(to)}@sender.example"
        assert not exim.tries(sender, BOTH, subject=sender).refused
        exim.exim.settled(f"from <{sender}> for {BOTH}", f"{BOTH}> R=" if "," in to else "defer")
    finally:
        exim.run("UPDATE account SET forward_to = 'x@else.example' WHERE username = 'both'")
    log = exim.exim.log().read_text(errors="replace")
    assert not re.search(r"[=-]> (\||/etc)|blackhole>", log)
