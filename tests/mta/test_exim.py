"""Real Exim refuses in every way that its log knows, and what is read of its two logs is what the client was told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Delivery, Event, Odd, Refused, Told
from tests.mta.client import Attempt, message
from tests.mta.exim import Exim, missing
from tests.mta.reading import EXE, message_id, of, of_exim, policy_of, told

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
    "relaying": (attempt("a@sender.example", "x@other.example"), Policy.relay, Stage.rcpt),
    "a greylist": (attempt("grey@list.example", ALICE), Policy.greylist, Stage.rcpt),
    "a list": (attempt("listed@spam.example", ALICE), Policy.rbl, Stage.rcpt),
    "a rule, in two lines": (attempt("rule@spam.example", ALICE), Policy.rule, Stage.rcpt),
    "a full mailbox": (attempt("a@sender.example", "full@isp.example"), Policy.quota, Stage.rcpt),
    "some of several": (
        attempt("some@sender.example", ALICE, "no1@isp.example", "no2@isp.example"),
        Policy.rcpt,
        Stage.rcpt,
    ),
    "a forged sender": (attempt(f'"{FORGED}"@t.example', "nosuch@isp.example"), Policy.rcpt, Stage.rcpt),
    "a forged recipient": (attempt("a@t.example", f'"{FORGED}"@isp.example'), Policy.rcpt, Stage.rcpt),
    "a forged subject": (attempt("a@t.example", *TWO, subject=f"viagra {FORGED}"), Policy.spam, Stage.end_of_message),
    "spam for five": (attempt("a@sender.example", *FIVE, subject="viagra"), Policy.spam, Stage.end_of_message),
    "a virus": (attempt("a@sender.example", *TWO, subject="eicar"), Policy.virus, Stage.end_of_message),
    "an attachment": (attempt("a@sender.example", *TWO, subject="exe"), Policy.mime, Stage.end_of_message),
    "a delay after DATA": (attempt("a@sender.example", *TWO, subject="later"), Policy.greylist, Stage.end_of_message),
    "too much": (
        attempt("a@sender.example", *TWO, subject="big", body="x" * 70_000),
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
    "a size": (attempt("s@sender.example", ALICE, options=" SIZE=9000000"), Policy.size, Stage.mail, 552),
    "before DATA": (attempt("predata@x.example", *TWO, subject="no"), Policy.other, Stage.data, 550),
}
TAKEN = {
    "mail": attempt("a@sender.example", "carol@isp.example", "team@isp.example", subject="plain"),
    "a refusal that is none": attempt("fake@list.example", *TWO, subject="fake"),
    "an odd local part": attempt("a@sender.example", '"alice smith"@isp.example', subject="odd"),
}
DROPPED = {
    "at RCPT": attempt("quiet@spam.example", *TWO, subject="quiet"),
    "after DATA": attempt("a@sender.example", *TWO, subject="throwaway"),
}
MANY = attempt(
    "many@sender.example", *(f"{n}@isp.example" for n in range(3)), *SEVEN, *(f"x{n}@isp.example" for n in range(2))
)


@pytest.fixture(scope="module")
def exim(servers_folder: Path) -> Iterator[Exim]:
    """An Exim whose ACLs tag nothing, after all attempts."""
    if reason := missing():
        pytest.skip(reason)
    config = (Path(__file__).parent / "foreign.conf").read_text()
    everything = [each[0] for each in (*REFUSED.values(), *NAMELESS.values())] + [
        *TAKEN.values(),
        *DROPPED.values(),
        MANY,
    ]
    with Exim(servers_folder / "exim-foreign", config) as exim:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: each.make(exim.port), everything))
        exim.settled("no data from you", completed=len(TAKEN) + len(DROPPED))
        yield exim


@pytest.fixture(scope="module")
def events(exim: Exim) -> list[Event]:
    return of_exim(exim)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_read_is_what_the_client_was_told(events: list[Event], name: str) -> None:
    tried, policy, stage = REFUSED[name]
    assert tried.refused, tried.told
    found = of(events, tried)
    assert {(recipient, each.code, each.dsn) for each in found for recipient in each.recipients} == told(tried)
    assert {(policy_of(each), each.stage, each.peer.ip, each.sender) for each in found} == {
        (policy, stage, "127.0.0.1", tried.sender)
    }
    delayed = all(reply.code < 500 for reply in tried.refused.values())
    assert {each.outcome for each in found} == {Outcome.delayed if delayed else Outcome.refused}


@pytest.mark.parametrize("name", NAMELESS)
def test_what_names_nobody_is_there_for_administrators(events: list[Event], name: str) -> None:
    tried, policy, stage, code = NAMELESS[name]
    refusals = {reply.code for reply in (*tried.replies.values(), *tried.told.values()) if reply.code >= 400}
    assert refusals == {code}
    expected = (stage, code, policy, tried.source)
    found = [each for each in events if isinstance(each, Refused) and not each.queue_id and each.stage is stage]
    found = [each for each in found if (each.stage, each.code, policy_of(each), each.peer.ip) == expected]
    assert [each.recipients for each in found] == [()]


def test_of_seven_recipients_the_log_names_five_and_says_that_there_were_more(exim: Exim) -> None:
    tried = attempt("a@sender.example", *SEVEN, subject="viagra for seven")
    tried.make(exim.port)
    assert {reply.code for reply in tried.told.values()} == {550}
    named = [each for each in of(of_exim(exim), tried) if each.recipients]
    assert [(each.recipients, each.whole) for each in named] == [(FIVE, False)]


def test_more_recipients_than_are_taken_at_once_were_put_off_by_name_nowhere(events: list[Event]) -> None:
    assert {reply.code for reply in MANY.told.values()} == {250, 452, 550}
    found = [each for each in events if isinstance(each, Refused) and each.code == 452]
    assert found and {each.recipients for each in found} == {()}


@pytest.mark.parametrize("name", DROPPED)
def test_what_is_thrown_away_was_taken_and_named_for_all(events: list[Event], name: str) -> None:
    tried = DROPPED[name]
    assert not tried.refused
    named = {each.recipients for each in events if isinstance(each, Refused) and each.sender == "quiet@spam.example"}
    if name == "at RCPT":
        assert named == {(TWO[0],), (TWO[1],)}
    else:
        (found,) = of(events, tried)
        assert (found.outcome, found.text) == (Outcome.discarded, "thrown away")
        named = {each.recipient for each in events if isinstance(each, Told) and each.queue_id == found.queue_id}
        assert named == {None, *TWO}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_delivered_is_no_block(events: list[Event], name: str) -> None:
    """Even where the client was told otherwise (fakereject)."""
    tried = TAKEN[name]
    assert of(events, tried) == []
    assert bool(tried.refused) is ("none" in name)
    (queue_id,) = {each.queue_id for each in events if isinstance(each, Told) and each.message_id == message_id(tried)}
    sent = [each for each in events if isinstance(each, Delivery) and each.queue_id == queue_id]
    assert {each.original or each.recipient for each in sent} == set(tried.recipients)
    assert all(each.local for each in sent)


def test_nothing_that_looks_like_a_refusal_is_left_unread(events: list[Event]) -> None:
    assert [each for each in events if isinstance(each, Odd)] == []


def test_no_stranger_s_text_named_somebody(events: list[Event]) -> None:
    """Of all that was refused one mail was for dave."""
    refused = [each for each in events if isinstance(each, Refused) and DAVE in each.recipients]
    assert {(each.sender, len(each.recipients)) for each in refused} == {("a@sender.example", 5)}
