"""Whether a rule would meet a message: as real Pigeonhole decides, on a few hundred random pairs."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest

from app.mail import header
from app.sieve import write
from app.sieve.forward import Forward
from app.sieve.match import Mail, Reading, date_part, holds, reads, searched
from app.sieve.rule import COMPARISONS, RELATIONS, Action, Condition, Rule
from app.sieve.vacation import Vacation
from tests.sieve.pigeonhole import Pigeonhole

READING = Reading(header.decode, lambda raw: [each.address for each in header.addresses(raw)])
MESSAGES = int(os.environ.get("SCRIPTS", "5000")) // 125
SEED = int(os.environ.get("SEED", "1"))

SUBJECTS = (
    "Lunch",
    "Re: [a-list] 100% *free* \\ offer?",
    "=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    "a\r\n b",
    "aaaaaaaab",
    "ÄÖ",
    "x",
)
PEOPLE = (
    '"Al, \\"the\\" Boss" <Al+Work@Example.COM>',
    "bob@b.example",
    "team: c@d.example, E <e@f.example>;",
    "(x) g@h.example (y), <i@j.example>",
    "no address",
    "=?utf-8?b?w4Q=?= <k+@l.example>",
)


def mail(text: bytes, received: datetime | None = None, texts: tuple[str, ...] | None = None) -> Mail:
    block = text.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    moment = received or datetime.now(UTC)
    return Mail(header.fields(block), len(text), moment, READING, texts)


def message(random: Random) -> bytes:
    fields = [f"Subject: {random.choice(SUBJECTS)}"] if random.random() < 0.9 else []
    fields += [f"{name}: {random.choice(PEOPLE)}" for name in ("From", "To", "Cc") if random.random() < 0.8]
    fields += [random.choice(("List-Id: A list <a.list.example>", "X-Spam: yes", "X-Spam: "))]
    random.shuffle(fields)
    return ("\r\n".join([*fields, "", "Hello\r\n" * random.randrange(300)])).encode()


def condition(random: Random, given: Mail) -> Condition:
    """A condition that a message may well meet."""
    kind = random.choice(("header", "header", "address", "exists", "size", "date"))
    negated = random.random() < 0.25
    names = ("subject", "From", "to", "cc", "x-spam", "LIST-ID")
    if kind == "size":
        size = random.choice((given.size - 1, given.size, given.size + 1, 1024))
        return Condition(kind, random.choice(("over", "under")), size=max(0, size), negated=negated)
    if kind == "exists":
        return Condition(kind, "exists", headers=tuple(random.sample(names, random.randrange(1, 3))), negated=negated)
    if kind == "date":
        part = random.choice(("date", "year", "month", "day", "weekday", "hour", "julian", "zone"))
        zone = random.choice(("", "+0530", "-0330"))
        moment = given.received.astimezone(timezone(timedelta(minutes={"": 0, "+0530": 330, "-0330": -210}[zone])))
        op = random.choice((*COMPARISONS, *RELATIONS))
        value = random.choice((date_part(moment, part), "2026-06-01", "2"))
        return Condition(kind, op, (value,), part=part, zone=zone, negated=negated)
    headers = tuple(random.sample(names[1:4] if kind == "address" else names, random.randrange(1, 3)))
    texts = [text for name in headers for text in (given.texts_of if kind == "header" else given.addresses_of)(name)]
    part = random.choice(("", "localpart", "domain", "user", "detail")) if kind == "address" else ""
    op = random.choice(COMPARISONS)
    values = tuple(wanted(random, op, random.choice(texts or ["Lunch"])) for _ in range(random.randrange(1, 3)))
    return Condition(kind, op, values, headers, negated, part, comparator=random.choice(("", "", "i;octet")))


def wanted(random: Random, op: str, text: str) -> str:
    """A piece of a text, or a pattern that it may match."""
    start, end = sorted((random.randrange(len(text) + 1), random.randrange(len(text) + 1)))
    text = random.choice((text, text[start:end], text.rpartition("@")[2], text.partition("@")[0])) or "a"
    text = random.choice((text, text, text.swapcase()))
    if op != "matches":
        return text
    sign, pattern = random.choice("*?"), ""
    for character in text.replace("*", "").replace("?", ""):
        change = random.random()
        pattern += sign if change < 0.2 else "\\" + character if change < 0.25 or character == "\\" else character
    return random.choice((pattern, f"*{pattern}*" if sign == "*" else f"?{pattern}")) or "*"


@pytest.mark.servers
def test_rules_meet_the_messages_that_pigeonhole_says(server_folder):
    pigeonhole, random = Pigeonhole(server_folder), Random(SEED)
    wrong, met, pairs = [], 0, 0
    for _ in range(MESSAGES):
        text = message(random)
        given = mail(text)
        rules = [rule(random, given, f"r{number}") for number in range(40)]
        script = b'require ["date","fileinto","relational","subaddress"];\r\n' + b"".join(map(write.rule, rules))
        filed = pigeonhole.folders(script, text)
        for each in rules:
            pairs += 1
            met += each.name in filed
            if holds(each, given) is not (each.name in filed):
                wrong.append((each.conditions, each.join, text.partition(b"Hello")[0], each.name in filed))
    assert wrong == []
    assert pairs / 5 < met < pairs * 4 / 5


def rule(random: Random, given: Mail, name: str) -> Rule:
    conditions = tuple(condition(random, given) for _ in range(random.choice((1, 1, 2, 3))))
    return Rule(name, conditions, (Action("fileinto", (name,)),), random.choice(("allof", "anyof")))


SPAM = mail(b"From: a@b.example\r\nSubject: Spam\r\n\r\nbuy", datetime(2026, 11, 27, 23, 0, tzinfo=UTC))
YES = Condition("header", "is", ("spam",), ("subject",))
NO = Condition("header", "is", ("ham",), ("subject",))
UNKNOWN = Condition("body", "contains", ("buy",), part="text")


@pytest.mark.parametrize(
    ("join", "conditions", "found"),
    [
        ("allof", (YES, NO), False),
        ("anyof", (NO, YES), True),
        ("allof", (YES, UNKNOWN), None),
        ("allof", (UNKNOWN, NO), False),
        ("anyof", (UNKNOWN, YES), True),
        ("anyof", (UNKNOWN, NO), None),
        ("always", (), True),
    ],
)
def test_what_is_not_known_decides_only_where_it_must(join: str, conditions: tuple[Condition, ...], found: bool | None):
    assert holds(Rule("x", conditions, (Action("keep"),), join), SPAM) is found


def test_a_body_is_compared_where_it_was_given():
    given = mail(b"Subject: x\r\n\r\n", texts=("Please BUY", "<b>other</b>"))
    rule = Rule("x", (UNKNOWN,), (Action("keep"),))
    assert holds(rule, given) is True
    assert holds(Rule("x", (Condition("body", "contains", ("sell",), part="text"),), rule.actions), given) is False
    assert holds(Rule("x", (Condition("body", "contains", ("buy",), part="raw"),), rule.actions), given) is None


def test_a_body_that_was_searched_is_known_as_far_as_a_search_can_tell():
    tests = [UNKNOWN, replace(UNKNOWN, part="raw"), replace(UNKNOWN, part="content", content=("text",))]
    octets, whole = replace(UNKNOWN, comparator="i;octet"), replace(UNKNOWN, op="is")
    given = replace(mail(b"Subject: x\r\n\r\n"), found={("buy",): True})
    for test, met in (*((each, True) for each in tests), (octets, None), (whole, None)):
        assert holds(Rule("x", (test,), (Action("keep"),)), given) is met
        opposite = Rule("x", (replace(test, negated=True),), (Action("keep"),))
        assert holds(opposite, given) is (None if met is None else False)
    assert searched(Rule("x", (*tests, octets, whole), (Action("keep"),))) == (("buy",),)


def test_a_rule_that_would_take_too_long_for_a_message_is_not_tried_on_it():
    values = tuple(f"*a{number}*" for number in range(500))
    rule = Rule("x", (Condition("header", "matches", values, ("x",)),), (Action("keep"),))
    assert holds(rule, mail(b"X: " + b"a" * 1500 + b"\n\n")) is False
    assert holds(rule, mail((b"X: " + b"a" * 1500 + b"\n") * 50 + b"\n")) is None


def test_an_envelope_is_what_the_mail_tells_of_it():
    rule = Rule("x", (Condition("envelope", "is", ("list",), ("from",), part="localpart"),), (Action("keep"),))
    assert holds(rule, mail(b"Return-Path: <list@b.example>\nFrom: a@b.example\n\n")) is True
    assert holds(rule, mail(b"From: list@b.example\n\n")) is True
    assert holds(rule, mail(b"To: list@b.example\n\n")) is False
    assert reads(rule) == {"return-path", "from"}


def test_an_address_book_of_the_server_is_not_known():
    rule = Rule("x", (Condition("address", "list", (":addrbook:default",), ("from",)),), (Action("keep"),))
    assert holds(rule, SPAM) is None


def test_vacations_and_forwardings_have_conditions_too():
    assert holds(Vacation("x", contacts=("A@b.example",)), SPAM) is True
    assert holds(Vacation("x", contacts=("c@b.example",)), SPAM) is False
    assert holds(Forward("a@b.example"), SPAM) is True
    assert reads(Vacation("x", contacts=("A@b.example",))) == {"from"} and reads(Forward("a@b.example")) == frozenset()


@pytest.mark.parametrize(
    ("part", "zone", "value"),
    [
        ("date", "+0100", "2026-11-28"),
        ("date", "", "2026-11-27"),
        ("iso8601", "-0030", "2026-11-27T22:30:00-00:30"),
        ("iso8601", "+0000", "2026-11-27T23:00:00Z"),
        ("weekday", "", "5"),
        ("julian", "", "61371"),
        ("zone", "+0530", "+0530"),
    ],
)
def test_a_date_is_that_of_the_day_it_came_by_the_clock_asked_for(part: str, zone: str, value: str):
    condition = Condition("date", "is", (value,), part=part, zone=zone)
    assert holds(Rule("x", (condition,), (Action("keep"),)), SPAM) is True
