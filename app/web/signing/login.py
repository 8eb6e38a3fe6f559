"""Signing in and out.

Every failed sign-in looks the same and takes the same time, whether the address exists or not. What tells them
from a good one lies in check.py.
"""

from dataclasses import dataclass

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from redis import RedisError

from app.directory import resolve
from app.directory.account import Account
from app.directory.address import BadAddress, parse_address, shown_domain
from app.directory.errors import DirectoryError
from app.mail import errors as mail
from app.store import notices
from app.store import session as records
from app.store.seal import BrokenSeal
from app.store.throttle import TooMany
from app.web import carry, session
from app.web.brand import DEFAULT, brand
from app.web.fault import Busy
from app.web.faults import fault_of
from app.web.resources import resources
from app.web.sending import outbox
from app.web.serving import metrics
from app.web.serving.log import described, logger
from app.web.serving.timing import timed
from app.web.signing import nobody, used
from app.web.signing.check import PASSWORD_BYTES, Refused, check_password, evenly, slot
from app.web.urls import local_path
from app.web.writing import copies

ADDRESS_LENGTH = 320
WRONG = "The address or the password is not right."
OUTCOMES: dict[type[Exception], str] = {TooMany: "throttled", Busy: "busy"}
WHY = {
    "ended": "Your session has ended. Sign in again to go on.",
    "undone": "Your session had ended, so what you did last was not done. Sign in, then do it again.",
    "password": "Your mail password was changed. Sign in with the new one.",
    "disabled": "This account is not available. Ask your provider.",
    "old": "This page was open for too long, or your browser refuses our cookie. Sign in again.",
    "carried": "Your session has ended. Sign in again and go on: what you wrote is kept.",
    "everywhere": "You are signed out on all devices.",
}


@dataclass(frozen=True)
class Form:
    """What the sign-in form sent, not yet believed. The password is shown nowhere, not even in a repr."""

    address: str
    password: str
    domain: str | None
    keep: bool
    next: str | None
    carried: str | None = None

    def __repr__(self) -> str:
        return "Form(…)"

    @property
    def sound(self) -> bool:
        """Within its lengths and without control characters, which could end a command (RFC 3501 §9, TEXT-CHAR)."""
        texts = (self.address, self.password, self.domain or "")
        controls = any(ord(char) < 32 or ord(char) == 127 for text in texts for char in text)
        sized = 0 < len(self.address) <= ADDRESS_LENGTH and 0 < len(self.password.encode()) <= PASSWORD_BYTES
        return sized and not controls and len(self.domain or "") <= 253


def sign_in() -> Response:
    """GET and POST /login."""
    if request.method != "POST":
        return _shown()
    form = _form()
    try:
        with slot():
            account = _found(form)
            with evenly(_counted_as(form, account)):
                _attempt(form, account)
    except Refused:
        return _page(form, WRONG, 401)
    except (Busy, TooMany, DirectoryError, mail.MailError, RedisError) as error:
        return _told(form, error)
    metrics.sign_in("signed_in")
    outbox.revive(session.current())
    used.signed_in(session.current().account)
    if form.carried:
        return _completed(form.carried)
    return make_response(redirect(form.next or session.home(), 303))


def sign_out() -> Response:
    """POST /logout: the record first; where Redis is away this raises, and the page says that it did not happen."""
    session.finish()
    response = make_response(redirect(url_for("login.sign_in"), 303))
    response.headers["Clear-Site-Data"] = copies.cleared(request.form)
    return response


def _shown() -> Response:
    form = Form("", "", None, False, local_path(request.args.get("next")))
    try:
        if _opens(session.signed_in()):
            return make_response(redirect(form.next or session.home(), 303))
    except RedisError as error:
        return _told(form, error)
    return _page(form, WHY.get(request.args.get("why", "")), 200)


def _opens(found: session.Current | None) -> bool:
    """Not where its seal is broken: the page would lead here again, and the browser gives up after twenty rounds."""
    try:
        return found is not None and records.unseal_password(resources().ring, found.secret, found.record) is not None
    except BrokenSeal:
        return False


