"""Addresses as they are written: in punycode on the wire, in their own letters for people, refused with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.address import BadAddress, needs_utf8, normal, on_wire


@pytest.mark.parametrize(
    ("typed", "shown", "wire"),
    [
        ("Bob@Example.ORG", "Bob@example.org", "Bob@example.org"),
        ("joerg@straße.example", "joerg@straße.example", "joerg@xn--strae-oqa.example"),
        ("joerg@XN--STRAE-OQA.example", "joerg@straße.example", "joerg@xn--strae-oqa.example"),
        ("u@例え。テスト", "u@例え.テスト", "u@xn--r8jz45g.xn--zckzah"),
        ("jo\u0308rg@example.org", "jörg@example.org", "jörg@example.org"),
        ('"a..b"@docomo.ne.jp', '"a..b"@docomo.ne.jp', '"a..b"@docomo.ne.jp'),
        ('"bob"@example.org', "bob@example.org", "bob@example.org"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@[IPv6:2001:DB8::1]", "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"),
        ("o'brien+x=y@a-b.example", "o'brien+x=y@a-b.example", "o'brien+x=y@a-b.example"),
    ],
)
def test_an_address_has_one_form_for_people_and_one_for_the_wire(typed, shown, wire):
    assert (normal(typed), on_wire(typed), on_wire(normal(typed))) == (shown, wire, wire)


def test_a_domain_that_imitates_another_stays_in_punycode():
    assert normal("r@аррӏе.com") == "r@xn--80ak6aa92e.com"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("bob", "has no @"),
        ("@example.org", "has nothing before the @"),
        ("bob@", "has nothing after the @"),
        ("a@b@example.org", "has more than one @"),
        ("a b@example.org", "has a space before the @"),
        (".a@example.org", "has a dot too many before the @"),
        ("a..b@example.org", "has a dot too many before the @"),
        ("a\r\nBcc: x@example.org", "has a space before the @"),
        ("a\0b@example.org", "has a character before the @ that no address has"),
        ("a\u202eb@example.org", "has a character before the @ that no address has"),
        ("a(b)@example.org", "has a character before the @ that no address has"),
        ('"a b"@example.org', "has a space before the @"),
        ("a@example.org\r\nX: y", "has a domain that cannot exist"),
        ("a@exa mple.org", "has a domain that cannot exist"),
        ("a@-x.example", "has a domain that cannot exist"),
        ("a@x..example", "has a domain that cannot exist"),
        ("a@☕\u200b.example", "has a domain that cannot exist"),
        ("a@[192.0.2.300]", "has a domain that cannot exist"),
        ("a@[fe80::1%eth0]", "has a domain that cannot exist"),
        ("a@192.0.2.1", "has a number for a domain"),
        ("a" * 65 + "@example.org", "is too long before the @"),
        ("a@" + "ü" * 300 + ".example", "is too long"),
        ("a" * 64 + "@" + ".".join(["b" * 60] * 4), "is too long"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(typed, why):
    with pytest.raises(BadAddress) as refused:
        on_wire(typed)
    assert refused.value.text == why


def test_only_a_local_part_beyond_ascii_needs_smtputf8():
    assert needs_utf8("jörg@example.org")
    assert not needs_utf8("joerg@straße.example")


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_passes_is_one_word_without_controls(left, right):
    try:
        wire = on_wire(f"{left}@{right}")
    except BadAddress:
        return
    assert wire.isprintable() and not set(wire) & set(' ,;:<>()\\') - set(":" if "[" in wire else "")
    assert on_wire(normal(wire)) == wire
