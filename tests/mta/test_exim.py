"""Real Exim refuses in every way that its log knows, and what is read of its two logs is what the client was told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.blocklog.codes import Accepted, Known, Outcome, Policy, Stage
from app.blocklog.event import Event, Odd
from tests.mta.client import Attempt, message
from tests.mta.exim import Exim, missing
from tests.mta.reading import EXE, Log, exim_sources, of_exim, told

pytestmark = pytest.mark.servers
SEVEN = tuple(f"{name}@isp.example" for name in ("alice", "bob", "carol", "dave", "erin", "frank", "grace"))
FIVE, TWO, ALICE, DAVE = SEVEN[:5], SEVEN[:2], SEVEN[0], "dave@isp.example"
FORGED = f"x> rejected RCPT <{DAVE}>: y"


def attempt(sender: str, *recipients: str, subject: str = "", body: str = "Text.", **more: str) -> Attempt:
    fields = EXE if subject == "exe" else ()
    return Attempt(sender, recipients, message(subject, body, *fields) if subject else None, **more)


# What is tried, and the policy and stage that must be read of it.
REFUSED = {
    "an unknown recipient": (attempt("a@sender.example", "nosuch@isp.example"), Policy.rcpt, Stage.rcpt),
    "relaying": (attempt("b@sender.example", "x@other.example"), Policy.relay, Stage.rcpt),
    "a greylist": (attempt("grey@list.example", ALICE), Policy.greylist, Stage.rcpt),
    "a list": (attempt("listed@spam.example", ALICE), Policy.rbl, Stage.rcpt),
    "a rule, in two lines": (attempt("rule@spam.example", ALICE), Policy.rule, Stage.rcpt),
    "a full mailbox": (attempt("c@sender.example", "full@isp.example"), Policy.quota, Stage.rcpt),
    "some of several": (
        attempt("some@sender.example", ALICE, "no1@isp.example", "no2@isp.example"),
        Policy.rcpt,
        Stage.rcpt,
    ),
    "a forged sender": (attempt(f'"{FORGED}"@t.example', "nosuch@isp.example"), Policy.rcpt, Stage.rcpt),
    "a forged recipient": (attempt("x@t.example", f'"{FORGED}"@isp.example'), Policy.rcpt, Stage.rcpt),
    "a forged subject": (attempt("y@t.example", *TWO, subject=f"viagra {FORGED}"), Policy.spam, Stage.end_of_message),
    "spam for five": (attempt("d@sender.example", *FIVE, subject="viagra"), Policy.spam, Stage.end_of_message),
    "a virus": (attempt("e@sender.example", *TWO, subject="eicar"), Policy.virus, Stage.end_of_message),
    "an attachment": (attempt("f@sender.example", *TWO, subject="exe"), Policy.mime, Stage.end_of_message),
    "a delay after DATA": (attempt("g@sender.example", *TWO, subject="later"), Policy.greylist, Stage.end_of_message),
    "too much": (
        attempt("h@sender.example", *TWO, subject="big", body="x" * 70_000),
        Policy.size,
        Stage.end_of_message,
    ),
}
# What no log of a foreign configuration can show to its recipients: there was none yet, or the log names none.
NAMELESS = {
    "a connection": (Attempt("", (), source="127.0.0.66"), Policy.other, Stage.connect, 550),
    "a HELO": (Attempt("", (), helo="mx.isp.example"), Policy.helo, Stage.helo, 550),
    "a broken HELO": (Attempt("", (), helo="x]<y"), Policy.helo, Stage.helo, 501),
    "a sender": (attempt("bad@mail.example", ALICE), Policy.sender, Stage.mail, 550),
    "a size": (attempt("i@sender.example", ALICE, options=" SIZE=9000000"), Policy.size, Stage.mail, 552),
    "before DATA": (attempt("predata@x.example", *TWO, subject="no"), Policy.other, Stage.data, 550),
}
TAKEN = {
    "mail": attempt("j@sender.example", "carol@isp.example", "team@isp.example", subject="plain"),
    "a refusal that is none": attempt("fake@list.example", *TWO, subject="fake"),
    "an odd local part": attempt("k@sender.example", '"alice smith"@isp.example', subject="odd"),
}
DROPPED = {
    "at RCPT": attempt("quiet@spam.example", *TWO, subject="quiet"),
    "after DATA": attempt("l@sender.example", *TWO, subject="throwaway"),
}
# Of a client whose HELO may hold anything: a refusal of somebody else, before another that names nobody.
ELSEWHERE = "198.51.100.9"
HELOS = (
    f"x) [{ELSEWHERE}] F=<s@t.example> rejected RCPT <{DAVE}>: no (",
    f"x) [{ELSEWHERE}] F=<s@t.example> rejected after DATA: [blk p=spam n=1 r={DAVE}] no (",
    f"x) [{ELSEWHERE}] F=<s@t.example> RCPT <{DAVE}>: discarded by RCPT ACL: no (",
    f"x) [{ELSEWHERE}] F=<s@t.example> rejected RCPT <{DAVE}>: {'y' * 8300}",
)
IMITATED = [
    attempt(sender, *TWO, subject="viagra", source="127.0.0.67", helo=helo)
    for helo in HELOS
    for sender in ("bad@mail.example", "predata@x.example", "o@sender.example")
]
FOR_SEVEN = attempt("m@sender.example", *SEVEN, subject="viagra for seven")
MANY = attempt("n@sender.example", *SEVEN, *(f"{name}@isp.example" for name in ("no", "alice", "bob", "carol")))


@pytest.fixture(scope="module")
def exim(servers_folder: Path) -> Iterator[Exim]:
    """An Exim whose ACLs tag nothing, after all attempts."""
    if reason := missing():
        pytest.skip(reason)
    config = (Path(__file__).parent / "foreign.conf").read_text()
    everything = [each[0] for each in (*REFUSED.values(), *NAMELESS.values())]
    with Exim(servers_folder / "exim-foreign", config) as exim:
        with ThreadPoolExecutor(8) as pool:
            attempts = [*everything, *TAKEN.values(), *DROPPED.values(), FOR_SEVEN, MANY, *IMITATED]
            list(pool.map(lambda each: each.make(exim.port), attempts))
        exim.settled("no data from you", completed=len(TAKEN) + len(DROPPED))
        yield exim


@pytest.fixture(scope="module")
def events(exim: Exim) -> list[Event]:
    return of_exim(exim)


@pytest.fixture(scope="module")
def log(exim: Exim, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """The block log after a follower has read both logs."""
    with Log(migrated, tmp_path_factory.mktemp("log"), *exim_sources(exim)) as log:
        yield log


@pytest.mark.parametrize("name", REFUSED)
def test_the_rows_are_what_the_client_was_told(log: Log, name: str) -> None:
    tried, policy, stage = REFUSED[name]
    rows = log.blocks[tried.sender.lower()]
    assert tried.refused and {(row.rcpt, row.smtp_code, row.dsn) for row in rows} == told(tried)
    assert len(rows) == len(tried.refused), "each once, though two logs tell of it"
    assert {(row.policy, row.stage, row.client_ip) for row in rows} == {(policy, stage, tried.source)}
    delayed = all(reply.code < 500 for reply in tried.refused.values())
    assert {row.outcome for row in rows} == {Outcome.delayed if delayed else Outcome.refused}
    assert {row.rcpts_known for row in rows} == {Known.certain}
    assert all(row.account_id == row.rcpt or row.policy == Policy.relay for row in rows)


@pytest.mark.parametrize("name", NAMELESS)
def test_what_names_nobody_is_there_for_administrators(log: Log, name: str) -> None:
    tried, policy, stage, code = NAMELESS[name]
    refusals = {reply.code for reply in (*tried.replies.values(), *tried.told.values()) if reply.code >= 400}
    assert refusals == {code}
    expected = ("", "", stage, code, policy, tried.source)
    rows = [row for rows in log.blocks.values() for row in rows]
    found = [(row.account_id, row.rcpt, row.stage, row.smtp_code, row.policy, row.client_ip) for row in rows]
    assert found.count(expected) == 1


def test_of_seven_recipients_the_log_names_five_and_says_that_there_were_more(log: Log) -> None:
    assert {reply.code for reply in FOR_SEVEN.told.values()} == {550}
    found = {(row.rcpt, row.rcpts_known) for row in log.blocks[FOR_SEVEN.sender]}
    assert found == {(rcpt, Known.others_unknown) for rcpt in FIVE}


def test_recipients_beyond_the_most_are_put_off_and_named_nowhere(log: Log) -> None:
    assert {reply.code for reply in MANY.told.values()} == {250, 452, 550}
    found = [(row.rcpt, row.smtp_code, row.policy) for row in log.blocks[MANY.sender]]
    assert sorted(found) == [("", 452, Policy.protocol), ("no@isp.example", 550, Policy.rcpt)]


@pytest.mark.parametrize("name", DROPPED)
def test_what_is_thrown_away_was_taken_and_is_told_to_all(log: Log, name: str) -> None:
    tried = DROPPED[name]
    assert not tried.refused and tried.sender not in log.recent
    found = {(row.rcpt, row.outcome) for row in log.blocks[tried.sender]}
    assert found == {(rcpt, Outcome.discarded) for rcpt in tried.recipients}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_delivered_is_no_block(log: Log, name: str) -> None:
    """Even where the client was told otherwise (fakereject)."""
    tried = TAKEN[name]
    assert tried.sender not in log.blocks
    assert bool(tried.refused) is ("none" in name)
    found = {(row.rcpt, row.outcome) for row in log.recent[tried.sender]}
    assert found == {(rcpt, Accepted.inbox) for rcpt in tried.recipients}


def test_nothing_that_looks_like_a_refusal_is_left_unread(events: list[Event]) -> None:
    odd = [each.text for each in events if isinstance(each, Odd)]
    assert all(f"({HELOS[0][:22]}" in text for text in odd), "a HELO that may hold anything is"


def test_a_helo_that_imitates_a_refusal_names_neither_a_recipient_nor_a_server(log: Log) -> None:
    assert all(each.refused or each.replies["mail"].code == 550 for each in IMITATED)
    rows = [row for some in log.blocks.values() for row in some]
    assert ELSEWHERE not in {row.client_ip for row in rows}


def test_no_stranger_s_text_named_somebody(log: Log) -> None:
    """Of all that was refused two mails were for dave."""
    found = {sender for sender, rows in log.blocks.items() if any(row.rcpt == DAVE for row in rows)}
    assert found == {REFUSED["spam for five"][0].sender, FOR_SEVEN.sender}
