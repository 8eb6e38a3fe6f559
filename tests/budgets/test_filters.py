"""What trying a rule costs in IMAP: two commands for the headers, and one for each test of a text."""

from __future__ import annotations

import re

import pytest

from tests.budgets.conftest import Counted

pytestmark = pytest.mark.servers


def test_trying_a_rule_costs_two_commands_and_one_for_each_test_of_a_text(counted: Counted) -> None:
    counted.mail.server.fill(counted.mail.login, (
        f"Subject: {at}\r\n\r\n{'word ' * 2000}invoice\r\n".encode() for at in range(500)
    ))  # fmt: skip
    counted.sign_in()
    counted.get("/mail/INBOX/")
    rows = [("c_about", "body"), ("c_op", "contains"), ("c_header", ""), ("c_zone", ""), ("c_text", "")]
    tests = [pair for text in ("invoice", "caf\u00e9", "invoice") for pair in (*rows, ("c_value", text))]
    does = [("a_does", "read"), ("a_folder", ""), ("a_value", ""), ("a_other", "")]
    form = [("name", "Texts"), ("join", "anyof"), ("enabled", "1"), ("do", "try"), ("can", "body"), *tests, *does]
    answer, cost = counted.post("/filters/rules/new", form)
    if cost.logins:  # a keeper that has no processor for a quarter of a second is left aside for that one request
        answer, cost = counted.post("/filters/rules/new", form)
    assert re.search(r'data-hits="500"', answer.text), answer.text[:2000]
    searches = [each for each in cost.commands if "SEARCH" in str(each)]
    assert cost.logins == 0 and len(searches) == 2 and len(cost.commands) <= 7, cost.commands
    assert cost.received < 160_000, "headers of 500 messages, and nothing of their 5 MB of texts"
