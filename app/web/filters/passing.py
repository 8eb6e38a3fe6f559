"""What a change of scripts makes of an account's mail: held to what the site allows and who agreed, told to its owner.

Every script that is put on a mail server passes here (kept.py). What another program puts there does not; a site that
must know forbids it on the mail server.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.directory import forwarding
from app.directory.errors import DirectoryError
from app.directory.resolve import resolve
from app.sieve.effect import effect, running
from app.sieve.script import Script
from app.sieve.sweeping import Sweep, sweeps
from app.web.notice import announce
from app.web.profile import setting
from app.web.resources import resources
from app.web.session import Current

MOST = 200  # addresses that one change sends mail to anew: each is looked up
SHOWN = 10
AGREED = "forward targets"  # the setting of an account with the addresses that agreed to get its mail


class Forbidden(Exception):
    """Mail may not be sent on there; `words` say so to who wants it."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True)
class News:
    """Of what an account's owner is told: targets outside of the site, and what throws away or refuses all mail."""

    outside: tuple[str, ...] = ()
    denials: tuple[Sweep, ...] = ()


def agreed(me: Current) -> tuple[str, ...]:
    """Never raises: without SQL, none that was not known a moment ago."""
    kept = setting(me, AGREED)
    return tuple(each for each in kept if isinstance(each, str)) if isinstance(kept, list) else ()


def checked(me: Current, before: Sequence[Script], after: Sequence[Script]) -> News:
    """What is new where these scripts run in place of those. Raises Forbidden where mail may not be sent on to where it
    was not, or by what is new, switched on or moved up; where somebody has not agreed; or where it cannot be told."""
    former = running(before)
    now = running(after, former)
    sent = effect(former, now)
    swept = sweeps(former, now, me.account.address, datetime.now(UTC))
    if len(sent.anew) > MOST:
        raise Forbidden(f"At most {MOST} addresses can be added at once; here are {len(sent.anew):,}.")
    try:
        outside = _outside(me, sorted(sent.anew)) if sent.anew else ()
    except DirectoryError:
        raise Forbidden("Whether mail may be sent on there cannot be looked up at the moment.") from None
    strangers = sorted({*outside} & sent.fresh - {*agreed(me)})
    if strangers:
        who = ", ".join(strangers[:SHOWN]) + (f" and {len(strangers) - SHOWN} more" if len(strangers) > SHOWN else "")
        verb = "has" if len(strangers) == 1 else "have"
        raise Forbidden(
            f"{who} {verb} not agreed yet to get your mail. On the page Forwarding, have a code sent there, and choose"
            " “For filters only”; then save this again."
        )
    heard = sent.fresh.union(*(each.to for each in swept if each.does == "redirect"))
    denials = tuple(each for each in swept if each.does != "redirect")
    return News(tuple(each for each in outside if each in heard), denials)


def _outside(me: Current, targets: list[str]) -> tuple[str, ...]:
    """A site with a schema of its own does not say whether it allows them. Raises Forbidden, DirectoryError."""
    directory, site = resources().directory, me.account.site
    if not _listed(me):
        found = [(each, None if forwarding.hides(each) else resolve(directory, each)) for each in targets]
        return tuple(each for each, account in found if account is None or account.site != site)
    outside = forwarding.outside(directory, site, targets)
    if outside and not forwarding.allowed_outside(directory, site):
        raise Forbidden(f"Your provider does not allow mail to be sent on to {', '.join(outside)}.")
    return outside


def _listed(me: Current) -> bool:
    return me.account.site.isdecimal() and not resources().settings.directory_query


def banned(me: Current, targets: Iterable[str]) -> frozenset[str]:
    """Those that get mail though the site no longer allows it. Never raises: nothing is known without the directory."""
    wanted = sorted({*targets})
    if not wanted or not _listed(me):
        return frozenset()
    directory, site = resources().directory, me.account.site
    try:
        if forwarding.allowed_outside(directory, site):
            return frozenset()
        return frozenset(forwarding.outside(directory, site, wanted))
    except DirectoryError:
        return frozenset()


def told(me: Current, news: News) -> None:
    """Tells the owner what is new."""
    now = datetime.now(UTC)
    if news.outside:
        announce.forwarding(me.account, news.outside, now)
    if news.denials:
        announce.denials(me.account, [_words(each) for each in news.denials], now)


def _words(denial: Sweep) -> str:
    what = "throws away" if denial.does == "discard" else "refuses"
    whose = f"“{denial.name}”" if denial.name else "A rule that was written as text"
    return f"{whose} {what} {'all mail, or nearly all' if denial.told else 'mail; which, cannot be told here'}"
