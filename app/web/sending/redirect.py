"""Sending a message on as it is (RFC 5322 §3.6.6): a small form with its new recipients.

It goes through the outbox like what is written, but has no draft: undo only cancels it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import flash, make_response, render_template, request, url_for
from flask import redirect as redirected
from werkzeug.exceptions import BadRequest

from app.courier.accounts import NoSubmission
from app.mail import errors as mail
from app.mail.address import on_wire
from app.mail.connection import Connection
from app.mail.field import is_id
from app.mail.mailbox import target_name
from app.mail.message import Message, open_message
from app.mail.outgoing import Address, Piece, new_message_id, recipients
from app.mail.redirect import redirect
from app.outbox.mail import Letter, Place
from app.profile.identities import Identity
from app.store.allowance import Spent
from app.web.faults import fault_of
from app.web.mailboxes import pane
from app.web.mailboxes.place import came_from
from app.web.profile import my_identities, wrote_to
from app.web.resources import resources
from app.web.sending import outbox, sendable
from app.web.session import Current, current, imap


def show(mailbox: str, uidvalidity: int, uid: int) -> Any:
    """GET /mail/<mailbox>/<uidvalidity>/<uid>/redirect"""
    me = current()
    with imap() as client:
        message = _message(client, mailbox, uidvalidity, uid)
    return _page(me, message, new_message_id(me.account.address.rpartition("@")[2]))


def send(mailbox: str, uidvalidity: int, uid: int) -> Any:
    """POST to the same address: `to`, `from` (an identity), `message_id` (that of Resent-Message-ID)."""
    me, typed = current(), request.form.get("to", "")
    message_id = request.form.get("message_id", "")
    if not is_id(message_id):
        raise BadRequest("no Message-ID")
    with imap() as client:
        message = _message(client, mailbox, uidvalidity, uid)
        parsed = recipients(typed)
        if parsed.faults or not parsed.addresses:
            told = " ".join(f"“{each.word}” {each.why}." for each in parsed.faults[:5])
            return make_response(_page(me, message, message_id, to=told or "Say who this goes to."), 422)
        try:
            put = _sent(client, me, message, parsed.addresses, message_id)
        except Spent as error:
            return make_response(_page(me, message, message_id, form=f"Not sent. {sendable.told(me, error)}"), 429)
        except (mail.CannotDo, mail.OverQuota) as error:
            return make_response(_page(me, message, message_id, form=f"Not sent. {_why(error)}"), 409)
    if not put:
        flash("This message is on its way already.", "message")
    wrote_to(me, parsed.addresses)
    return redirected(url_for("message.show", mailbox=mailbox, uidvalidity=uidvalidity, uid=uid, **came_from()), 303)


def _message(client: Connection, mailbox: str, uidvalidity: int, uid: int) -> Message:
    limits = resources().settings.parsing
    return open_message(client, mailbox, uidvalidity, uid, mark_seen=False, limits=limits)


def _sent(client: Connection, me: Current, message: Message, to: Sequence[Address], message_id: str) -> bool:
    """Whether it is this request that has it sent. Raises Spent, RedisError, the tree of app/mail/errors.py."""
    one = _identity(my_identities(me))
    sender, now = Address(one.name, one.address), datetime.now(me.zone)
    parts = redirect(client, message, sender, to, message_id=message_id, date=now)
    place = Place(message.mailbox, message.uidvalidity, message.uid)
    letter = Letter(
        place=place,
        size=0,
        sha256="",
        message_id=message_id,
        sender=on_wire(one.address),
        recipients=tuple(dict.fromkeys(on_wire(each.address) for each in to)),
        original=place,
        flag="$Forwarded",
        utf8=_wants_utf8(parts),
        notify=request.form.get("notify") == "1",
        resent=True,
    )
    drafts = target_name(pane.folders(client, me), "drafts", today=now.date())
    return outbox.put_final(client, me, drafts, parts, letter)


def _wants_utf8(parts: Sequence[Piece]) -> bool:
    """Whether the header is in UTF-8 (RFC 6532). One in a charset of old goes on as it came."""
    head = parts[0]
    if not isinstance(head, bytes) or head.isascii():
        return False
    try:
        head.decode()
    except UnicodeDecodeError:
        return False
    return True


def _identity(identities: Sequence[Identity]) -> Identity:
    wanted = request.form.get("from", "")
    return next((each for each in identities if each.id == wanted), identities[0])


def _why(error: mail.MailError) -> str:
    if isinstance(error, NoSubmission):
        return "Your provider has not said how mail is sent from this address. Ask them."
    fault = fault_of(error)
    return f"{fault.title}. {fault.text} {fault.todo}".strip()


def _page(me: Current, message: Message, message_id: str, **faults: str) -> Any:
    """The form; `faults`: `to`, beside its field, or `form`."""
    at = {"mailbox": message.mailbox, "uidvalidity": message.uidvalidity, "uid": message.uid, **came_from()}
    return render_template(
        "redirect.html",
        message=message,
        message_id=message_id,
        identities=my_identities(me),
        chosen=request.form.get("from", ""),
        to=request.form.get("to", ""),
        notify=request.form.get("notify") == "1",
        faults=faults,
        send_url=url_for("redirect.send", **at),
        back_url=url_for("message.show", **at),
    )
