"""What is typed becomes keys, or is refused; nothing in between."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.address import BadAddress, TypedAddress, ascii_domain, local_part, parse_address, shown_domain

SAFE = re.compile(r"[^\x00-\x20\x7f\"\\()<>,;:*\[\]@]+")
LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,10}[a-zA-Z0-9])?", fullmatch=True)
DOMAINS = st.builds(
    lambda labels, top: ".".join([*labels, top]), st.lists(LABELS, max_size=3), st.sampled_from(["example", "Net"])
)
LOCALS = st.from_regex(r"[a-zA-Z0-9._-]{1,20}", fullmatch=True)


@given(st.text(max_size=300))
def test_whatever_is_typed_gives_harmless_keys_or_a_refusal(typed: str) -> None:
    try:
        parsed = parse_address(typed)
    except BadAddress:
        return
    assert SAFE.fullmatch(parsed.local) and len(parsed.address.encode()) <= 254
    assert parsed.domain is None or re.fullmatch(r"[a-z0-9.-]{1,253}", parsed.domain)
    assert parsed.local == parsed.local.lower()


@given(st.text(max_size=80), st.one_of(st.none(), DOMAINS))
def test_reading_a_read_address_changes_nothing(typed: str, domain: str | None) -> None:
    try:
        parsed = parse_address(typed, domain=domain)
    except BadAddress:
        return
    if parsed.domain is not None:
        assert parse_address(parsed.address) == parsed


@given(LOCALS, DOMAINS)
def test_case_and_the_percent_form_make_no_difference(local: str, domain: str) -> None:
    wanted = TypedAddress(local.lower(), domain.lower())
    assert parse_address(f"{local}@{domain}") == wanted
    assert parse_address(f"{local.upper()}@{domain.upper()}") == wanted
    assert parse_address(f"{local}%{domain}") == wanted
    assert parse_address(local, domain=domain) == wanted
    assert parse_address(f"  {local}@{domain}.  ") == wanted


@given(LOCALS, st.text(alphabet="abc+-.", max_size=8), DOMAINS)
def test_detail_is_what_follows_the_first_plus(local: str, detail: str, domain: str) -> None:
    parsed = parse_address(f"{local}+{detail}@{domain}")
    assert parsed.plain == local.lower()


@pytest.mark.parametrize(
    ("typed", "local", "domain"),
    [
        ("a%b%c.example", "a%b", "c.example"),
        ("a%b@c.example", "a%b", "c.example"),
        ("o'brien@x.example", "o'brien", "x.example"),
        ("ÄÖ@x.example", "äö", "x.example"),
        ("a\u0308@x.example", "ä", "x.example"),
        ("x@straße.example", "x", "xn--strae-oqa.example"),
        ("x@faß。example", "x", "xn--fa-hia.example"),
        ("x@ＥＸＡＭＰＬＥ.org", "x", "example.org"),
        ("x@xn--STRAE-oqa.example", "x", "xn--strae-oqa.example"),
        ("x@localhost", "x", "localhost"),
        ("20231234@uni.example", "20231234", "uni.example"),
    ],
)
def test_odd_but_good_addresses_are_understood(typed: str, local: str, domain: str) -> None:
    assert parse_address(typed) == TypedAddress(local, domain)


@pytest.mark.parametrize(
    "typed",
    ["", " ", "@", "%", "a@", "@b", "a b@c.example", "a@b c", "a@b@c.example", "a@-b.example", "a@b-.example", "a@b..c"]
    + [
        "a@.b",
        "a@b_c.example",
        "a@1.2.3.4",
        "a@[::1]",
        "a@*",
        "*@b.example",
        "**@b.example",
        'a"@b.example',
        "<a@b.example>",
    ]
    + ["a\r@b.example", "a\n@b.example", "a\0@b.example", "a@b.example\r\n", "a\\@b.example", "a,b@c.example", "a\t@b"]
    + [
        "a@b\u202e.example",
        "a\u200b@b.example",
        "a\ud800@b.example",
        "a@" + "b" * 64 + ".example",
        "a" * 65 + "@b.example",
    ]
    + ["ä" * 33 + "@b.example", "a" * 255, "a@" + "ü" * 240, "a@" + "xn--" + "a" * 60 + ".example", "a(b)@c.example"],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(BadAddress):
        parse_address(typed)


def test_a_bare_name_has_no_domain_without_a_default() -> None:
    assert parse_address("alice") == TypedAddress("alice", None)
    assert parse_address("alice").address == "alice"
    with pytest.raises(BadAddress):
        parse_address("alice", domain="no domain")


def test_a_plus_in_front_is_part_of_the_name() -> None:
    assert parse_address("+491234@x.example").plain == "+491234"


@given(st.text(max_size=60))
def test_domains_are_shown_as_people_write_them_and_read_back(text: str) -> None:
    try:
        key = ascii_domain(text)
    except BadAddress:
        return
    shown = shown_domain(key)
    assert shown == key or ascii_domain(shown) == key


def test_shown_domains_of_broken_punycode_stay_as_they_are() -> None:
    assert shown_domain("xn--bcher-kva.example") == "bücher.example"
    assert shown_domain("xn--\x7f.example") == "xn--\x7f.example"


@given(st.text(max_size=80))
def test_a_local_part_s_key_is_its_own_key(text: str) -> None:
    try:
        key = local_part(text)
    except BadAddress:
        return
    assert local_part(key) == key
