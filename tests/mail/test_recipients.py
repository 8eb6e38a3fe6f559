"""What people type and paste into To: every address is found, every other word comes back with the reason."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.address import on_wire
from app.mail.field import address_list
from app.mail.header import Address
from app.mail.recipients import Fault, recipients


def found(text):
    """Names and addresses, where nothing is wrong."""
    parsed = recipients(text)
    assert parsed.faults == ()
    return [(each.name, each.address) for each in parsed.addresses]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", []),
        (" , ;\r\n", []),
        ("a@x.org", [("", "a@x.org")]),
        ("a@x.org, b@x.org; c@x.org\nd@x.org e@x.org", [("", f"{letter}@x.org") for letter in "abcde"]),
        ("Bob <a@x.org>", [("Bob", "a@x.org")]),
        ('"Smith, \\"J\\"" <a@x.org>', [('Smith, "J"', "a@x.org")]),
        ("Bob Smith a@x.org Ann b@x.org", [("Bob Smith", "a@x.org"), ("Ann", "b@x.org")]),
        ("a@x.org (Bob)", [("Bob", "a@x.org")]),
        ("Bob <a@x.org> Ann <b@x.org>", [("Bob", "a@x.org"), ("Ann", "b@x.org")]),
        ("a@x.org Ann <b@x.org>", [("", "a@x.org"), ("Ann", "b@x.org")]),
        ("a@x.org <a@x.org>", [("a@x.org", "a@x.org")]),
        ("Team: a@x.org, Bob <b@x.org>; c@x.org", [("", "a@x.org"), ("Bob", "b@x.org"), ("", "c@x.org")]),
        ("undisclosed-recipients:;", []),
        ("To: a@x.org", [("", "a@x.org")]),
        ("a@x.org Team: b@x.org", [("", "a@x.org"), ("", "b@x.org")]),
        ("mailto:a@x.org, <mailto:b@x.org>", [("", "a@x.org"), ("", "b@x.org")]),
        ("Smith, John <a@x.org>; Doe, Ann <b@x.org>", [("Smith, John", "a@x.org"), ("Doe, Ann", "b@x.org")]),
        ("a＠x.org、b@x.org，c@x.org；", [("", "a@x.org"), ("", "b@x.org"), ("", "c@x.org")]),
        ("“a@x.org”, 'b@x.org', \"c@x.org\"", [("", "a@x.org"), ("", "b@x.org"), ("", "c@x.org")]),
        ("\ufeffa@x.org\u200b,\xa0b@x.org.", [("", "a@x.org"), ("", "b@x.org")]),
        ("a@x.org, A@X.org", [("", "a@x.org")]),
        ("a@straße.example", [("", "a@straße.example")]),
        ('"a..b"@docomo.ne.jp x@[IPv6:::1]', [("", '"a..b"@docomo.ne.jp'), ("", "x@[IPv6:::1]")]),
        ("Bob\t<a@x.org>\tAnn\t<b@x.org>", [("Bob", "a@x.org"), ("Ann", "b@x.org")]),
        ("<a@x.org", [("", "a@x.org")]),
        ("Bob\r\n <a@x.org>", [("Bob", "a@x.org")]),
        ("“Bob” <a@x.org>", [("Bob", "a@x.org")]),
    ],
)
def test_addresses_are_found_as_people_write_them(typed, expected):
    assert found(typed) == expected


@pytest.mark.parametrize(
    ("typed", "faults"),
    [
        ("bob", [("bob", "has no @")]),
        ("bob, a@x.org", [("bob", "has no @")]),
        ("Bob Smith, Ann <a@x.org>", [("Bob Smith", "has no @")]),
        ("x y@, a@x.org", [("x y@", "has nothing after the @")]),
        ("a@@x.org", [("a@@x.org", "has more than one @")]),
        ("Bob <bob>", [("Bob bob", "has no @")]),
        ("bob@gmail", [("bob@gmail", "has a domain without a dot")]),
        ("a@x..org", [("a@x..org", "has a domain that cannot exist")]),
        ("a@192.0.2.1", [("a@192.0.2.1", "has a number for a domain")]),
        ("a@x.org bob", [("bob", "has no @")]),
        ("Bob\r\nAnn <a@x.org>", [("Bob", "has no @")]),
        ("(just a remark)", [("(just a remark)", "has no @")]),
    ],
)
def test_what_is_no_address_is_told_with_its_reason(typed, faults):
    assert [(fault.word, fault.why) for fault in recipients(typed).faults] == faults


def test_too_long_a_list_is_one_fault():
    parsed = recipients("a@x.org," * 10_000)
    assert parsed.addresses == () and parsed.faults == (Fault("a@x.org," * 5 + "…", "is too long a list"),)


@given(st.text("ab@.,;:<>()\"\\ \r\n\t\0[]üß、", max_size=60) | st.text(max_size=60))
def test_nothing_raises_and_whatever_is_found_can_be_written(text):
    parsed = recipients(text)
    assert all(on_wire(each.address) for each in parsed.addresses)
    address_list("To", parsed.addresses)


LOCALS = st.from_regex(r"[a-z]{1,9}", fullmatch=True)


@given(st.lists(st.tuples(st.text("abc, .<>@\"", max_size=12), LOCALS), max_size=5))
def test_what_our_own_header_says_is_read_back(pairs):
    mailboxes = {f"{local}@x.example": Address(" ".join(name.split()), f"{local}@x.example") for name, local in pairs}
    written = address_list("To", mailboxes.values()).decode()[4:].replace("\r\n", "")
    parsed = recipients(written)
    assert [each.address for each in parsed.addresses] == list(mailboxes) and not parsed.faults


@pytest.mark.parametrize("part", ['\\"', '"', "<", "(", "a@", ":", '"a@', "\\", "x@[", "a@b.co ", '"a" '])
@pytest.mark.slow
def test_time_grows_with_the_length_only(part):
    started = time.process_time()
    recipients(part * (64 * 1024 // len(part)))
    assert time.process_time() - started < 3
