"""The errors of the profile room, one tree.

ProfileError
├─ ProfileAway  SQL is not reachable, or has no table for this: mail works on without
├─ Full         the account keeps as many as it may
└─ Gone         no such row of this account: deleted meanwhile, or never theirs
"""


class ProfileError(Exception):
    """Root of the tree. Its text is for logs."""


class ProfileAway(ProfileError):
    """SQL did not answer, or answered that it has no such table."""


class Full(ProfileError):
    """There is no room for one more."""


class Gone(ProfileError):
    """The row is not there, or not this account's."""
