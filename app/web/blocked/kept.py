"""Gives out what a quarantine keeps, to the account that the message was for and nobody else, and writes that down."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
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
from app.policy.endpoint import ACTIONS, asked
from app.policy.errors import PolicyAway
from app.policy.release import NotReleased, QuarantineAway, release
from app.profile import once
from app.profile.errors import ProfileAway
from app.web.blocked.asked import place_text
from app.web.blocklog import blocklog
from app.web.policy import policy
from app.web.profile import profile
from app.web.resources import resources
from app.web.serving.log import described, logger
from config.default import Settings

NOT_ASKED = "The quarantine does not answer at the moment. The message is still kept; try again in a while."
NOT_GIVEN = (
    "The quarantine no longer has this message, or does not give it out. Nothing was changed; ask your provider."
)
_HOLDS = timedelta(days=90)  # until nothing is kept any more
# As amavis names its files by default.
_FILES = {Policy.spam: "spam-{}.gz", Policy.mime: "banned-{}", Policy.header: "badh-{}"}


def gives_out(settings: Settings, row: Block) -> tuple[str, ...]:
    """What can be done with what is kept of a message: "release", "delete", or nothing."""
    keeper, _, kept = (row.stored_ref or "").partition(":")
    if not kept or row.policy is Policy.virus or row.resolved_at is not None:
        return ()
    if keeper == "amavis" and settings.amavis_release:
        return ("release",)  # AM.PDP has no word for deleting
    return ACTIONS if keeper != "amavis" and settings.release_url else ()


class DoneAlready(NotReleased):
    """Another request has done it, or is doing it."""


def let_out(account: Account, row: Block, by: By, detail: dict[str, Any]) -> None:
    """Has a message put back into the mail system, once. Raises NotReleased; what comes after it never raises."""
    keeper, _, kept = (row.stored_ref or "").partition(":")
    settings, recipient = resources().settings, _recipient(account, row)
    with _once(account, row):
        if keeper == "amavis":
            file = _FILES.get(row.policy, "").format(kept) if settings.amavis_files else ""
            release(settings.amavis_release or "", kept, recipient, file=file, by=f"postern {account.id}")
        else:
            _ask("release", row, recipient)
    settle(account, row, Resolved.released)
    note(by, "release", row.sender, detail)


def delete(account: Account, row: Block, by: By, detail: dict[str, Any]) -> None:
    """Has what is kept deleted, for this account. Raises NotReleased."""
    with _once(account, row):
        _ask("delete", row, _recipient(account, row))
    settle(account, row, Resolved.expired)
    note(by, "delete", row.sender, detail)


@contextmanager
def _once(account: Account, row: Block) -> Iterator[None]:
    """For what is done to a kept message once, though two ask for it in the same moment. Raises NotReleased."""
    what = f"kept {place_text(*row.place)}"
    try:
        with profile() as engine:
            ours = once.claim(engine, account.id, what, _now())
    except ProfileAway as error:
        raise QuarantineAway("nobody can tell whether it is being released") from error
    if not ours:
        raise DoneAlready(what)
    try:
        yield
    except NotReleased:
        with suppress(ProfileAway), profile() as engine:
            once.give_back(engine, account.id, what, _now())
        raise
    with suppress(ProfileAway), profile() as engine:  # the log's row says so, too
        once.done(engine, account.id, what, _now(), _HOLDS)


def _ask(action: str, row: Block, recipient: str) -> None:
    settings = resources().settings
    asked(
        settings.release_url or "", settings.release_secret or "", action, row.stored_ref or "", recipient,
        message_id=row.message_id or "", ca_file=str(settings.ca_file) if settings.ca_file else None,
    )  # fmt: skip


def settle(account: Account, row: Block, how: Resolved) -> None:
    """Writes into the log what became of a message in the end. Never raises: it is done already."""
    try:
        with blocklog() as engine:
            resolved(engine, account.id, row.place, how, _now())
    except LogError as error:
        logger.warning("what became of a kept message was not written into the log", extra=described(error))


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
