"""A message knows which list it was opened from, as strictly as the list reads its own address."""

from __future__ import annotations

import pytest
from flask import Flask

from app.mail.lastshown import OLDEST_FIRST
from app.web.mailboxes.place import came_from, list_name


@pytest.mark.parametrize(("query", "kept"), [
    ("page=3&q=two+words&sort=-date&view=unread", {"page": 3, "q": "two words", "sort": "-date", "view": "unread"}),
    ("page=1&sort=arrival&view=all&q=", {}), ("sort=-arrival", {"sort": "-arrival"}),
    ("page=-1&q=%0d%0a&sort=evil&view=x", {}), ("page=%D9%A3&sort=--date&view=", {}), ("page=0", {}),
    ("page=99999999999999999999", {"page": 999999999}), ("q=" + "x" * 1000, {"q": "x" * 300}),
])  # fmt: skip
def test_what_a_list_would_not_write_is_left_out(query: str, kept: dict[str, object]):
    with Flask("place").test_request_context(f"/?{query}"):
        assert {name: value for name, value in came_from().items() if value is not None} == kept


def test_a_list_has_one_name_in_its_own_address_in_those_of_its_messages_and_in_a_form():
    with Flask("place").test_request_context("/mail/INBOX/7/5?page=3&q=two++words&sort=-date&view=x"):
        assert list_name() == list_name("/mail/INBOX/?sort=-date&q=two+words") == "\n-date\ntwo words"
        assert list_name("/mail/INBOX/?page=2") == list_name("") == ""
        assert list_name("/mail/INBOX/?sort=-arrival") == OLDEST_FIRST
