"""A new mail password, where the site has a way to set one: proved by the present one, counted as a sign-in is.

Once it is in force every other session ends, kept connections of the old one too, and this browser goes on under a new
secret. The form never rides over a sign-in, and no password is ever shown again.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from redis import RedisError

from app.directory import resolve
from app.directory.account import Account
from app.directory.errors import DirectoryError
from app.directory.password import MAX_BCRYPT
from app.mail import errors as mail
from app.outbox.errors import OutboxAway
from app.outbox.mail import Mail, State
from app.password.backend import Backend
from app.password.errors import OldRefused, PasswordError, Rejected, Unsettled
from app.password.strength import LONGEST, weakness
from app.policy import actions
from app.policy.errors import PolicyAway
from app.store import notices
from app.store import session as records
from app.store.throttle import TooMany
from app.web import session
from app.web.brand import brand
from app.web.fault import Busy
from app.web.faults import fault_of
from app.web.notice import announce
from app.web.policy import by, policy
from app.web.resources import resources
from app.web.sending import underway
from app.web.serving.log import described, logger
from app.web.session import Current, current
from app.web.settings.backend import backend_of, change_of
from app.web.signing.check import PASSWORD_BYTES, Refused, check_password, proved, slot

NOTHING = "Nothing was changed."
WRONG = "This is not your current password."
AWAY = f"Passwords cannot be changed at the moment. {NOTHING} Try again in a while."
OLD_REFUSED = f"Your provider’s password service does not know your current password. {NOTHING} Ask your provider."
UNKNOWN = (
    "Nobody can tell whether your password was changed: the connection broke after the new one was sent. Sign in with "
    "the new one next time; if it is not right, with the former one."
)
NOT_ENDED = (
    "Your password is changed, but other sessions could not be ended at once. They end by themselves within a quarter "
    "of an hour. Sign in again with the new one."
)
_SHOWN = 5  # subjects


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form sent."""

    old: str = field(repr=False)
    new: str = field(repr=False)
    again: str = field(repr=False)


def show() -> Response:
    """GET /settings/password"""
    _way(current())
    return _page({}, 200)


def save() -> Response:
    """POST /settings/password"""
    me = current()
    way = _way(me)
    typed = Typed(*(request.form.get(name, "") for name in ("current", "new", "again")))
    if faults := wrong(me, typed):
        return _page(faults, 422)
    try:
        owner = proved(me, typed.old)
    except Refused:
        return _page({"current": WRONG}, 422)
    except (Busy, TooMany, DirectoryError, mail.MailError, RedisError) as error:
        fault = fault_of(error)
        logger.warning("a password could not be checked", extra=described(error))
        return _page({"form": f"{fault.title}. {fault.text} {NOTHING} {fault.todo}"}, fault.status)
    try:
        with slot():  # a back-end that is slow holds no more threads than sign-ins do
            way.change(change_of(owner, typed.old, typed.new))
    except Busy:
        return _page({"form": AWAY}, 503)
    except PasswordError as error:
        logger.warning("a password was not changed", extra={**described(error), "detail": str(error)[:200]})
        if not isinstance(error, Unsettled) or (found := _turned_out(me, owner, typed)) is False:
            return _refused(error)
        if found is None:
            return _page({"form": UNKNOWN}, 502)
    return _changed(me, owner, typed.new)


def wrong(me: Current, typed: Typed) -> dict[str, str]:
    """What is wrong with what was typed, by field."""
    faults = {}
    if not typed.old:
        faults["current"] = "Type your current password."
    elif len(typed.old.encode("utf-8", "replace")) > PASSWORD_BYTES:
        faults["current"] = WRONG
    if fault := _unfit(me, typed):
        faults["new"] = fault
    elif typed.again != typed.new:
        faults["again"] = "This is not the same as the line above."
    return faults


