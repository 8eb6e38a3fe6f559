"""Rspamd's task log, and that no Message-ID, symbol or To makes a verdict."""

import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, Line, Odd, Peer, Refused
from app.blocklog.formats.rspamd import Reader

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)
HEAD = (
    "<a1b2c3>; task; rspamd_task_write_log: id: <1@x.example>, qid: <52A51220356>, ip: 203.0.113.7, "
    "from: <a@x.example>, "
)
SYMBOLS = "[BAYES_SPAM(5.10){99.9%;},RBL_ZEN(4.00){203.0.113.7:from;},MIME_GOOD(-0.10){text/plain;},R_X(0.50){}]"
END = (
    ", len: 2345, time: 15.30ms, dns req: 5, digest: <0123456789abcdef>, rcpts: <c@isp.example,d@isp.example>, "
    "mime_rcpts: <"
)
FAKE = "]), len: 1, time: 1ms, dns req: 5, digest: <0123456789abcdef>, rcpts: <victim@isp.example>"


def read(text: str) -> tuple[Event, ...]:
    return tuple(Reader().read(Line(AT, "mx1", "rspamd", "rspamd", 7, text)))


def refused(text: str) -> Refused:
    (event,) = read(text)
    assert isinstance(event, Refused)
    return event


def verdict(action: str, symbols: str = SYMBOLS, head: str = HEAD, end: str = END + "c@isp.example>") -> str:
    return f"{head}(default: T ({action}): [18.50/15.00] {symbols}){end}"


def test_a_rejected_message_names_all_recipients_its_score_and_what_counted_most() -> None:
    assert refused(verdict("reject")) == Refused(
        AT,
        "rspamd",
        None,
        Stage.end_of_message,
        Outcome.refused,
        "reject: 18.50",
        recipients=("c@isp.example", "d@isp.example"),
        whole=True,
        sender="a@x.example",
        peer=Peer("203.0.113.7"),
        policy=Policy.spam,
        detail="BAYES_SPAM, RBL_ZEN, R_X",
        score=18.5,
        message_id="<1@x.example>",
        partner="52A51220356",
        pid=7,
    )


@pytest.mark.parametrize(
    ("action", "outcome", "policy"),
    [
        ("reject", Outcome.refused, Policy.spam),
        ("soft reject", Outcome.delayed, Policy.greylist),
        ("greylist", Outcome.delayed, Policy.greylist),
        ("add header", Outcome.junked, Policy.spam),
        ("rewrite subject", Outcome.junked, Policy.spam),
        ("discard", Outcome.discarded, Policy.spam),
        ("quarantine", Outcome.quarantined, Policy.spam),
    ],
)
def test_each_action_has_its_outcome(action: str, outcome: Outcome, policy: Policy) -> None:
    event = refused(verdict(action))
    assert (event.outcome, event.policy) == (outcome, policy)


def test_no_action_stops_nothing() -> None:
    assert read(verdict("no action")) == ()


def test_a_virus_and_a_limit_are_known_by_their_symbols() -> None:
    event = refused(verdict("reject", "[CLAM_VIRUS(10.00){Eicar-Signature;},BAYES_SPAM(5.00){}]"))
    assert (event.policy, event.detail) == (Policy.virus, "Eicar-Signature")
    assert refused(verdict("soft reject", "[RATELIMITED(0.00){x;}]")).policy is Policy.rate


def test_a_shorter_format_tells_what_it_has() -> None:
    event = refused(
        "<a1b2c3>; rspamd_task_write_log: id: <msg002@test.example>, qid: <Q002>, ip: 10.0.0.2, (reject): [18.5/15.0] "
        "[BAYES_SPAM(5.0),RBL_SPAMHAUS(4.0)], len: 2345, time: 15.30ms"
    )
    assert (event.recipients, event.whole, event.partner, event.score) == ((), False, "Q002", 18.5)


DENIED = "POSTERN_DENY(5000.00){42;}"


@pytest.mark.parametrize("symbols", [f"[{DENIED}]", f"[{DENIED},R_X(0.50){{}}]", f"[{DENIED[:-2]}}}]"])
def test_a_rule_that_refused_a_message_is_named_by_the_first_symbol(symbols: str) -> None:
    event = refused(verdict("reject", symbols))
    assert (event.rule, event.policy, event.detail, event.score) == (42, Policy.rule, None, None)
    assert event.text == "This address does not accept mail from you [rule 42]"
    assert refused(verdict("reject", "[POSTERN_DENY(5000.00)]")).policy is Policy.rule


