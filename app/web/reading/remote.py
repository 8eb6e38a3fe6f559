"""The reader's choices about content from outside: once for a message, always for a sender or a domain.

Everybody can write somebody else's address into From. So "always" is offered, kept and applied only where the
provider's own servers confirmed the sender; a message that merely claims to be of a chosen sender loads nothing.
Choices for always are kept in SQL for good, as hashes; Redis is asked, and told of them when it was emptied.
"""

import re
from contextlib import suppress
from typing import Any, cast, get_args

from flask import Response, abort, make_response, redirect, request, url_for
from redis import RedisError

from app.mail.message import Header, open_message
from app.mail.trust import Trust, judge
from app.profile import settings
from app.profile.errors import ProfileAway
from app.store import remote as choices
from app.web.mailboxes.place import came_from
from app.web.profile import profile
from app.web.resources import resources
from app.web.session import Current, current, imap

SETTING = "remote"
_HASH = re.compile(r"[0-9a-f]{40}")


def message_name(mailbox: str, uidvalidity: int, uid: int) -> str:
    """What names a message among the account's."""
    return f"{uidvalidity} {uid} {mailbox}"


def trust(header: Header) -> Trust | None:
    """Who vouches for the one sender of a message; None where nobody could, or where there are several."""
    if len(header.from_) != 1:
        return None
    domain = header.from_[0].address.rpartition("@")[2]
    return judge(header.authentication_results, resources().settings.authserv_ids, domain)


def confirmed(header: Header) -> str:
    """The sender's address in lower case where the provider confirmed its domain, else ""."""
    judged = trust(header)
    return header.from_[0].address.lower() if judged and judged.state == "passed" else ""


def may_load(message: str, sender: str) -> bool:
    """Whether a message of a confirmed sender ("" for none) may load pictures from outside. Never raises."""
    me = current()
    told = choices.allowed(me.redis, me.account.id, message=message, sender=sender)
    if told is None and _loaded(me):
        told = choices.allowed(me.redis, me.account.id, message=message, sender=sender)
    return bool(told)


def _loaded(me: Current) -> bool:
    """Tells Redis what SQL keeps; False where one of them is away."""
    with suppress(ProfileAway, RedisError), profile() as engine:
        choices.put(me.redis, me.account.id, _hashes(settings.read(engine, me.account.id, SETTING)))
        return True
    return False


def _keep(me: Current) -> None:
    """Keeps in SQL what Redis knows by now, beside what is there. While SQL is away the next choice does it."""
    with suppress(ProfileAway, RedisError, ValueError), profile() as engine:
        before = _hashes(settings.read(engine, me.account.id, SETTING))
        known = before | choices.hashes(me.redis, me.account.id)
        if known != before:
            settings.write(engine, me.account.id, SETTING, sorted(known)[: choices.MOST])
        choices.put(me.redis, me.account.id, known)


def _hashes(kept: object) -> frozenset[str]:
    found = kept if isinstance(kept, list) else []
    return frozenset(each for each in found if isinstance(each, str) and _HASH.fullmatch(each))


def remote(mailbox: str, uidvalidity: int, uid: int) -> Response:
    """POST …/remote: choice=once|sender|domain, then the message again. 400 for "always" of an unconfirmed sender."""
    choice = request.form.get("choice", "")
    if choice not in get_args(choices.Choice):
        abort(400)
    me = current()
    value = message_name(mailbox, uidvalidity, uid)
    if choice != "once":
        with imap() as client:
            header = open_message(client, mailbox, uidvalidity, uid, mark_seen=False).header
        sender = confirmed(header)
        value = sender if choice == "sender" else choices.domain_of(sender)
        if not value:
            abort(400)
    choices.allow(me.redis, me.account.id, cast(choices.Choice, choice), value)
    if choice != "once":
        _keep(me)
    place: dict[str, Any] = {"mailbox": mailbox, "uidvalidity": uidvalidity, "uid": uid, **came_from()}
    if request.args.get("part"):
        place["part"] = request.args["part"]
    return make_response(redirect(url_for("message.show", **place), 303))
