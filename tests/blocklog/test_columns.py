"""Texts of strangers fit the columns, and keys compare."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog import columns


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("Alice@ISP.Example", ("alice", "isp.example")),
        ("", ("", "")),
        ("postmaster", ("postmaster", "")),
        ('"a@b"@isp.example.', ('"a@b"', "isp.example")),
        ("x@straße.example", ("x", "xn--strae-oqa.example")),
        ("x@\x00\ufffd", ("x", "\ufffd")),
    ],
)
def test_an_address_is_lower_case_and_its_domain_punycode(value: str, parts: tuple[str, str]) -> None:
    assert columns.address(value) == parts


@pytest.mark.parametrize(
    ("value", "found"),
    [("203.0.113.7", "203.0.113.7"), ("2001:DB8:0:0::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("x", "")],
)
def test_an_ip_is_canonical_or_none(value: str, found: str) -> None:
    assert columns.ip(value) == found


NOT = ("", "01.2.3.4", "1.2.3.256", "1.2.3", "1.2.3.4.5", "1.2.3.4\n", "1.2.3.4 ", "١.2.3.4")


@pytest.mark.parametrize("value", NOT)
def test_what_only_looks_like_an_ip_is_none(value: str) -> None:
    assert columns.ip(value) == ""


@given(st.ip_addresses())
def test_every_ip_is_found_as_python_writes_it(value: IPv4Address | IPv6Address) -> None:
    mapped = value.ipv4_mapped if isinstance(value, IPv6Address) else None
    assert columns.ip(str(value).upper()) == str(mapped or value)


def test_networks_are_those_that_greylisting_takes_for_one() -> None:
    assert columns.network("203.0.113.7") == columns.network("203.0.113.200") != columns.network("203.0.114.7")
    near, far = columns.network("2001:db8:7:0:9::1"), columns.network("2001:db8:8::25")
    assert columns.network("2001:db8:7::25") == near != far
    assert columns.network("") == ""


def test_a_server_is_known_by_its_address_or_its_64() -> None:
    assert columns.server("2001:db8:1:2:3::4") == columns.server("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert columns.server("2001:db8:1:3::4") != columns.server("2001:db8:1:2::4")
    others = {"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "": "", "x": ""}
    assert {each: columns.server(each) for each in others} == others


@given(st.text(max_size=400), st.integers(1, 300))
def test_a_text_is_one_line_and_no_longer_than_its_column(value: str, length: int) -> None:
    found = columns.text(value, length)
    assert len(found) <= length and not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in found)
    found.encode()


def test_only_control_characters_and_ends_of_lines_become_blanks() -> None:
    for code in (*range(0x2100), 0xD800, 0xFFFD):
        found = columns.text(f"a{chr(code)}b", 9)
        assert (found == "a b") == (code <= 32 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029, 0xD800)), hex(code)
        assert found in ("a b", f"a{chr(code)}b")
