"""Rules that send mail on, by a form or in a text: held to what the site allows, and told to their owner by mail.

What another program puts into the script does not pass here; a site that must know forbids it on the mail server.
"""

from datetime import UTC, datetime

from app.directory import forwarding
from app.directory.errors import DirectoryError
from app.sieve.targets import targets
from app.web.notice import announce
from app.web.resources import resources
from app.web.session import Current


class Forbidden(Exception):
    """Mail may not be sent on there; `words` say so to who wants it."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def checked(me: Current, before: bytes, after: bytes) -> tuple[str, ...]:
    """The targets outside of the site that a script gets. Raises Forbidden where there may be none, or where it cannot
    be told. A site with a schema of its own says nothing of this."""
    fresh = sorted(targets(after) - targets(before))
    if not fresh or not me.account.site.isdecimal() or resources().settings.directory_query:
        return ()
    directory = resources().directory
    try:
        outside = forwarding.outside(directory, me.account.site, fresh)
        if outside and not forwarding.allowed_outside(directory, me.account.site):
            raise Forbidden(f"Your provider does not allow mail to be sent on to {', '.join(outside)}.")
    except DirectoryError:
        raise Forbidden("Whether mail may be sent on there cannot be looked up at the moment.") from None
    return outside


def told(me: Current, outside: tuple[str, ...]) -> None:
    """Tells the owner of targets that are new."""
    if outside:
        announce.forwarding(me.account, outside, datetime.now(UTC))
