"""Of two lines about one refusal the better text, the surer policy and every further fact remain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.blocklog.codes import Known, Outcome, Policy, Stage
from app.blocklog.event import Peer, Refused
from app.blocklog.merge import NEAR, copy, merge, near, stopped, sure
from app.blocklog.message import Message, Stopped

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def stop(policy: Policy = Policy.spam, source: int = 1, **more: Any) -> Stopped:
    fields: dict[str, Any] = {"stage": Stage.end_of_message, "outcome": Outcome.refused, "text": "no", **more}
    return stopped(Refused(AT, "postfix", "4A1B2", **fields), source, policy, None)


def test_the_reply_that_the_client_got_is_the_text_whichever_line_comes_first() -> None:
    filters = {"partner": "4A1B2", "text": "17.5 of 15", "score": 17.5, "outcome": Outcome.quarantined}
    for turned in (False, True):
        pair = [stop(**filters), stop(text="554 Spam", code=554, dsn="5.7.1")]
        known, other = reversed(pair) if turned else pair
        merge(known, other)
        assert (known.text, known.code, known.dsn, known.score) == ("554 Spam", 554, "5.7.1", 17.5)
        assert known.outcome is Outcome.refused


@pytest.mark.parametrize(
    ("known", "other", "remains"),
    [
        (Policy.other, Policy.spam, Policy.spam),
        (Policy.spam, Policy.virus, Policy.virus),
        (Policy.virus, Policy.spam, Policy.virus),
        (Policy.spf, Policy.dmarc, Policy.spf),
        (Policy.internal, Policy.other, Policy.internal),
    ],
)
def test_the_policy_that_says_more_remains(known: Policy, other: Policy, remains: Policy) -> None:
    merged = stop(known)
    merge(merged, stop(other))
    assert merged.policy is remains


def test_what_was_thrown_away_after_it_was_taken_is_that() -> None:
    merged = stop()
    merge(merged, stop(stage=Stage.after_acceptance, outcome=Outcome.discarded))
    assert (merged.stage, merged.outcome) == (Stage.after_acceptance, Outcome.discarded)


def test_further_facts_are_added_and_none_is_replaced() -> None:
    merged = stop(sender="A@b.example", subject="one")
    merge(
        merged, stop(source=2, subject="two", message_id="<m>", stored="amavis:x", peer=Peer("203.0.113.7", "mx", "h"))
    )
    assert (merged.sender, merged.subject, merged.message_id, merged.stored) == (
        "a@b.example",
        "one",
        "<m>",
        "amavis:x",
    )
    assert (merged.ip, merged.name, merged.helo) == ("203.0.113.7", "mx", "h")
    assert merged.kinds == ["1:postfix", "2:postfix"]


def test_a_copy_for_another_recipient_is_no_row_yet_and_shares_nothing() -> None:
    one = stop()
    one.written, one.waiting = [["1", 1.0, 1]], True
    other = copy(one, "b@isp.example", named=True)
    other.kinds.append("x")
    assert (other.rcpt, other.named, other.written, other.waiting, one.kinds) == (
        "b@isp.example", True, [], False, ["1:postfix"],
    )  # fmt: skip


def test_a_recipient_is_certain_where_all_are_known_and_a_refusal_names_it() -> None:
    message = Message("mx1", "postfix", "4A1B2", 1.0, 1.0)
    named, joined = copy(stop(), "a@isp.example", named=True), copy(stop(), "b@isp.example", named=False)
    assert sure(message, named) is Known.others_unknown
    message.whole = True
    assert (sure(message, named), sure(message, joined)) == (Known.certain, Known.joined)


def test_of_a_flood_only_what_is_near_in_time_is_looked_at() -> None:
    known = [stop() for _ in range(100)]
    for seconds, each in enumerate(known):
        each.at = (AT + timedelta(seconds=seconds)).timestamp()
    assert near(known, known[-1].at) == known[-int(NEAR) - 1 :]
    assert near(known, known[50].at) == known[40:]
    assert near([], 0) == []
