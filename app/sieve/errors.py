"""What can be wrong with a rule or a script, in words for the page.

ValueError
├── BadRule       a rule that cannot be: which field, and why
├── Foreign       a piece of script that means more than a rule of ours can say; it stays text
└── Unreadable    a script that cannot be taken apart; nothing in it is changed
"""

from __future__ import annotations


class BadRule(ValueError):
    """A rule that cannot be: `field` names what is wrong, `words` say it beside the field."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


class Foreign(ValueError):
    """A piece of script that no rule of ours could have written."""


class Unreadable(ValueError):
    """A script that cannot be taken apart, from this byte on."""

    def __init__(self, offset: int, words: str) -> None:
        super().__init__(words)
        self.offset = offset
        self.words = words
