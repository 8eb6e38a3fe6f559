"""When the account was last used, by which way: the web's own use, written once a session, and the page's view of all.

It is written by a thread beside the sign-in, which waits for nothing. While the log is away nobody notices.
"""

import threading
from datetime import UTC, datetime

from app.blocklog.errors import LogError
from app.blocklog.use import LastUse, last_use, used_web
from app.directory.account import Account
from app.web.blocklog import blocklog
from app.web.resources import Resources, resources
from app.web.serving.log import described, logger
from app.web.session import Current

_writers = threading.BoundedSemaphore(4)  # where SQL is slow, further uses are not written


def signed_in(account: Account) -> None:
    """Somebody signed in to the web. Never raises and never waits."""
    held = resources()
    if held.blocklog_gate.resting() or not _writers.acquire(blocking=False):
        return
    writer = threading.Thread(target=_write, args=(held, account.id, account.site, datetime.now(UTC)), daemon=True)
    try:
        writer.start()
    except RuntimeError as error:  # the machine has no thread left
        _writers.release()
        logger.warning("a use could not be written", extra=described(error))


def _write(held: Resources, account_id: str, site: str, at: datetime) -> None:
    try:
        used_web(held.blocklog, account_id, site, at)
    except LogError as error:
        logger.warning("a use could not be written", extra=described(error))
    finally:
        _writers.release()


def mine(me: Current) -> LastUse | None:
    """The signed-in person's; None while the log cannot be asked. Never raises."""
    try:
        with blocklog() as engine:
            return last_use(engine, me.account.id)
    except LogError:
        return None
