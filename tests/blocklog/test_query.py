"""What pages ask of the block log about one account, on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine

from app.blocklog import query
from app.blocklog.codes import Accepted, Known, Outcome, Policy, Resolved, Stage
from tests.blocklog.filling import NOW, ago, arrived, stopped


def test_a_row_comes_back_as_it_was_written(engine: Engine) -> None:
    row = stopped(
        engine, "anna", ago(hours=1), "Bob@shop.example", stage=Stage.end_of_message, rcpts_known=Known.joined,
        smtp_code=554, dsn="5.7.1", score=17.25, detail="zen.example", rule_id=3, client_ip="2001:db8::1",
        client_name="mx.shop.example", helo="shop", rcpt="anna@isp.example", subject="Grüße 🎉", message_id="<1@x>",
        reason="554 5.7.1 no", queue_id="4F5C", stored_ref="amavis:x", resolved_at=NOW, resolved_how=Resolved.released,
    )  # fmt: skip
    (found,) = query.day_page(engine, "anna")
    assert found == query.one(engine, "anna", ago(hours=1), row)
    assert (found.blocked_at, found.policy, found.outcome) == (ago(hours=1), Policy.rbl, Outcome.refused)
    assert (found.stage, found.rcpts_known, found.score) == (Stage.end_of_message, Known.joined, 17.25)
    assert (found.subject, found.resolved_at, found.resolved_how) == ("Grüße 🎉", NOW, Resolved.released)
    assert found.sender == "Bob@shop.example" and found.place == (ago(hours=1), row)


def test_the_report_of_a_mail_server_has_no_sender(engine: Engine) -> None:
    stopped(engine, sender="")
    assert query.day_page(engine, "anna")[0].sender == ""


def test_nobody_gets_the_rows_of_another_account(engine: Engine) -> None:
    row = stopped(engine, "anna")
    arrived(engine, "anna")
    for other in ("bert", "Anna", "ann", "%", ""):
        assert query.day_page(engine, other) == () and query.recent_page(engine, other) == ()
        assert query.one(engine, other, NOW, row) is None
        assert query.counts(engine, other, NOW) == query.Counts({}, {})


def test_pages_go_on_where_the_one_before_ended_also_among_rows_of_one_second(engine: Engine) -> None:
    rows = [stopped(engine, at=at) for at in (ago(days=30), ago(hours=2), ago(hours=2), ago(hours=2), ago(hours=1))]
    seen, before = [], None
    while page := query.day_page(engine, "anna", before=before, limit=2):
        seen += [each.id for each in page]
        before = page[-1].place
    assert seen == rows[::-1]
    rows = [arrived(engine, at=at) for at in (ago(days=30), ago(hours=2), ago(hours=2), ago(hours=1))]
    first = query.recent_page(engine, "anna", limit=2)
    assert [each.id for each in (*first, *query.recent_page(engine, "anna", before=first[-1].place))] == rows[::-1]


def test_newer_pages_lie_next_to_the_place_that_one_comes_from(engine: Engine) -> None:
    times = (ago(days=30), ago(hours=2), ago(hours=2), ago(hours=2), ago(hours=1))
    rows = [stopped(engine, at=at) for at in times]
    came = [arrived(engine, at=at) for at in times]
    for number in range(5):
        found = query.day_page(engine, "anna", after=(times[number], rows[number]), limit=2)
        assert [each.id for each in found] == rows[number + 1 : number + 3][::-1]
        others = query.recent_page(engine, "anna", after=(times[number], came[number]), limit=2)
        assert [each.id for each in others] == came[number + 1 : number + 3][::-1]


def test_a_range_of_time_takes_its_beginning_and_not_its_end(engine: Engine) -> None:
    rows = [stopped(engine, at=ago(hours=hours)) for hours in (3, 2, 1)]
    found = query.day_page(engine, "anna", since=ago(hours=3), until=ago(hours=1))
    assert [each.id for each in found] == [rows[1], rows[0]]


def test_rows_are_chosen_by_policy_and_outcome(engine: Engine) -> None:
    grey = stopped(engine, policy=Policy.greylist, outcome=Outcome.delayed)
    spam = stopped(engine, policy=Policy.spam)
    kept = stopped(engine, policy=Policy.spam, outcome=Outcome.quarantined)

    def ids(**chosen):
        return {each.id for each in query.day_page(engine, "anna", **chosen)}

    assert ids(policies={Policy.spam}) == {spam, kept}
    assert ids(outcomes=[Outcome.quarantined]) == {kept}
    assert ids(policies=[Policy.greylist, Policy.virus], outcomes={Outcome.delayed}) == {grey}


@pytest.mark.parametrize(
    ("typed", "senders"),
    [
        ("bank", {"anna@bank.example", "x@mail.bank.example", "bank@post.example"}),
        ("BANK.example", {"anna@bank.example", "x@mail.bank.example"}),
        ("@bank", {"anna@bank.example"}),
        ("a@bank.example", {"anna@bank.example"}),
        ("100%_off@", {"100%_off@shop.example"}),
        ("%", {"100%_off@shop.example"}),
        ("müller.example", {"m@xn--mller-kva.example"}),
        ("nobody'; --", set()),
    ],
)
def test_a_sender_is_found_by_part_of_the_address(engine: Engine, typed: str, senders: set[str]) -> None:
    for sender in ("anna@bank.example", "x@mail.bank.example", "bank@post.example", "100%_off@shop.example",
                   "m@xn--mller-kva.example"):  # fmt: skip
        stopped(engine, sender=sender)
        arrived(engine, sender=sender)
    assert {each.sender for each in query.day_page(engine, "anna", sender=typed)} == senders
    assert {each.sender for each in query.recent_page(engine, "anna", sender=typed)} == senders


def test_senders_are_left_out_however_they_were_written(engine: Engine) -> None:
    for sender in ("Bob@shop.example", "bob@other.example", "ann@shop.example"):
        stopped(engine, sender=sender)
    found = query.day_page(engine, "anna", without=("bob@shop.example", "x@y.example"))
    assert {row.sender for row in found} == {"bob@other.example", "ann@shop.example"}


def test_users_see_neither_warnings_nor_what_is_for_admins(engine: Engine) -> None:
    relay = stopped(engine, policy=Policy.relay)
    warned = stopped(engine, outcome=Outcome.would_block)
    assert query.day_page(engine, "anna") == () and query.one(engine, "anna", NOW, relay) is None
    assert query.counts(engine, "anna", NOW) == query.Counts({}, {})
    assert [each.id for each in query.day_page(engine, "anna", everything=True)] == [relay]
    assert query.one(engine, "anna", NOW, relay, everything=True) and not query.one(
        engine, "anna", NOW, warned, everything=True
    )
    assert query.counts(engine, "anna", NOW, everything=True).day == {Policy.relay: 1}


def test_what_was_stopped_is_counted_by_policy_for_a_day_and_a_week(engine: Engine) -> None:
    for hours, policy in ((1, Policy.rbl), (2, Policy.rbl), (30, Policy.rbl), (30, Policy.spam), (169, Policy.virus)):
        stopped(engine, at=ago(hours=hours), policy=policy)
    assert query.counts(engine, "anna", NOW) == query.Counts({Policy.rbl: 2}, {Policy.rbl: 3, Policy.spam: 1})


def test_sent_mail_is_no_received_mail(engine: Engine) -> None:
    sent, junk = arrived(engine, outcome=Accepted.sent), arrived(engine, outcome=Accepted.junk)
    assert [each.id for each in query.recent_page(engine, "anna")] == [junk]
    assert [each.id for each in query.recent_page(engine, "anna", outcomes={Accepted.sent})] == [sent]


def test_codes_of_a_newer_program_are_no_error(engine: Engine) -> None:
    stopped(engine, policy=57, outcome=44, stage=99, rcpts_known=9, resolved_how=77)
    (found,) = query.day_page(engine, "anna")
    assert (found.policy, found.outcome, found.stage) == (Policy.other, Outcome.refused, Stage.unknown)


def test_times_are_whole_seconds_of_utc(engine: Engine) -> None:
    stopped(engine, at=datetime(2026, 11, 26, 1, 0, 0, 999999, tzinfo=timezone(timedelta(hours=2))))
    assert query.day_page(engine, "anna")[0].blocked_at == datetime(2026, 11, 25, 23, 0, tzinfo=UTC)


def test_admins_find_what_was_stopped_of_a_sender_s_domain(engine: Engine) -> None:
    old = stopped(engine, "anna", ago(days=3), "x@bank.example")
    new = stopped(engine, "tim", ago(days=1), "y@bank.example", site="t", policy=Policy.rcpt)
    stopped(engine, "anna", sender="z@mail.bank.example")
    assert [each.id for each in query.from_domain(engine, "Bank.example")] == [new, old]
    assert [each.id for each in query.from_domain(engine, "bank.example", sites=["s"])] == [old]
    assert [each.id for each in query.from_domain(engine, "bank.example", since=ago(days=2), limit=9)] == [new]
    assert query.from_domain(engine, "bank.example", sites=[]) == ()
