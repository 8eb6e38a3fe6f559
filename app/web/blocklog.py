"""The door to the block log, for its pages. Of mail pages one asks it: that of a message in Sent.

While it was silent a moment ago nobody asks it again, so that its pages answer at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from app.blocklog.errors import LogAway
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.serving.timing import timed


@contextmanager
def blocklog() -> Iterator[Engine]:
    """The log's database, for this block. Raises LogAway, LogBusy."""
    held = resources()
    if held.blocklog_gate.shut():
        raise LogAway("the log did not answer a moment ago")
    try:
        with held.blocklog_gate.asking(LogAway), timed("sql"):
            yield held.blocklog
    except LogAway as error:
        logger.warning("the block log does not answer", extra=described(error))
        raise
