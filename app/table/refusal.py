"""What no database takes in a text, and whether an error of SQL is a refusal of values, which would come again with
the same ones, and no silence; or a deadlock, which would not.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

# Of a driver's own before it sends anything: a number or a text that it cannot write.
FAULTS: Final = (StatementError, OverflowError, UnicodeError)
_STATES: Final = ("21", "22", "23", "44", "54", "P0")  # of SQL: data, constraints, limits of size, a trigger
# Of MariaDB's and MySQL's: no partition, a trigger, two times a constraint; é compared with what holds ASCII only.
_NUMBERS: Final = (1526, 1644, 3819, 4025, 1267, 1271)
_UNFIT: Final = re.compile("[\0\ud800-\udfff]")


def refuses(error: BaseException | None) -> bool:
    """Whether an error of SQL is about what was to be written or looked for."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, FAULTS)
    if error.connection_invalidated:
        return False
    if str(getattr(error.orig, "sqlstate", None))[:2] in _STATES:
        return True
    number = error.orig.args[0] if error.orig and error.orig.args else None
    return isinstance(error, IntegrityError | DataError) or number in _NUMBERS


def deadlocked(error: DBAPIError) -> bool:
    """Whether the database broke a deadlock: MariaDB's and MySQL's 1213, PostgreSQL's deadlock_detected."""
    arguments: tuple[object, ...] = error.orig.args if error.orig else ()
    return getattr(error.orig, "sqlstate", None) == "40P01" or arguments[:1] == (1213,)


def fitting(values: Any) -> Any:
    """A statement's values with U+FFFD for each NUL, which PostgreSQL refuses, and each half of a character, which no
    driver can write. So they are found nowhere, and equal nothing that lies in a table."""
    if isinstance(values, str):
        unfit = "\0" in values if values.isascii() else _UNFIT.search(values)
        return _UNFIT.sub("\ufffd", values) if unfit else values
    if isinstance(values, Mapping):
        return {name: fitting(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return type(values)(map(fitting, values))
    return values
