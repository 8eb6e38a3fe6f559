"""The reader's choices about content from outside: once for a message, always for a sender or a domain."""

from typing import Any, cast, get_args

from flask import Response, abort, make_response, redirect, request, url_for

from app.mail.message import open_message
from app.store import remote as choices
from app.web.session import current, imap


def message_name(mailbox: str, uidvalidity: int, uid: int) -> str:
    """What names a message among the account's."""
    return f"{uidvalidity} {uid} {mailbox}"


def remote(mailbox: str, uidvalidity: int, uid: int) -> Response:
    """POST …/remote: choice=once|sender|domain, then the message again."""
    choice = request.form.get("choice", "")
    if choice not in get_args(choices.Choice):
        abort(400)
    me = current()
    value = message_name(mailbox, uidvalidity, uid)
    if choice != "once":
        with imap() as client:
            header = open_message(client, mailbox, uidvalidity, uid, mark_seen=False).header
        sender = header.from_[0].address.lower() if header.from_ else ""
        value = sender if choice == "sender" else choices.domain_of(sender)
    if value:
        choices.allow(me.redis, me.account.id, cast(choices.Choice, choice), value)
    place: dict[str, Any] = {"mailbox": mailbox, "uidvalidity": uidvalidity, "uid": uid}
    if request.args.get("part"):
        place["part"] = request.args["part"]
    return make_response(redirect(url_for("message.show", **place), 303))