@pytest.mark.parametrize(
    "symbols",
    [
        f"[X(6.00){{}},{DENIED}]",
        f"[X(6.00){{a}},{DENIED};}}]",
        f"[X(6.00){{[{DENIED};}}]",
        "[POSTERN_DENY(5000.00){1,2;}]",
        "[POSTERN_DENY(5000.00){42;43;}]",
        "[POSTERN_DENY(5000.00){0;}]",
        "[POSTERN_DENY(5000.00){9999999999;}]",
        "[POSTERN_DENY_X(5000.00){42;}]",
        "[POSTERN_DENY(5000.00){\N{ARABIC-INDIC DIGIT FOUR};}]",
    ],
)
def test_behind_what_a_stranger_wrote_and_without_a_number_no_rule_is_named(symbols: str) -> None:
    assert refused(verdict("reject", symbols)).rule is None


def test_a_rule_of_denying_refuses_and_does_nothing_else() -> None:
    assert (event := refused(verdict("add header", f"[{DENIED}]"))).rule is None
    assert event.policy is Policy.spam


def test_other_lines_tell_nothing() -> None:
    assert read("<a1b2c3>; lua; greylist.lua:217: greylisted until tomorrow") == ()


@pytest.mark.parametrize(
    "text",
    [
        verdict("reject", end=END + f"{FAKE}>"),
        verdict("reject", symbols=f"[X(1.0){{{FAKE}}}]"),
        verdict("reject", head=HEAD.replace("a@x", f"a>, (default: T (reject): [1/1] [X(1.0)]{FAKE}, x: <a@x")),
        verdict("reject", head=HEAD.replace("a@x", "a b@x")),
    ],
)
def test_a_copy_makes_a_line_odd(text: str) -> None:
    (event,) = read(text)
    assert isinstance(event, Odd)


def test_a_message_id_has_no_blanks_and_so_no_fields() -> None:
    strange = "a>,?qid:?<FAKE1>,?ip:?192.0.2.1,?x@y"  # as Rspamd 3.4 writes it
    event = refused(verdict("reject", head=HEAD.replace("1@x.example", strange)))
    assert (event.partner, event.peer.ip, event.message_id) == ("52A51220356", "203.0.113.7", f"<{strange}>")


@pytest.mark.parametrize(
    "listed",
    ["b, victim@isp.example", "x,victim@isp.example,y@isp.example", "a@b,victim@isp.example@isp.example", "a b@c"],
)
def test_a_list_with_an_address_that_was_quoted_names_nobody(listed: str) -> None:
    event = refused(verdict("reject").replace("c@isp.example,d@isp.example", listed))
    assert (event.recipients, event.whole, event.partner) == ((), False, "52A51220356")


STRANGE = st.lists(
    st.sampled_from([FAKE, DENIED, "{", "},", "[", "<", ">", ",", "]", ")", " rcpts: <v@x>", "qid: <1234567>,"])
    | st.text(max_size=9)
).map("".join)


@given(STRANGE, STRANGE, STRANGE)
def test_no_text_of_a_stranger_names_a_recipient(message_id: str, symbol: str, to: str) -> None:
    head = HEAD.replace("1@x.example", re.sub(r"\s", "?", message_id))
    for event in read(verdict("reject", f"[X(1.0){{{symbol};}}]", head, f"{END}{to}>")):
        if isinstance(event, Refused):
            assert event.recipients == ("c@isp.example", "d@isp.example")
            assert event.partner == "52A51220356"
            assert event.rule is None


@pytest.mark.parametrize("piece", ["a", "(", FAKE, "]), len: 1, time: ", '<"\\', "X(1.0){", "a@b,"])
def test_a_line_of_a_megabyte_takes_no_time(piece: str) -> None:
    started = time.process_time()
    read(HEAD + piece * (1_000_000 // len(piece)))
    read(verdict("reject", "[" + piece * (1_000_000 // len(piece))))
    read(verdict("reject", end=END.removesuffix(">, mime_rcpts: <") + piece * 9999))
    assert time.process_time() - started < 0.5
