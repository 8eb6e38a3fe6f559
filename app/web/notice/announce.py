"""Tells somebody by mail what changed about their account that they should know of: mail that now goes elsewhere too,
and senders that an administrator shut out for all. The change itself never fails with this mail; of rules couriers
send it, as it may go to many."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from redis import RedisError

from app.blocklog.reason import cleaned
from app.courier.letter import Letter, NotSent, open_post, set_up
from app.directory.account import Account
from app.store.clock import present
from app.store.letters import Waiting, put
from app.web.format import clock, in_zone, long_day
from app.web.resources import resources
from app.web.serving.log import described, logger

MOST_SHOWN = 20  # of targets
_RULE = "An administrator set a rule about your mail"


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
    return _put_in([account], _RULE, lambda each: [*lines, f"    {cleaned(what, 320)}"])


def denials(account: Account, what: Sequence[str], now: datetime) -> bool:
    """That rules of the account's own scripts refuse or throw away all of its mail."""
    lines = [_who(account, now, False), "", f"What is new in the filters of {account.address}:"]
    lines += [f"    {cleaned(each, 320)}" for each in what[:MOST_SHOWN]]
    lines += ["", "Your filters:", f"{resources().settings.public_url or ''}/filters"]
    return _told(account, [account.address], "Your mail is thrown away or refused", lines)


def shut_off(accounts: Sequence[Account], domain: str, people: int, now: datetime) -> bool:
    """That an administrator's rule refuses all mail to a domain: to each of its people, or, where so many `people` are
    too many, to administrators."""
    said = f"All mail to addresses under {cleaned(domain, 253)} is refused from now on."
    many = ["", f"{people:,} accounts are concerned, which are not told one by one."] if people > len(accounts) else []
    return _put_in(accounts, _RULE, lambda each: [_who(each, now, True), "", said, *many])


def _put_in(accounts: Sequence[Account], subject: str, lines: Callable[[Account], Sequence[str]]) -> bool:
    """Whether letters to all of them wait for a courier now, which sends them. Never raises."""
    if not set_up(resources().settings) or not accounts:
        return False
    try:
        since = int(present(resources().redis))
        letters = [Waiting(each.address, subject, _text(lines(each)), _name(each), since) for each in accounts]
        return put(resources().redis, letters)
    except RedisError as error:
        logger.warning("announcements could not be put in", extra=described(error))
        return False


def password(account: Account, now: datetime, *, by_admin: bool = False) -> bool:
    """That there is a new password."""
    said = f"The password of {account.address} is a new one. All other sessions were ended."
    lines = [_who(account, now, by_admin), "", said]
    return _told(account, [account.address], "Your password was changed", lines)


def _who(account: Account, now: datetime, by_admin: bool) -> str:
    zone = account.zone
    who = "An administrator" if by_admin else "Somebody who was signed in with your password"
    return f"{who} changed this on {long_day(in_zone(now, zone).date())}, {clock(now, zone)} ({zone.key})."


def _told(account: Account, addresses: Sequence[str], subject: str, lines: Sequence[str]) -> bool:
    """Sends it to each address; whether all of these mails left. Never raises."""
    settings = resources().settings
    if not set_up(settings) or not addresses:
        return False
    text, name = _text(lines), _name(account)
    try:
        with open_post(settings) as post:
            for address in addresses[:MOST_SHOWN]:
                post.send(Letter(address, subject, text), name, datetime.now().astimezone())
    except (NotSent, ValueError) as error:
        logger.warning("an announcement did not leave", extra=described(error))
        return False
    return True


def _text(lines: Sequence[str]) -> str:
    foot = ["", "If that is not right, tell your administrator. All that was done to your account, and by whom:"]
    return "\n".join([*lines, *foot, f"{resources().settings.public_url or ''}/settings/actions", ""])


def _name(account: Account) -> str:
    brand = resources().brands.by_id.get(account.brand or "")
    return brand.name if brand else "Postern"
