"""The errors of the policy room, one tree.

PolicyError
├─ PolicyAway  SQL is not reachable, or has no table for this: mail works on without
├─ BadValue    it is no address, no domain, no network that a rule could name; the text says why
├─ Full        the scope has as many rules as it may
├─ Locked      a wider scope has decided this for all below it
├─ Changed     it is no longer as the form shows it
└─ Gone        no such row of this scope or account: removed meanwhile, never theirs, or too old to be taken back
"""


class PolicyError(Exception):
    """Root of the tree. Its text is for logs."""


class PolicyAway(PolicyError):
    """SQL did not answer, or answered that it has no such table."""


class BadValue(PolicyError):
    """A rule cannot be about this."""


class Full(PolicyError):
    """There is no room for one more."""


class Locked(PolicyError):
    """A wider scope does not let it be chosen."""


class Changed(PolicyError):
    """Somebody changed it meanwhile, in another tab or program."""


class Gone(PolicyError):
    """The row is not there, or not theirs."""
