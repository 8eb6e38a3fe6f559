"""The errors of ManageSieve, one tree. `text` is for logs; what a server says of a script stands on that script's page.

SieveError
├─ Away           refused, silent, closed, or what it says is no ManageSieve  (.retry_after seconds)
│  ├─ Unmet       not even its greeting came: nobody could ask it anything
│  └─ Late        time ran out over what takes as long for everybody: signing in, reading scripts
├─ CannotDo       the server offers no TLS, or no way to sign in with a password
├─ SignInFailed   it does not take the login that IMAP takes, or cannot tell at the moment
├─ TooLarge       a script beyond our bounds, before a byte went out
├─ BadName        a name that must not reach the wire
└─ Refused        a NO  (.code)
   ├─ BadScript   the script is none  (.faults, with their lines)
   ├─ OverQuota   no room for the script, or for one of its size
   └─ NoScript    there is no script of that name
"""

from __future__ import annotations

from dataclasses import dataclass


class SieveError(Exception):
    """Base of all."""

    def __init__(self, text: str = "", *, code: str = "") -> None:
        super().__init__(text)
        self.text, self.code = text, code


class Away(SieveError):
    """The server cannot be reached, or stopped answering: what was asked last may have been done."""

    retry_after = 10.0


class Unmet(Away):
    """No connection, or no greeting on it, whoever asks."""


class Late(Away):
    """It took the connection, and what it said was not said in time."""


class CannotDo(SieveError):
    """The server lacks what is needed."""


class SignInFailed(SieveError):
    """The server did not take the login."""


class TooLarge(SieveError):
    """The script is larger than we take."""


class BadName(SieveError, ValueError):
    """No name for a script: RFC 5804 §1.6, and nothing that a server could take for a path."""


class Refused(SieveError):
    """The server said NO."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a server finds wrong in a script; `line` from 1 on, 0 where it does not say."""

    line: int
    text: str


class BadScript(Refused):
    """The server cannot compile the script."""

    def __init__(self, text: str, faults: tuple[Fault, ...]) -> None:
        super().__init__(text)
        self.faults = faults


class OverQuota(Refused):
    """There is no room."""


class NoScript(Refused):
    """There is no script of that name."""
