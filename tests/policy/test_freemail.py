"""Which domains are everybody's."""

from app.policy.freemail import is_free


def test_everybody_s_domains_are_known_and_others_are_not() -> None:
    assert is_free("gmail.com") and is_free("t-online.de") and not is_free("bank.example")
