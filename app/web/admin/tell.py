"""Tells owners by mail that an administrator has their mail sent to somebody new: whoever that is, as an address of the
site's own may lead anywhere."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.directory import forwarding
from app.directory.resolve import account as resolved
from app.web.notice import announce
from app.web.resources import resources

Row = Mapping[str, Any]


def early(before: Row, after: Row) -> bool:
    """Whether an owner was told whose mailbox is to get nothing more: while its mail still comes there."""
    if before["kind"] == "forward" or after["kind"] != "forward" or not forwarding.news(before, after):
        return False
    owner = resolved(resources().directory, str(before["account_id"]))
    return owner is not None and _told(before, after, replace(owner, kind="forward"), [owner.address])


def late(before: Row, after: Row) -> bool:
    """Tells who was not told before the change; False where nobody could be."""
    if not forwarding.news(before, after):
        return True
    owner = resolved(resources().directory, str(before["account_id"]))
    return owner is not None and _told(before, after, owner, forwarding.stored(before["forward_to"]))


def _told(before: Row, after: Row, owner: Any, former: Any) -> bool:
    fresh = forwarding.news(before, after)
    return announce.forwarding(owner, fresh, datetime.now(UTC), by_admin=True, former=former)
