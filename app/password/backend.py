"""What every back-end is given, and does: one new password for one account."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from app.password.errors import BackendAway

SECONDS = 10.0  # a back-end may take so long at each step
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Change:
    """Whose password, and which. `login` is the name on the mail server, `number` the row in Postern's directory, where
    there is one; `old` is None where an administrator sets a new one."""

    address: str
    login: str
    new: str = field(repr=False)
    old: str | None = field(default=None, repr=False)
    number: int | None = None

    def filled(self, template: str, *, without: str = "", written: Callable[[str], str] = str) -> str:
        """A template with {address} {local} {domain} {login} filled in, each as `written`; BackendAway for a value with
        control characters, or one of those in `without`, which would mean something where it goes."""
        local, _, domain = self.address.rpartition("@")
        values = {"address": self.address, "local": local, "domain": domain, "login": self.login}

        def value(found: re.Match[str]) -> str:
            text = values[found[1]]
            if _CONTROL.search(text) or any(each in text for each in without):
                raise BackendAway("the account's name cannot be written there")
            return written(text)

        return re.sub(r"\{(address|local|domain|login)\}", value, template)


class Backend(Protocol):
    """One way to change passwords; made once a process, and used by several threads at once."""

    @property
    def without_old(self) -> bool:
        """Whether it sets a password anew for who does not know the former one."""

    def change(self, change: Change) -> None:
        """Returns once the new password is in force. Raises PasswordError."""

    def look(self) -> str:
        """What it is, for an operator, once it was seen to answer. It changes nothing. BackendAway says why not."""
