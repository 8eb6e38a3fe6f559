"""The reader's choices about content from outside: once for a message, always for a sender or a domain.

Everybody can write somebody else's address into From. So "always" is offered, kept and applied only where the
provider's own servers confirmed the sender; a message that merely claims to be of a chosen sender loads nothing.
"""

from typing import Any, cast, get_args

from flask import Response, abort, make_response, redirect, request, url_for

from app.mail.message import Header, open_message
from app.mail.trust import Trust, judge
from app.store import remote as choices
from app.web.place import came_from
from app.web.resources import resources
from app.web.session import current, imap


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
    place: dict[str, Any] = {"mailbox": mailbox, "uidvalidity": uidvalidity, "uid": uid, **came_from()}
    if request.args.get("part"):
        place["part"] = request.args["part"]
    return make_response(redirect(url_for("message.show", **place), 303))
