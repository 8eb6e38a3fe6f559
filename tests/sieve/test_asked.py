"""A condition in a form and back: nothing is lost, and what a form says wrongly is told."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from app.sieve.asked import ABOUTS, ACTION_WANTS, WANTS, Asked, asked, condition
from app.sieve.errors import BadRule
from app.sieve.needs import needs_of
from app.sieve.rule import Condition
from tests.sieve import scripts


@pytest.mark.parametrize(
    ("form", "made"),
    [
        (Asked("sender", "is", ("a@b.example",)), Condition("address", "is", ("a@b.example",), ("from",))),
        (
            Asked("sender", "domain", ("b.example",)),
            Condition("address", "is", ("b.example",), ("from",), part="domain"),
        ),
        (
            Asked("recipient", "contains", ("x",), negated=True),
            Condition("header", "contains", ("x",), ("to", "cc"), True),
        ),
        (Asked("subject", "matches", ("x*",)), Condition("header", "matches", ("x*",), ("subject",))),
        (Asked("list", "exists"), Condition("exists", "exists", headers=("list-id",))),
        (Asked("header", "is", ("x",), "X-Spam"), Condition("header", "is", ("x",), ("X-Spam",))),
        (Asked("size", "over", ("5M",)), Condition("size", "over", size=5 * 2**20)),
        (Asked("body", "contains", ("x",)), Condition("body", "contains", ("x",), part="text")),
        (
            Asked("date", "before", ("2026-12-20",), zone="+0100"),
            Condition("date", "lt", ("2026-12-20",), part="date", zone="+0100"),
        ),
    ],
)
def test_a_form_and_a_condition_say_the_same(form: Asked, made: Condition):
    assert condition(form) == made
    assert asked(made) == form
    assert asked(replace(made, headers=tuple(map(str.title, made.headers)))).about == form.about


def test_every_condition_goes_into_the_form_and_back():
    random = Random(1)
    seen = set()
    for _ in range(1500):
        made = scripts.condition(random)
        form = asked(made)
        assert condition(form) in (made, replace(made, headers=tuple(name.lower() for name in made.headers)))
        seen.add(form.about)
    assert seen >= {"header", "size", "body", "subject", "other"}


@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("about", Asked("moon")),
        ("op", Asked("sender", "over", ("x",))),
        ("value", Asked("sender", "is", ("",))),
        ("value", Asked("size", "over", ("many",))),
        ("value", Asked("size", "over", ("3G",))),
        ("value", Asked("size", "over", ("1K", "2K"))),
        ("value", Asked("date", "on", ("20.12.2026",))),
        ("value", Asked("date", "on", ("20261220",))),
        ("zone", Asked("date", "on", ("2026-12-20",), zone="Berlin")),
        ("header", Asked("header", "is", ("x",), "a b")),
        ("header", Asked("header", "exists", (), "")),
        ("text", Asked("other", text="discard; keep")),
        ("text", Asked("other", text="\ud800")),
        ("text", Asked("other", text='header :is "a" "b" } discard; {')),
    ],
)
def test_what_a_form_says_wrongly_is_told_beside_it(field: str, form: Asked):
    with pytest.raises(BadRule) as told:
        condition(form)
    assert told.value.field == field


def test_sizes_are_typed_as_people_write_them():
    assert {condition(Asked("size", "over", (text,))).size for text in ("2048", "2K", "2 kB", " 2KB ")} == {2048}


def test_what_the_server_must_offer_is_what_the_rule_will_need():
    for about in set(ABOUTS) - {"other"}:
        value = {"size": "1K", "date": "2026-12-20"}.get(about, "x")
        for op in ABOUTS[about]:
            made = condition(Asked(about, op, () if op == "exists" else (value,), "x" if about == "header" else ""))
            assert needs_of(made) <= WANTS[about]
    assert ACTION_WANTS["copy"] == {"fileinto", "copy"} and not ACTION_WANTS["redirect"]