def _unfit(me: Current, typed: Typed) -> str:
    settings, new = resources().settings, typed.new
    if len(new) < settings.password_length:
        return f"At least {settings.password_length} characters."
    if len(new) > LONGEST or (settings.password_scheme == "bcrypt" and len(new.encode()) > MAX_BCRYPT):
        return f"At most {LONGEST if len(new) > LONGEST else MAX_BCRYPT} characters."
    if not new.isprintable() or new != new.strip():
        return "Only letters, digits, punctuation, and spaces between them."
    if new == typed.old:
        return "This is your current one."
    own = (me.account.address, me.account.login or "", me.account.display_name or "", brand().name)
    return weakness(new, own, score=settings.password_strength) if settings.password_strength else ""


def _way(me: Current) -> Backend:
    """The back-end; 404 where the account has none."""
    found = backend_of(me.account)
    if found is None:
        abort(404)
    return found


def _turned_out(me: Current, owner: Account, typed: Typed) -> bool | None:
    """Whether the mail server takes the new one, where the back-end did not tell; None where neither tells."""
    for password, answer in ((typed.new, True), (typed.old, False)):
        try:
            fresh = owner if owner.server else resolve.refresh(resources().directory, owner)
            if fresh is not None:
                check_password(fresh, password, me.record.epoch)
                return answer
        except (Refused, mail.SignInRefused):
            continue
        except (mail.MailError, DirectoryError, RedisError):
            return None
    return None


def _refused(error: PasswordError) -> Response:
    if isinstance(error, Rejected):
        said = ("Your provider does not take this one.", error.words, NOTHING)
        return _page({"new": " ".join(filter(None, said))}, 422)
    if isinstance(error, OldRefused):
        return _page({"form": OLD_REFUSED}, 422)
    return _page({"form": AWAY}, 503)


def _changed(me: Current, owner: Account, new: str) -> Response:
    """The new one is in force: what hangs on the old one ends, and who is to know is told."""
    waiting = _waiting(me)
    try:
        epoch = _others_ended(me)
        session.begin(owner, new, epoch, keep=me.record.kept)
    except RedisError as error:
        logger.error("sessions could not be ended", extra=described(error))
        return _page({"form": NOT_ENDED}, 503)
    finally:
        _told(me, owner)
    flash("Your password is changed. You are signed out everywhere else.", "message")
    _taken_back(current(), waiting)
    return make_response(redirect(url_for("password.show"), 303))


def _others_ended(me: Current) -> str:
    """All sessions and what waits for the old password; returns the epoch that begins. Raises RedisError."""
    with suppress(OutboxAway):  # they have lost their password then, by the epoch
        resources().post.forget_credentials(me.account.id)
    records.end_everywhere(me.redis, me.account.id)
    return notices.epochs(me.redis, [me.account.id])[me.account.id]


def _told(me: Current, owner: Account) -> None:
    """The action log, and the owner by mail. Never raises."""
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        with policy() as engine:
            actions.recorded(engine, by(me), "password", owner.address, now)
    except PolicyAway:
        pass  # the door has logged it
    announce.password(owner, now)


def _waiting(me: Current) -> Sequence[Mail]:
    """Mails that would be sent with the old password."""
    post = resources().post
    if post.keys.master is not None or me.account.server is None:
        return ()
    with suppress(OutboxAway):
        return [each for each in post.mails(me.account.id) if each.state == State.QUEUED]
    return ()


def _taken_back(me: Current, waiting: Sequence[Mail]) -> None:
    """They are drafts again, and their writer is told which. Never raises: what stays waits in the outbox."""
    if not waiting:
        return
    subjects, back = underway.subjects_of(waiting), []
    for each in waiting:
        with suppress(OutboxAway, mail.MailError, RedisError):
            if underway.take_out(me, each.id, State.QUEUED) is not None:
                back.append(subjects.get(each.id) or "(no subject)")
    if back:
        more = f", and {len(back) - _SHOWN} more" if back[_SHOWN:] else ""
        what = ", ".join(f"“{each[:80]}”" for each in back[:_SHOWN])
        flash(f"Not sent, and drafts again, as they were to be sent with the former password: {what}{more}.", "warning")
    if len(back) < len(waiting):
        flash("Not all messages that wait could be taken back: look into the Outbox.", "warning")


def _page(faults: dict[str, str], status: int) -> Response:
    settings = resources().settings
    page = render_template("password.html", faults=faults, least=settings.password_length, most=LONGEST)
    return make_response(page, status)

