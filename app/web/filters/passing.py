"""Rules that send mail on, by a form or in a text: held to what the site allows and who agreed, told to their owner.

What another program puts into the script does not pass here; a site that must know forbids it on the mail server.
"""

from datetime import UTC, datetime

from app.directory import forwarding
from app.directory.errors import DirectoryError
from app.directory.resolve import resolve
from app.sieve.targets import targets
from app.web.notice import announce
from app.web.profile import setting
from app.web.resources import resources
from app.web.session import Current

AGREED = "forward targets"  # the setting of an account with the addresses that agreed to get its mail


class Forbidden(Exception):
    """Mail may not be sent on there; `words` say so to who wants it."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def agreed(me: Current) -> tuple[str, ...]:
    """Never raises: without SQL, none that was not known a moment ago."""
    kept = setting(me, AGREED)
    return tuple(each for each in kept if isinstance(each, str)) if isinstance(kept, list) else ()


def checked(me: Current, before: bytes, after: bytes) -> tuple[str, ...]:
    """The new targets outside of the site that a script gets. Raises Forbidden where there may be none, where one has
    not agreed, or where it cannot be told."""
    fresh = sorted(targets(after) - targets(before))
    try:
        outside = _outside(me, fresh) if fresh else ()
    except DirectoryError:
        raise Forbidden("Whether mail may be sent on there cannot be looked up at the moment.") from None
    strangers = ", ".join(sorted({*outside} - {*agreed(me)}))
    if strangers:
        raise Forbidden(
            f"{strangers} has not agreed yet to get your mail. On the page Forwarding, have a code sent there,"
            " and choose “For filters only”; then save this again."
        )
    return outside


def _outside(me: Current, fresh: list[str]) -> tuple[str, ...]:
    """A site with a schema of its own does not say whether it allows them. Raises Forbidden, DirectoryError."""
    directory, site = resources().directory, me.account.site
    if not site.isdecimal() or resources().settings.directory_query:
        found = [(each, resolve(directory, each)) for each in fresh]
        return tuple(each for each, account in found if account is None or account.site != site)
    outside = forwarding.outside(directory, site, fresh)
    if outside and not forwarding.allowed_outside(directory, site):
        raise Forbidden(f"Your provider does not allow mail to be sent on to {', '.join(outside)}.")
    return outside


def told(me: Current, outside: tuple[str, ...]) -> None:
    """Tells the owner of targets that are new."""
    if outside:
        announce.forwarding(me.account, outside, datetime.now(UTC))
