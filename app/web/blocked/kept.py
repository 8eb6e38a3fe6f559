"""Gives out what a quarantine keeps, to the account that the message was for and nobody else, and writes that down."""

from datetime import UTC, datetime
from typing import Any

from app.blocklog.codes import Policy, Resolved
from app.blocklog.errors import LogError
from app.blocklog.query import Block
from app.blocklog.resolve import resolved
from app.directory.account import Account
from app.directory.errors import DirectoryError
from app.directory.resolve import resolve
from app.policy import actions
from app.policy.actions import By
from app.policy.errors import PolicyAway
from app.policy.release import release
from app.web.blocklog import blocklog
from app.web.policy import policy
from app.web.resources import resources
from app.web.serving.log import described, logger

NOT_ASKED = "The quarantine does not answer at the moment. The message is still kept; try again in a while."
NOT_GIVEN = (
    "The quarantine no longer has this message, or does not give it out. Nothing was changed; ask your provider."
)
# As amavis names its files by default.
_FILES = {Policy.spam: "spam-{}.gz", Policy.mime: "banned-{}", Policy.header: "badh-{}"}


def let_out(account: Account, row: Block, by: By, detail: dict[str, Any]) -> None:
    """Has amavis put a message back into the mail system. Raises NotReleased; what comes after it never raises."""
    kept, settings = (row.stored_ref or "").partition(":")[2], resources().settings
    file = _FILES.get(row.policy, "").format(kept) if settings.amavis_files else ""
    release(settings.amavis_release or "", kept, _recipient(account, row), file=file, by=f"postern {account.id}")
    try:
        with blocklog() as engine:
            resolved(engine, account.id, row.place, Resolved.released, _now())
    except LogError as error:
        logger.warning("a release was not written into the log", extra=described(error))
    note(by, "release", row.sender, detail)


def note(by: By, verb: str, target: str, detail: dict[str, Any]) -> None:
    """Writes down what was done already: that this cannot be written takes nothing back."""
    try:
        with policy() as engine:
            actions.recorded(engine, by, verb, target, _now(), detail)
    except PolicyAway:
        logger.warning("an action was not written down", extra={"verb": verb})


def _recipient(account: Account, row: Block) -> str:
    """The address that it was sent to, while that leads to this account alone; else the account's own."""
    try:
        owner = resolve(resources().directory, row.rcpt, catch_all=True)
    except DirectoryError:
        owner = None
    return row.rcpt if owner is not None and owner.id == account.id else account.address


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
