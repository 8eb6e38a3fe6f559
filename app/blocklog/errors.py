"""The errors of the block log's boundary, one tree.

LogError
├─ LogBusy  the database did not answer within two seconds: ask for less, or again
└─ LogAway  it is not reachable, or has no tables for this: mail works on without
"""


class LogError(Exception):
    """Root of the tree. Its text is for logs."""


class LogBusy(LogError):
    """A statement took too long, or everything that could have asked is in use."""


class LogAway(LogError):
    """SQL did not answer, or answered that it has no such table."""
