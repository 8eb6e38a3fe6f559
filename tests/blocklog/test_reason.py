"""A row in plain words: what became of it and why, whatever a stranger wrote into it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.blocklog.codes import ADMINS_ONLY, Outcome, Policy, Resolved
from app.blocklog.reason import LONGEST, OUTCOMES, POLICIES, Piece, cleaned, sentence, spoken, why

AT = datetime(2026, 11, 27, 14, 5, tzinfo=UTC)
LATER = AT + timedelta(minutes=16)


@dataclass(frozen=True)
class Row:
    policy: Policy = Policy.rbl
    outcome: Outcome = Outcome.refused
    detail: str | None = None
    reason: str = ""
    sender_domain: str = "bank.example"
    blocked_at: datetime = AT
    resolved_at: datetime | None = None
    resolved_how: Resolved | None = None


def said(row: Row, now: datetime = AT + timedelta(days=1)) -> str:
    return spoken(sentence(row, now=now), lambda at: f"{at:%H:%M}")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (Row(detail="zen.spamhaus.org"), "Refused: their server is on the block list zen.spamhaus.org."),
        (Row(), "Refused: their server is on a block list."),
        (
            Row(Policy.greylist, Outcome.delayed, resolved_at=LATER, resolved_how=Resolved.greylist_passed),
            "Asked at 14:05 to come again, as it was the first mail of this sender to you; it arrived at 14:21.",
        ),
        (
            Row(Policy.greylist, Outcome.delayed),
            "Asked at 14:05 to come again, as it was the first mail of this sender to you; it has not come back since.",
        ),
        (
            Row(Policy.greylist, Outcome.delayed, resolved_at=LATER, resolved_how=Resolved.sender_allowed),
            "Asked at 14:05 to come again, as it was the first mail of this sender to you; it has not come back since."
            " The sender has been allowed since.",
        ),
        (
            Row(Policy.header, Outcome.discarded),
            "Thrown away by a filter rule; the sender does not know.",
        ),
        (Row(Policy.virus, detail="Eicar-Test"), "Refused: it contained the virus Eicar-Test."),
        (
            Row(Policy.spam, Outcome.quarantined, resolved_at=LATER, resolved_how=Resolved.released),
            "Kept aside: it looked like spam. It was released at 14:21.",
        ),
        (Row(Policy.spf), "Refused: their server may not send mail for bank.example."),
        (Row(Policy.spf, sender_domain=""), "Refused: their server may not send mail for the sender’s domain."),
        (Row(Policy.quota), "Refused: your mailbox was full."),
    ],
)
def test_a_row_is_told_in_one_sentence(row: Row, words: str) -> None:
    assert said(row) == words


@pytest.mark.parametrize(
    ("policy", "reply", "words"),
    [
        (Policy.client, "Client host rejected: cannot find your hostname, [192.0.2.1]", "their server has no name"),
        (Policy.client, "450 4.7.25 cannot find your reverse hostname", "their server has no name"),
        (Policy.client, "dynamic IP ranges are not accepted", "their server looks like a connection at home"),
        (Policy.client, "Access denied", "their server is not one that may send mail here"),
        (Policy.helo, "Helo command rejected: Host not found", "the name that their server gave does not exist"),
        (
            Policy.helo,
            "Helo command rejected: need fully-qualified hostname",
            "the name that their server gave is not complete",
        ),
        (
            Policy.sender,
            "Sender address rejected: Domain not found",
            "the sender’s domain does not exist",
        ),
        (Policy.sender, "Sender address rejected: undeliverable address", "the sender’s address does not exist"),
        (Policy.rate, "Too many connections", "their server opened too many connections at once"),
    ],
)
def test_the_exact_fault_is_named_where_the_answer_names_it(policy: Policy, reply: str, words: str) -> None:
    assert spoken(why(Row(policy, reason=reply)), str) == words


def test_a_delay_is_no_loss_before_the_other_server_could_come_back() -> None:
    assert said(Row(Policy.greylist, Outcome.delayed), now=AT + timedelta(minutes=3)).endswith("sender to you.")


def test_every_policy_and_outcome_has_words_for_the_filter_and_a_sentence() -> None:
    assert set(POLICIES) == set(Policy) and set(OUTCOMES) == set(Outcome)
    assert set(POLICIES) > ADMINS_ONLY
    for policy in Policy:
        for outcome in Outcome:
            for detail in (None, "x.example"):
                words = said(Row(policy, outcome, detail))
                assert words.endswith(".") and "{" not in words and ".." not in words


def test_what_a_stranger_chose_stays_a_piece_of_its_own_cut_and_cleaned() -> None:
    odd = "{at}\u202e<script>\r\n" + "x" * 500
    pieces = sentence(Row(Policy.virus, detail=odd))
    (theirs,) = (piece for piece in pieces if piece.kind == "quoted")
    assert theirs.text.startswith("{at} <script> xxx") and len(theirs.text) == LONGEST
    assert pieces[0] == Piece("Refused: it contained the virus ")
    assert [piece.kind for piece in pieces] == ["words", "quoted", "words"]


def test_a_detail_of_nothing_but_controls_is_none() -> None:
    assert said(Row(detail="\x00\u202e \n")) == "Refused: their server is on a block list."
    assert cleaned(None) == ""
