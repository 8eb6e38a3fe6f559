"""A new password for somebody who lost theirs: where the directory holds it or the site has another way to set
one, and where it lets its administrators.

It is shown once, where it was made here, and written down nowhere: the action log holds that it was set, and no hash.
"""

import re
import secrets
from contextlib import suppress
from typing import Any

from flask import abort, flash, request
from redis import RedisError

from app.directory import edit
from app.directory.password import MAX_BCRYPT, hash_password
from app.directory.resolve import account as resolved
from app.outbox.errors import OutboxAway
from app.password.errors import PasswordError, Rejected, Unsettled
from app.policy import actions
from app.store import session as sessions
from app.web.admin import doing
from app.web.admin.editing import Member, changeable, may_reset, member_of, shown
from app.web.notice import announce
from app.web.policy import policy
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.settings import backend

LEAST, MOST = 10, 256
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def save(account_id: str) -> Any:
    """POST /admin/accounts/<account_id>/password"""
    of = changeable(account_id)
    if not may_reset(of):
        abort(404)
    typed = request.form.get("password", "")
    if typed and (fault := wrong(typed, of)):
        return shown(of, faults={"password": fault})
    password = typed or made()
    if fault := _set(of, password):
        return shown(of, faults={"password": fault})
    _ended(of)
    return shown(member_of(account_id), password="" if typed else password)


def _set(of: Member, password: str) -> str:
    """Sets it where it is checked: in the directory, or by the site's own way; what is wrong, "" for nothing."""
    way = backend.usual(resources())
    if of.row["kind"] == "forward" or way is None or backend.is_own(way):
        _hashed(of, password)
        return ""
    owner = resolved(resources().directory, of.id)
    if owner is None:
        return "The account is disabled: enable it first."
    try:
        way.change(backend.change_of(owner, None, password))
    except Rejected as error:
        return f"It is not taken. {error.words}".strip()
    except Unsettled:
        return "Nobody can tell whether it was set: the connection broke after it was sent. Set it once more."
    except PasswordError as error:
        logger.warning("a password was not set", extra={**described(error), "detail": str(error)[:200]})
        return "It cannot be set at the moment. Nothing was changed."
    with policy() as engine:
        actions.recorded(engine, of.by(), "password", of.address, doing.now())
    return ""


def _hashed(of: Member, password: str) -> None:
    hashed = {edit.SECRET: hash_password(password, resources().settings.password_scheme)}

    def work(rows: Any) -> list[edit.Change]:
        change = edit.change(rows, "account", of.row, hashed)
        return [change] if change is not None else []

    doing.done(of.by(), "password", of.address, work)


def made() -> str:
    """One that can be read out: 79 bits in four groups."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def wrong(typed: str, of: Member) -> str:
    """What is wrong with a typed password; "" for nothing."""
    if len(typed) < LEAST:
        return f"At least {LEAST} characters."
    if len(typed) > MOST or _CONTROL.search(typed):
        return f"At most {MOST} characters, all on one line."
    if resources().settings.password_scheme == "bcrypt" and len(typed.encode()) > MAX_BCRYPT:
        return f"At most {MAX_BCRYPT} characters."
    if typed.lower() in (of.address, of.row["username"]):
        return "Not the account’s own name."
    return ""


def _ended(of: Member) -> None:
    with suppress(OutboxAway):  # mails that wait have lost their password then, by the epoch
        resources().post.forget_credentials(of.id)
    try:
        sessions.end_everywhere(resources().redis, of.id)
        flash(f"{of.address} has a new password. All its sessions are ended.")
    except RedisError as error:
        logger.warning("sessions could not be ended", extra=described(error))
        flash(f"{of.address} has a new password, but its sessions could not be ended. Set it once more.", "warning")
    owner = resolved(resources().directory, of.id)
    if owner is not None:
        announce.password(owner, doing.now(), by_admin=True)
