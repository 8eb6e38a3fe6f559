"""What is told, and under which few labels."""

from typing import Any

from app.web.serving import metrics

KEEPER: dict[str, Any] = {
    "servers": {"1 mail.example:993": {"breaker": "open", "lent": 2}, "2 mail.example:993": {"breaker": "closed"}},
    "accounts": 3, "waiting": 0, "watchers": 1, "tally": {"logins": 7},
}  # fmt: skip


def lines(sessions: int | None = None, keeper: dict[str, Any] | None = None) -> list[str]:
    return metrics.text(sessions, keeper).decode().splitlines()


def test_the_keepers_state_is_told() -> None:
    told = lines(4, KEEPER)
    assert "postern_sessions_active 4.0" in told
    assert "postern_keeper_up 1.0" in told
    assert 'postern_breaker_open{server="1 mail.example:993"} 1.0' in told
    assert 'postern_breaker_open{server="2 mail.example:993"} 0.0' in told
    assert 'postern_keeper_connections{server="1 mail.example:993",state="lent"} 2.0' in told
    assert 'postern_keeper_total{what="logins"} 7.0' in told


def test_without_a_keeper_that_is_what_is_told() -> None:
    told = lines()
    assert "postern_keeper_up 0.0" in told
    assert not [line for line in told if line.startswith("postern_sessions_active")]


def test_commands_are_counted_by_kind_and_odd_ones_together() -> None:
    metrics.commands({"UID FETCH": (2, 0.5), "X-CANARY-MAILBOX": (1, 0.1)})
    told = "\n".join(lines())
    assert 'postern_imap_commands_total{kind="UID FETCH"}' in told
    assert 'postern_imap_commands_total{kind="other"}' in told
    assert "CANARY" not in told


def test_only_growth_is_passed_on() -> None:
    growth = metrics.Growth()
    for count in (3, 3, 5):
        growth.take("borrower", {"test_only": count, "text": "x"})
    assert 'postern_borrower_total{what="test_only"} 5.0' in lines()
