"""The door to rules and the action log, in Postern's own database. Mail pages never ask them.

While SQL was silent a moment ago nobody asks it again, so that pages answer at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from app.policy.actions import By
from app.policy.errors import PolicyAway
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.serving.timing import timed
from app.web.session import Current, client_address


@contextmanager
def policy() -> Iterator[Engine]:
    """The database, for this block. Raises PolicyAway."""
    held = resources()
    if held.profile_gate.shut():
        raise PolicyAway("SQL did not answer a moment ago")
    try:
        with held.profile_gate.asking(PolicyAway), timed("sql"):
            yield held.database
    except PolicyAway as error:
        logger.warning("rules do not answer", extra=described(error))
        raise


def by(me: Current) -> By:
    """Who acts, for themselves: as the action log keeps it."""
    return By(me.account.id, me.account.id, me.account.site, client_address())
