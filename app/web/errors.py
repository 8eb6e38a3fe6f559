"""Turns every exception into its page (faults.py has the table), a redirect to the sign-in page, or JSON for a poll."""

from typing import Any

from flask import Flask, Response, current_app, g, jsonify, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from markupsafe import Markup
from redis import RedisError
from werkzeug.exceptions import HTTPException

from app.mail import errors as mail
from app.web import carry, session
from app.web.fault import Fault
from app.web.faults import HTTP_FAULTS, TABLE, TOO_LONG, fault_of
from app.web.mailboxes.place import came_from
from app.web.reading.frame import told
from app.web.resources import resources
from app.web.serving import metrics, timing
from app.web.serving.log import described, logger
from app.web.session import NotSignedIn
from app.web.signing import login
from app.web.urls import local_path

_PLAIN = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<meta name=color-scheme content='light dark'><title>{0}</title><h1>{0}</h1><p>{1}</p><p>{2}</p>"
)
REPEAT_SECONDS = 2.0  # who has waited longer is told; a server that is silent would cost the deadline twice


def install(app: Flask) -> None:
    """Every exception ends here."""
    app.register_error_handler(NotSignedIn, ask_to_sign_in)
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """The error page, the sign-in page, or for /changes JSON. HTTP redirects pass as they are."""
    if isinstance(error, HTTPException) and (error.response is not None or (error.code or 500) < 400):
        return make_response(error.get_response())
    if isinstance(error, mail.ConnectionLost) and _is_read_again():
        return _read_again(error)
    if isinstance(error, (mail.SignInRefused, mail.ServerAway)) and _lies_elsewhere():
        return _read_again(error)
    fault = _fault(error)
    _log(error, fault)
    metrics.fault(type(error).__name__)
    if isinstance(error, mail.SignInRefused):
        return _password_changed()
    if isinstance(error, CSRFError) and (request.endpoint == "login.sign_in" or carry.may_ride() or _cookie_is_gone()):
        return ask_to_sign_in(NotSignedIn("old"))
    response = make_response(_safely(fault), fault.status)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    if isinstance(error, HTTPException) and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return response


def _fault(error: Exception) -> Fault:
    """Its page. A change in the middle of which the server fell silent may have been made."""
    if isinstance(error, mail.ServerSilent) and request.method != "GET":
        return fault_of(mail.ConnectionLost())
    return fault_of(error)


def _cookie_is_gone() -> bool:
    """Whether a script asks of which the browser says no more whose it is: it has to sign in, not to reload."""
    return request.endpoint == "compose.attach" and account_or_none() is None


def _is_read_again() -> bool:
    """Whether the connection broke inside a page that only reads, for the first time.

    At once; or late, and the keeper is at fault, which carried the bytes of a TLS connection.
    """
    if request.method != "GET" or "read_again" in g:
        return False
    return timing.elapsed() < REPEAT_SECONDS or not resources().borrower.answers()


def _lies_elsewhere() -> bool:
    """Whether the directory has moved the mailbox since it was last asked: a page that only reads goes there at once,
    and nobody is told of a wrong password by the old server."""
    if request.method != "GET" or "read_again" in g or request.endpoint == "login.sign_in":
        return False
    try:
        return session.follow()
    except (RedisError, NotSignedIn):
        return False


def _read_again(error: Exception) -> Response:
    """The page on another connection. Its mail server said farewell, the keeper under a TLS connection died, or the
    mailbox was moved."""
    g.read_again = True
    logger.info("read again", extra={"endpoint": request.endpoint, **described(error)})
    try:
        return current_app.make_response(current_app.dispatch_request())
    except Exception as second:
        return answer(second)


def _safely(fault: Fault) -> Any:
    """The page; in plain words where even that fails."""
    try:
        return error_page(fault)
    except Exception as error:
        logger.error("error page failed", extra=described(error))
        return Markup(_PLAIN).format(fault.title, fault.text, g.get("request_id", ""))


def error_page(fault: Fault) -> Any:
    """The body: a page, words in the frame of a message, or JSON for the poll of new mail."""
    if request.endpoint == "mailbox.changes":
        return jsonify(error=fault.title, request_id=g.get("request_id", ""))
    if _in_frame():
        return told(fault)
    retry = request.full_path.rstrip("?") if fault.retry and request.method == "GET" else None
    again = carry.again(renewed=fault is TOO_LONG) if fault.status != 403 else None  # another site may have sent it
    values = {**(request.view_args or {}), **carry.query()}
    return render_template(
        "error.html",
        title=fault.title,
        text=fault.text,
        kept=fault.kept,
        todo=fault.todo,
        retry_url=local_path(retry),
        back_url=_back(fault),
        again=again,
        again_url=url_for(request.endpoint, **values) if again and request.endpoint else None,
    )


def _back(fault: Fault) -> str | None:
    """The list that the failed address belongs to, as it was left; None where it is that which fails."""
    mailbox = (request.view_args or {}).get("mailbox")
    gone = fault is TABLE[mail.MailboxGone] and request.method == "GET"  # of a POST, its target may be gone
    if mailbox is None or request.endpoint == "mailbox.show" or gone:
        return None
    return url_for("mailbox.show", mailbox=mailbox, **came_from())


def _in_frame() -> bool:
    """Whether the answer stands in the frame of a message."""
    return request.endpoint == "message.frame" and not request.args.get("alone")


def _log(error: Exception, fault: Fault) -> None:
    known = fault.status < 500 and not isinstance(error, mail.MailError)
    told = {"error": type(error).__name__} if known else described(error)
    where = {"endpoint": request.endpoint, "method": request.method, "status": fault.status}
    (logger.error if fault.status == 500 else logger.warning)("request failed", extra={**where, **told})


def _password_changed() -> Response:
    """The password of this session no longer opens the mailbox: the session ends, whatever Redis says."""
    try:
        session.finish()
    except RedisError:
        session.cookie().end()
    return ask_to_sign_in(NotSignedIn("password"))


def ask_to_sign_in(error: NotSignedIn) -> Response:
    """Pages lead to the sign-in page and back; scripts get 401 and decide themselves."""
    scripted = request.endpoint in ("mailbox.changes", "compose.attach") or "X-Postern-Fragment" in request.headers
    if scripted or _in_frame():
        return make_response(error_page(HTTP_FAULTS[401]), 401)
    carried = carry.packed()
    if carried is not None:
        return login.shown_with(carried)
    if carry.may_ride():
        return make_response(error_page(TOO_LONG), 401)
    wanted = request.full_path.rstrip("?") if request.method == "GET" else request.form.get("next")
    target = local_path(wanted)
    after = None if target == "/" else target
    undone = error.why == "ended" and request.method == "POST"
    why = "undone" if undone else None if error.why == "required" else error.why
    return make_response(redirect(url_for("login.sign_in", next=after, why=why), 303))


def account_or_none() -> Any:
    """The signed-in account for a template; an error page must not fail because Redis does."""
    try:
        found = session.signed_in()
    except RedisError:
        return None
    return found.account if found else None
