"""What an error page says, in parts; and the errors of the web's own that have a page."""

from dataclasses import dataclass

NOTHING_LOST = "Nothing was changed or lost."
AGAIN = "Try again in a moment."
HELP = "If it happens again, ask your provider and name the request below."
RELOAD = "Go back to the list and open it again."


class BadHost(Exception):
    """The Host header names no host of this node."""


class Unencrypted(Exception):
    """http where a password would cross a network."""


class ForeignRequest(Exception):
    """A change that another site asked for."""


class NotYours(Exception):
    """The form named a session that is not one of the account's (any more)."""


class Busy(Exception):
    """Too many sign-ins at once on this worker."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of error page. `retry_after` in seconds; `retry`: whether the same page is offered again."""

    status: int
    title: str
    text: str
    kept: str = ""
    todo: str = ""
    retry_after: int | None = None
    retry: bool = False
