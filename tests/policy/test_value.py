"""What a rule may be about: one spelling of it, and nothing that is none."""

from __future__ import annotations

import pytest

from app.policy.errors import BadValue
from app.policy.value import Kind, canonical, networks, read


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (Kind.sender, " Info@Bank.Example. ", "info@bank.example"),
        (Kind.sender, "a'b+c=d@straße.example", "a'b+c=d@xn--strae-oqa.example"),
        (Kind.sender, '"spam\\mer"@bank.example', "spammer@bank.example"),
        (Kind.sender, '"a\\"b"@bank.example', '"a\\"b"@bank.example'),
        (Kind.domain, "@Bank.example", "bank.example"),
        (Kind.domain, "xn--strae-oqa.example", "xn--strae-oqa.example"),
        (Kind.recipient, "one.example", "one.example"),
        (Kind.recipient, "A@one.example", "a@one.example"),
        (Kind.network, "192.0.2.77/24", "192.0.2.0/24"),
        (Kind.network, "192.0.2.77", "192.0.2.77/32"),
        (Kind.network, "2001:DB8:0::1/64", "2001:db8::/64"),
        (Kind.network, "::ffff:192.0.2.77", "192.0.2.77/32"),
        (Kind.network, "::ffff:192.0.2.77/120", "192.0.2.0/24"),
    ],
)
def test_a_value_has_one_spelling(kind: Kind, typed: str, kept: str) -> None:
    assert canonical(kind, typed) == kept == canonical(kind, kept)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (Kind.sender, "bank.example"),
        (Kind.sender, "a b@bank.example"),
        (Kind.sender, "a\nb@bank.example"),
        (Kind.sender, "@bank.example"),
        (Kind.sender, "a@bank"),
        (Kind.sender, "a@b@bank.example"),
        (Kind.sender, f"{'a' * 256}@bank.example"),
        (Kind.sender, "\udc80@bank.example"),
        (Kind.domain, "a@bank.example"),
        (Kind.domain, "com"),
        (Kind.domain, "*.example"),
        (Kind.domain, ""),
        (Kind.domain, f"{'a.' * 130}example"),
        (Kind.domain, "a..example"),
        (Kind.domain, "\udc80.example"),
        (Kind.network, "0.0.0.0/0"),
        (Kind.network, "192.0.2.0/25"),
        (Kind.network, "::ffff:192.0.2.0/121"),
        (Kind.network, "::ffff:0:0/96"),
        (Kind.network, "bank.example"),
    ],
)
def test_what_is_no_value_is_refused(kind: Kind, typed: str) -> None:
    with pytest.raises(BadValue):
        canonical(kind, typed)


def test_every_network_that_a_rule_may_name_is_asked_for() -> None:
    assert networks("192.0.2.77") == ("192.0.2.77/32", "192.0.2.0/24", "192.0.0.0/16", "192.0.0.0/8")
    assert networks("::ffff:192.0.2.77") == networks("192.0.2.77")
    assert networks("2001:db8::1")[1] == "2001:db8::/64"
    assert networks("unknown") == ()
    assert all(canonical(Kind.network, each) == each for each in networks("2001:db8:1:2::1"))


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [
        (" Info@BANK.example ", Kind.sender, "info@bank.example"),
        ("The Bank <info@bank.example>", Kind.sender, "info@bank.example"),
        ("mailto:info@bank.example", Kind.sender, "info@bank.example"),
        ("@bank.example", Kind.domain, "bank.example"),
        ("*@bank.example", Kind.domain, "bank.example"),
        ("Bücher.example.", Kind.domain, "xn--bcher-kva.example"),
        ("192.0.2.7", Kind.network, "192.0.2.7/32"),
        ("192.0.2.7/24", Kind.network, "192.0.2.0/24"),
        ("2001:DB8::7", Kind.network, "2001:db8::7/128"),
    ],
)
def test_what_somebody_types_is_told_apart(typed: str, kind: Kind, value: str) -> None:
    assert read(typed) == (kind, value)


@pytest.mark.parametrize(
    "typed", ["", " ", "<>", "bank", "*.bank.example", ".example", "1.2.3.4.5", "https://bank.example/", "a@b@", "\x00"]
)
def test_what_is_none_of_them_is_refused(typed: str) -> None:
    with pytest.raises(BadValue):
        read(typed)
