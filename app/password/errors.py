"""The errors of changing a password, one tree. Each says whether something was changed.

    PasswordError
     ├── BackendAway   certain: nothing was changed; it could not be asked, or cannot do it
     ├── OldRefused    certain: nothing was changed; it does not know the former password
     ├── Rejected      certain: nothing was changed; it does not take the new password, and says why
     └── Unsettled     nobody can tell: the line ended after the new password had been sent
"""


class PasswordError(Exception):
    """What may go wrong; the text is for the log, and holds no password."""


class BackendAway(PasswordError):
    """Nothing was changed: the back-end could not be asked, or is not set up for it."""


class OldRefused(PasswordError):
    """Nothing was changed: the back-end does not take the former password."""


class Rejected(PasswordError):
    """Nothing was changed: the back-end does not want this password. `words`: its own, for a person; one line."""

    def __init__(self, words: str) -> None:
        super().__init__("the new password is not taken")
        self.words = "".join(each if each.isprintable() else " " for each in words[:300]).strip()


class Unsettled(PasswordError):
    """It may have been changed, or not."""
