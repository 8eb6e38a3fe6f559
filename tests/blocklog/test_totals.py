"""How much was stopped and accepted, of an account and of sites, on each database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from app.blocklog import totals
from app.blocklog.codes import Accepted, Outcome, Policy
from app.blocklog.totals import Total, Traffic, Unknown
from tests.blocklog.filling import NOW, ago, arrived, stopped


def test_an_account_s_traffic_is_that_of_a_day_and_of_an_hour(engine: Engine) -> None:
    for minutes in (10, 59, 61, 1439, 1441):
        stopped(engine, "anna", ago(minutes=minutes))
    for minutes in (5, 90):
        arrived(engine, "anna", ago(minutes=minutes))
    arrived(engine, "bert", ago(minutes=5))
    assert totals.by_account(engine, "s", NOW) == {"anna": Traffic(4, 2, 2, 1), "bert": Traffic(0, 0, 1, 1)}


def test_neither_delayed_nor_warned_nor_own_faults_nor_sent_mail_is_traffic(engine: Engine) -> None:
    stopped(engine, outcome=Outcome.delayed, policy=Policy.greylist)
    stopped(engine, outcome=Outcome.would_block)
    stopped(engine, policy=Policy.internal)
    arrived(engine, outcome=Accepted.sent)
    assert totals.by_account(engine, "s", NOW) == {}


def test_a_site_sees_nothing_of_another(engine: Engine) -> None:
    stopped(engine, site="s", account="anna")
    stopped(engine, site="t", account="tim", policy=Policy.rcpt)
    stopped(engine, site="t", account="", policy=Policy.rcpt, rcpt="nobody@t.example")
    arrived(engine, site="t", account="tim")
    assert totals.by_account(engine, "s", NOW).keys() == {"anna"}
    assert totals.by_site(engine, ["s", "t", "u"], NOW) == {"s": Traffic(1, 1), "t": Traffic(2, 2, 1, 1)}
    assert {each.policy for each in totals.site_hours(engine, ["s"], ago(days=1), ago(days=-1))} == {Policy.rbl}
    assert totals.unknown(engine, ["s"], ago(days=1)) == ()
    assert totals.sites_known(engine) == ("s", "t")


def test_every_account_counts_also_nobody_and_those_of_the_longest_ids(engine: Engine) -> None:
    long = "u:" + "x" * 697
    for account in ("", long + "a", long + "b", long + "b", ""):
        stopped(engine, account, ago(minutes=30))
    stopped(engine, "", ago(minutes=90))
    arrived(engine, "", ago(minutes=30))
    expected = {"": Traffic(3, 2, 1, 1), long + "a": Traffic(1, 1), long + "b": Traffic(2, 2)}
    assert totals.by_account(engine, "s", NOW) == expected


def test_where_the_database_ends_a_text_early_nobody_is_counted_wrongly(engine: Engine) -> None:
    for account in ("anna", "anna", "annabel"):
        stopped(engine, account, ago(minutes=30))
    for most in range(4, 18) if engine.dialect.name == "mariadb" else ():
        with engine.begin() as connection:  # the pool's only one
            connection.execute(text(f"SET SESSION group_concat_max_len = {most}"))
        assert totals.by_account(engine, "s", NOW) == {"anna": Traffic(2, 2), "annabel": Traffic(1, 1)}, most
    assert totals.by_account(engine, "s", NOW) == {"anna": Traffic(2, 2), "annabel": Traffic(1, 1)}


def test_a_chart_has_quarters_of_an_hour_by_policy_and_nothing_outside_its_time(engine: Engine) -> None:
    begin = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
    for at in (begin.replace(minute=14, second=59), begin, begin.replace(minute=15), NOW, ago(days=3)):
        stopped(engine, at=at)
    stopped(engine, at=begin, policy=Policy.spam)
    stopped(engine, at=begin, policy=Policy.relay)
    stopped(engine, at=begin, outcome=Outcome.would_block)
    expected = (
        Total(begin, Policy.rbl, 2),
        Total(begin, Policy.spam, 1),
        Total(begin.replace(minute=15), Policy.rbl, 1),
    )
    assert totals.hours(engine, "anna", ago(days=1), NOW) == expected
    assert totals.hours(engine, "bert", ago(days=1), NOW) == ()
    for_admins = totals.site_hours(engine, ["s"], ago(days=1), NOW)
    assert for_admins == (*expected[:2], Total(begin, Policy.relay, 1), expected[2])


def test_unknown_recipients_are_those_that_were_tried_most(engine: Engine) -> None:
    for name, hours in (("a", 1), ("b", 2), ("b", 3), ("c", 25)):
        stopped(engine, "", ago(hours=hours), policy=Policy.rcpt, rcpt=f"{name}@isp.example")
    stopped(engine, "", policy=Policy.rbl, rcpt="d@isp.example")
    found = totals.unknown(engine, ["s"], ago(days=1))
    assert found == (Unknown("b@isp.example", 2, ago(hours=2)), Unknown("a@isp.example", 1, ago(hours=1)))
    assert totals.unknown(engine, ["s"], ago(days=1), limit=1) == found[:1]
