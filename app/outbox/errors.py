"""The errors of the outbox, one tree.

OutboxError
├─ OutboxAway  SQL is not reachable, or has no table for this: send in the request, or try again
└─ ClaimLost   another courier, or the user, has the mail by now: nothing more is done with it here
"""


class OutboxError(Exception):
    """Root of the tree. Its text is for logs."""


class OutboxAway(OutboxError):
    """SQL did not answer, or answered that it has no such table."""


class ClaimLost(OutboxError):
    """The row is no longer this courier's."""
