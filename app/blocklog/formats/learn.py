"""What a spam filter learnt of mail that somebody moved: lines of config/dovecot/sieve/postern-learn, run by Dovecot.

The login comes from Dovecot, and stands first; the Message-ID is a stranger's, and last.
"""

import re
from collections.abc import Iterable

from app.blocklog.codes import Lesson
from app.blocklog.event import Event, Learnt, Line, Odd

PROGRAMS = frozenset({"postern-learn"})
_LINE = re.compile(
    r"user=<(?P<login>[^\s<>,\x00-\x1f\x7f]{1,320})>, class=(?P<kind>spam|ham), outcome=(?P<outcome>[a-z]{1,20}), "
    r"message-id=<(?P<id>[^\s<>\"]{0,250})>"
)


class Reader:
    """Reads each line by itself."""

    def read(self, line: Line) -> Iterable[Event]:
        """Who taught what, and how it went."""
        found = _LINE.fullmatch(line.text)
        if not found or found["outcome"] not in Lesson.__members__:
            return (Odd(line.text[:300], "no line of postern-learn"),)
        lesson = Lesson[found["outcome"]]
        return (Learnt(line.at, found["login"], found["kind"] == "spam", lesson, found["id"]),)
