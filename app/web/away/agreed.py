"""Targets that agreed to get an account's mail: a code is sent there, and who types it shows that it was read.

Nobody's mail is sent to somebody who does not know of it, and a wrong letter in an address sends it to no stranger.
"""

from dataclasses import dataclass
from datetime import datetime

from app.courier.letter import Letter, NotSent, Post, open_post, set_up
from app.directory.errors import DirectoryError
from app.mail.errors import MailError
from app.mail.login import Credentials
from app.store import code
from app.store.code import TooOften
from app.web.brand import brand
from app.web.filters.passing import AGREED, agreed
from app.web.profile import keep_setting
from app.web.resources import resources
from app.web.session import Current, NoMailbox

MOST = 20  # the oldest goes
_ENTRY = "forward asked"

__all__ = ["NotSent", "TooOften", "agreed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A target that was sent a code and has not agreed yet; `copy`: what else was typed."""

    target: str
    copy: bool


def agree(me: Current, target: str, given: str) -> bool:
    """Whether that is the target's code; then it is one of those that agreed. Raises ProfileAway, redis.RedisError."""
    held = resources()
    if not code.accepted(me.redis, held.ring.secrets, me.account.id, target, "".join(given.split())):
        return False
    others = [each for each in agreed(me) if each != target]
    keep_setting(me, AGREED, [*others, target][-MOST:])
    me.cache.forget(_ENTRY)
    return True


def forget(me: Current, target: str) -> None:
    """The target has to agree again before mail is sent there. Raises ProfileAway."""
    keep_setting(me, AGREED, [each for each in agreed(me) if each != target] or None)


def asked(me: Current) -> Asked | None:
    """The one that was sent a code last."""
    kept = me.cache.recall(_ENTRY)
    if isinstance(kept, dict) and isinstance(kept.get("target"), str):
        return Asked(kept["target"], kept.get("copy") is True)
    return None


def ask(me: Current, target: str, *, copy: bool) -> Asked:
    """Sends a code there. Raises NotSent, TooOften, redis.RedisError."""
    post = _post(me)
    secret = code.issue(me.redis, resources().ring.current, me.account.id, target)
    with post:
        post.send(_letter(me, target, secret), brand().name, datetime.now(me.zone))
    me.cache.remember(_ENTRY, {"target": target, "copy": copy}, seconds=code.SECONDS)
    return Asked(target, copy)


def cancel(me: Current) -> None:
    """It is asked no more."""
    me.cache.forget(_ENTRY)


def _post(me: Current) -> Post:
    """The site's own, and where it sends no mails itself, the person's. Raises NotSent."""
    settings = resources().settings
    try:
        if set_up(settings):
            return open_post(settings)
        login = me.login()
    except (ValueError, NoMailbox, MailError, DirectoryError) as error:
        raise NotSent(str(error)) from None
    if login.server.submission is None:
        raise NotSent("no submission server")
    credentials = Credentials(login.login, login.password, master=login.master)
    ca_file = str(settings.ca_file) if settings.ca_file else None
    return Post(login.server.submission, me.account.address, credentials, ca_file)


def _letter(me: Current, target: str, secret: str) -> Letter:
    text = f"""{me.account.address} would like all mail to be sent on to you, at {target}.

If you agree, tell them this code. It is valid for a day:

    {secret[:4]} {secret[4:]}

If you know nothing of this, do nothing: no mail is sent on without the code.
"""
    return Letter(target, f"Code to forward mail of {me.account.address}", text)
