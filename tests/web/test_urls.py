"""Mailbox names in addresses, and where a sign-in may lead."""

import pytest
from flask import Flask, url_for
from hypothesis import given
from hypothesis import strategies as st

from app.web.urls import escape_mailbox, local_path, remembered, unescape_mailbox

NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40)


@given(NAMES)
def test_every_name_comes_back_from_its_address(name: str) -> None:
    segment = escape_mailbox(name)
    assert unescape_mailbox(segment) == name
    assert set(segment) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-~")


def test_plain_names_stay_as_they_are() -> None:
    assert escape_mailbox("INBOX") == "INBOX"
    assert escape_mailbox("Sent-Mail_2024") == "Sent-Mail_2024"


def test_everything_else_is_hexadecimal() -> None:
    assert escape_mailbox("a/b %&#.ü") == "a~2fb~20~25~26~23~2e~c3~bc"


@pytest.mark.parametrize(
    "segment", ["", "~", "~4", "~41", "~ff", "~C3~BC", "a.b", "a/b", "~00", "~0d~0a", "~7f", "~c3"]
)
def test_a_segment_that_no_name_is_written_as_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="."):
        unescape_mailbox(segment)


@given(st.text("~0123456789abcdefAZ-_", max_size=12))
def test_each_mailbox_has_one_address_only(segment: str) -> None:
    try:
        name = unescape_mailbox(segment)
    except ValueError:
        return
    assert escape_mailbox(name) == segment


@pytest.mark.parametrize("target", ["/", "/mail/INBOX/", "/mail/INBOX/?page=2&q=a%20b", "/settings/sessions"])
def test_a_path_on_this_site_is_kept(target: str) -> None:
    assert local_path(target) == target


@pytest.mark.parametrize(
    "target",
    [None, "", "//evil.example", "/\\evil.example", "\\\\evil", "https://evil.example", "javascript:alert(1)", "mail",
     "/a\r\nSet-Cookie: x=1", "/a\tb", " /a", "/a b", "/\x00", "/a\\b", "/" + "x" * 3000, "/ü", "/\n/evil.example"],
)  # fmt: skip
def test_everything_else_leads_nowhere(target: str | None) -> None:
    assert local_path(target) is None


def test_templates_get_the_address_that_flask_builds_below_each_prefix(lone_app: Flask) -> None:
    found = remembered(lone_app)
    for prefix in ("", "/mail"):
        with lone_app.test_request_context("/", base_url=f"http://localhost{prefix}"):
            for _ in range(2):
                asked = {"mailbox": "Ärger & Co", "page": 2, "q": None}
                assert found("mailbox.show", **asked) == url_for("mailbox.show", **asked)
                assert found("mailbox.show", **asked).startswith(f"{prefix}/mail/~c3")
