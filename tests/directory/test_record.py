"""Fields as administrators write them: read, shown, read again; or refused in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.record import FORMS, by_field, default, parse_record, show
from app.directory.tables import Base

TEXTS = st.text(max_size=12)
FIELDS = {name: st.dictionaries(st.sampled_from(sorted(form.fields)), TEXTS) for name, form in FORMS.items()}


@pytest.mark.parametrize("record", FORMS)
def test_every_field_is_a_column_or_a_name_for_one(record: str) -> None:
    form = FORMS[record]
    columns = set(form.table.__table__.columns.keys())
    for field in form.fields:
        assert field in columns or f"{field}_id" in columns
    assert set(form.key) <= set(form.needs) <= set(form.fields)


@pytest.mark.parametrize(
    "login",
    ["box12345", "user@one.example", "DOMAIN\\user", "user%one.example", "o'brien@one.example", "a+b@one.example",
     "user@one.example\\shared", "müller@one.example", "_system", "A.B-C=9"],
)  # fmt: skip
def test_what_mailboxes_are_called_is_taken(login: str) -> None:
    assert parse_record("account", {"site": "acme", "username": "a", "login": login}) == (
        {"site": "acme", "username": "a", "login": login}, [])  # fmt: skip


@pytest.mark.parametrize(
    "login",
    ["../box1", "a/../b", "/box", "box/", ".box", "user@..", "user@.one", "user.", "DOMAIN\\", "\\user", "a\\..", "-x",
     "+x", "a\tb", "a\x00b", "a b", "a*", "*", "*@one.example", "%", "%one", "a%", "a%b%c", 'a"b', "a`b`", "${a}", "|a",
     "a|b", "a:b", "a,b", "a(b)", "a<b>", "a\u2028b", "a\u200bb", "x" * 256],
)  # fmt: skip
def test_what_would_lead_elsewhere_or_mean_something_on_a_mail_server_is_no_login(login: str) -> None:
    wrong = parse_record("account", {"site": "acme", "username": "a", "login": login})[1]
    assert len(wrong) == 1 and wrong[0].startswith("login: ")


@given(st.data())
def test_any_text_is_read_or_refused_and_what_was_read_reads_back(data: st.DataObject) -> None:
    record = data.draw(st.sampled_from(sorted(FORMS)))
    values, wrong = parse_record(record, data.draw(FIELDS[record]))
    again, _ = parse_record(record, {name: show(value) for name, value in values.items()})
    assert again == values
    assert all(isinstance(each, str) and ":" in each for each in wrong)


@pytest.mark.parametrize(
    ("record", "field", "text", "value"),
    [
        ("site", "name", " ACME ", "acme"),
        ("site", "time_zone", "Asia/Kolkata", "Asia/Kolkata"),
        ("site", "locale", "pt-BR", "pt-BR"),
        ("site", "enabled", "No", False),
        ("site", "time_zone", "", "UTC"),
        ("account", "time_zone", "", None),
        ("account", "kind", "Both", "both"),
        ("account", "username", "ALICE", "alice"),
        ("address", "local", "*", "*"),
        ("address", "domain", "*", "*"),
        ("domain", "name", "Bücher.example", "xn--bcher-kva.example"),
        ("account", "forward_to", "A@b.example;c@d.example a@b.example", "a@b.example, c@d.example"),
        ("server", "imap_port", "1993", 1993),
        ("server", "tls_sha256", "AB:" * 31 + "AB", "ab" * 32),
        ("server", "imap_host", "2001:DB8::1", "2001:db8::1"),
    ],
)
def test_a_field_is_read(record: str, field: str, text: str, value: object) -> None:
    assert parse_record(record, {field: text})[0][field] == value


@pytest.mark.parametrize(
    ("record", "field", "text"),
    [
        ("site", "name", "x" * 81),
        ("site", "name", "a\nb"),
        ("site", "time_zone", "../../etc/passwd"),
        ("site", "time_zone", "Mars"),
        ("site", "locale", "English"),
        ("site", "enabled", "maybe"),
        ("account", "username", "*"),
        ("account", "username", "a b"),
        ("account", "login", "a\r\nb"),
        ("account", "forward_to", "x@y.example " * 1000),
        ("address", "forward_to", "box1@mail1.internal"),
        ("account", "password_hash", "{PLAIN}x"),
        ("account", "password_hash", "{SSHA}" + "A" * 300),
        ("address", "domain", "**"),
        ("server", "imap_port", "-1"),
        ("server", "imap_port", "65536"),
        ("server", "imap_port", "²"),
        ("server", "tls_ca", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"),
        ("server", "state", "sideways"),
    ],
)
def test_a_field_is_refused(record: str, field: str, text: str) -> None:
    values, wrong = parse_record(record, {field: text})
    assert field not in values and wrong[0].startswith(f"{field}: ")


def test_a_page_says_what_is_wrong_without_repeating_what_was_typed() -> None:
    _values, wrong = parse_record("site", {"time_zone": "it's 'No\nwhere'", "log_days": "-1", "name": ""})
    assert by_field(wrong) == {
        "time_zone": "This is not a time zone such as Europe/Berlin.",
        "log_days": "This must be a whole number from 0 to 999999.",
        "name": "This must be given.",
    }


def test_defaults_are_those_of_the_tables() -> None:
    for record, form in FORMS.items():
        for column in form.table.__table__.columns:
            if column.name == "imap_port":
                continue  # by the security, as the other services' (complete.py)
            if column.server_default is not None and column.name in form.fields:
                text = str(getattr(column.server_default, "arg", ""))
                assert text.lower() == str(default(record, column.name)).lower(), (record, column.name)
    assert Base.metadata.tables