def shown_with(carried: str) -> Response:
    """The form for somebody whose session ended while they wrote: what they posted rides in it."""
    return _page(Form("", "", None, False, None, carried), WHY["carried"], 401)


def _completed(carried: str) -> Response:
    """What was posted when the session had ended, done now. To anybody but its writer nothing of it is shown."""
    found = carry.unpacked(carried, session.current().account.id)
    if found is None:
        flash("What was written before belongs to another account. Nothing was done with it.", "warning")
        return make_response(redirect(session.home(), 303))
    return make_response(carry.resume(found))


def _form() -> Form:
    told = request.form
    return Form(
        told.get("address", "").strip(" "),
        told.get("password", ""),
        told.get("domain") or None,
        told.get("keep") == "1",
        local_path(told.get("next")),
        told.get(carry.FIELD) or None,
    )


def _found(form: Form) -> Account | None:
    """The account that is meant, or None. Raises DirectoryError."""
    if not form.sound:
        return None
    with timed("sql"):
        return resolve.resolve(resources().directory, form.address, domain=form.domain or brand().default_domain)


def _counted_as(form: Form, account: Account | None) -> str:
    """Under what name failures count: however an address is written, it has one count, whether it exists or not."""
    if account is not None:
        return account.id
    try:
        parsed = parse_address(form.address, domain=form.domain or brand().default_domain)
    except BadAddress:
        return form.address[:ADDRESS_LENGTH].casefold()
    return f"{parsed.plain}@{parsed.domain}"


def _attempt(form: Form, account: Account | None) -> None:
    """Signs in or raises Refused, DirectoryError, mail.MailError, redis.RedisError."""
    try:
        epoch = _checked(form, account)
    except Refused:
        if form.sound:
            nobody.ask(form.address, domain=form.domain or brand().default_domain)
        raise
    assert account is not None
    session.begin(account, form.password, epoch, keep=form.keep)


def _checked(form: Form, account: Account | None) -> str:
    """The epoch of the account whose password this is. Raises as _attempt does."""
    if account is None:
        raise Refused
    if account.server is not None and account.server.state == "drain" and not _was_signed_in(form, account):
        raise session.Draining(retry_after=60)
    held = resources()
    epoch = notices.epochs(held.redis, [account.id])[account.id]
    check_password(account, form.password, epoch)
    return epoch


def _was_signed_in(form: Form, account: Account) -> bool:
    """Whether the account's session ended over a text that rides in the form: it is not kept from being saved."""
    return form.carried is not None and carry.unpacked(form.carried, account.id) is not None


def _told(form: Form, error: Exception) -> Response:
    """What went wrong that is no wrong password: its own screen, with the form beside it."""
    fault = fault_of(error)
    metrics.sign_in(OUTCOMES.get(type(error), type(error).__name__))
    logger.warning(
        "sign-in failed", extra={"status": fault.status, "network": session.client_address(), **described(error)}
    )
    title = "Sign-in is not available for the moment" if isinstance(error, RedisError) else fault.title
    response = _page(form, f"{title}. {fault.text} {fault.todo}".strip(), fault.status)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def _page(form: Form, error: str | None, status: int) -> Response:
    """The form, with what was typed but the password."""
    page = render_template(
        "login.html",
        error=error,
        address=form.address[:ADDRESS_LENGTH],
        domain=form.domain or brand().default_domain,
        keep=form.keep,
        next=form.next,
        carried=form.carried,
        domains=_domains(),
        keep_offered=resources().settings.session_keep > 0,
    )
    return make_response(page, status)


def _domains() -> tuple[tuple[str, str], ...]:
    """The choice of domains, where the brand offers one, each with how people write it; without SQL the form does
    without. Sites that name no brand are the default one's."""
    if not brand().choose_domain:
        return ()
    try:
        found = resolve.domains(resources().directory, brand=brand().id, unbranded=brand().id == DEFAULT)
    except DirectoryError:
        return ()
    return tuple((name, shown_domain(name)) for name in found)
