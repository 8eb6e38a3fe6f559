"""What the log's pages cost in IMAP: nothing, but for the search for where mail is."""

from __future__ import annotations

import time

import pytest

from tests.budgets.conftest import Counted
from tests.mail.boxes import letter

pytestmark = pytest.mark.servers
WHERE = "/where?q=bank.example"


def test_the_log_costs_no_imap_and_a_search_everywhere_a_few_commands(counted: Counted) -> None:
    counted.sign_in()
    counted.mail.deliver(*(letter(f"Statement {number}", sender="info@bank.example") for number in range(30)))
    counted.mail.append(letter("Prize", sender="x@bank.example"), mailbox="Junk")
    counted.get("/mail/INBOX/")
    for path in ("/blocked", "/received", "/blocked.csv"):
        _, cost = counted.get(path)
        assert cost.commands == []
    answer, cost = counted.get(WHERE)
    assert "reached you" in answer.text
    assert len(cost.commands) <= 9 and cost.received <= 40_000  # NOOP, LIST, and for each of two SELECT, SEARCH, FETCH
    _, cost = counted.get(WHERE)
    assert len(cost.commands) <= 8 and cost.received <= 8_000


def test_waiting_for_a_mail_costs_nothing_while_nothing_comes(counted: Counted) -> None:
    counted.sign_in()
    page = f"q=bank.example&since={int(time.time())}"
    counted.get(f"/expecting?{page}")
    counted.get(f"/expecting/news?{page}")
    with counted.proxy.counting() as cost:
        for _ in range(5):
            counted.visitor.get(f"/expecting/news?{page}")
    assert cost.commands == []
