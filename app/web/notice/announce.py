"""Tells somebody by mail what changed about their account that they should know of: mail that now goes elsewhere too,
and senders that an administrator shut out for all. The change itself never waits for this mail, nor fails with it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.blocklog.reason import cleaned
from app.directory.account import Account
from app.web.format import clock, in_zone, long_day
from app.web.notice.post import Letter, NotSent, open_post, set_up
from app.web.resources import resources
from app.web.serving.log import described, logger

MOST_SHOWN = 20  # of targets


def forwarding(
    account: Account, targets: Sequence[str], now: datetime, *, by_admin: bool = False, former: Iterable[str] = ()
) -> bool:
    """That mail is forwarded to some new addresses; whether that mail left. An account without a mailbox is told where
    its mail went before (`former`): at its own address only the new targets would read it."""
    kept = account.kind != "forward"
    said = "is now also sent to:" if kept else "is now sent to:"
    shown = [f"    {cleaned(each, 320)}" for each in targets[:MOST_SHOWN]]
    more = [f"    and {len(targets) - MOST_SHOWN} more"] if len(targets) > MOST_SHOWN else []
    lines = [_who(account, now, by_admin), "", f"Mail to {account.address} {said}", *shown, *more]
    return _told(account, [account.address] if kept else list(former), "Your mail is forwarded", lines)


def shut_out(account: Account, what: str, now: datetime) -> bool:
    """That an administrator's rule refuses mail to the account from a sender, a domain or a network, or from all."""
    lines = [_who(account, now, True), "", f"Mail to {account.address} is refused when it comes from:"]
    subject = "An administrator set a rule about your mail"
    return _told(account, [account.address], subject, [*lines, f"    {cleaned(what, 320)}"])


def denials(account: Account, what: Sequence[str], now: datetime) -> bool:
    """That rules of the account's own scripts refuse or throw away all of its mail."""
    lines = [_who(account, now, False), "", f"What is new in the filters of {account.address}:"]
    lines += [f"    {cleaned(each, 320)}" for each in what[:MOST_SHOWN]]
    lines += ["", "Your filters:", f"{resources().settings.public_url or ''}/filters"]
    return _told(account, [account.address], "Your mail is thrown away or refused", lines)


def password(account: Account, now: datetime, *, by_admin: bool = False) -> bool:
    """That there is a new password."""
    said = f"The password of {account.address} is a new one. All other sessions were ended."
    lines = [_who(account, now, by_admin), "", said]
    return _told(account, [account.address], "Your password was changed", lines)


def _who(account: Account, now: datetime, by_admin: bool) -> str:
    zone = _zone(account)
    who = "An administrator" if by_admin else "Somebody who was signed in with your password"
    return f"{who} changed this on {long_day(in_zone(now, zone).date())}, {clock(now, zone)} ({zone.key})."


def _zone(account: Account) -> ZoneInfo:
    try:
        return ZoneInfo(account.time_zone or "UTC")
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC")


def _told(account: Account, addresses: Sequence[str], subject: str, lines: Sequence[str]) -> bool:
    """Sends it to each address; whether all of these mails left. Never raises."""
    settings = resources().settings
    if not set_up(settings) or not addresses:
        return False
    site = settings.public_url or ""
    foot = ["", "If that is not right, tell your administrator. All that was done to your account, and by whom:"]
    text = "\n".join([*lines, *foot, f"{site}/settings/actions", ""])
    brand = resources().brands.by_id.get(account.brand or "")
    name = brand.name if brand else "Postern"
    try:
        with open_post(settings) as post:
            for address in addresses[:MOST_SHOWN]:
                post.send(Letter(address, subject, text), name, datetime.now().astimezone())
    except (NotSent, ValueError) as error:
        logger.warning("an announcement did not leave", extra=described(error))
        return False
    return True
