"""The errors of the directory's boundary, one tree.

DirectoryError
├─ DirectoryAway    SQL is not reachable, or did not answer in time: try again later
├─ DirectoryBroken  SQL answered, but with something that cannot be used: the operator has to act
├─ ReadOnly         this database user may read the directory, and not change it
└─ NotAccepted      an administrator's change was refused; the text says which value and why
   └─ Overtaken     what was to be changed is no longer as it was seen
"""


class DirectoryError(Exception):
    """Root of the tree. Its text is for logs and the command line, never for the person who signs in."""


class DirectoryAway(DirectoryError):
    """SQL is not reachable or did not answer within its time."""


class DirectoryBroken(DirectoryError):
    """The directory's tables, its query or a row of it cannot be used."""


class NotAccepted(DirectoryError):
    """A change of the directory was refused and nothing was written."""


class Overtaken(NotAccepted):
    """Somebody else changed the row meanwhile, or a row of that key is there by now."""


class ReadOnly(DirectoryError):
    """The directory can be read, and not changed from here."""
