"""One table from error to page: what happened, what was kept, what to do, and when to try again.

Words of a mail server, names of servers and logins never stand on a page; they are in the log under the request's id.
"""

import http
import math
from dataclasses import dataclass, replace

from flask_wtf.csrf import CSRFError
from redis import RedisError
from werkzeug.exceptions import HTTPException

from app.directory.errors import DirectoryBroken, DirectoryError
from app.mail import errors as mail
from app.profile.errors import Full, Gone, ProfileAway
from app.store.throttle import TooMany
from app.store.uploads import TooManyUploads
from app.web.carry import Unproven
from app.web.session import Down, Draining, Moving, NoMailbox
from app.web.spool import NoRoom


class BadHost(Exception):
    """The Host header names no host of this node."""


class Unencrypted(Exception):
    """http where a password would cross a network."""


class ForeignRequest(Exception):
    """A change that another site asked for."""


class NotYours(Exception):
    """The form named a session that is not one of the account's (any more)."""


class Busy(Exception):
    """Too many sign-ins at once on this worker."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of error page. `retry_after` in seconds; `retry`: whether the same page is offered again."""

    status: int
    title: str
    text: str
    kept: str = ""
    todo: str = ""
    retry_after: int | None = None
    retry: bool = False


_NOTHING_LOST = "Nothing was changed or lost."
_AGAIN = "Try again in a moment."
_HELP = "If it happens again, ask your provider and name the request below."
_RELOAD = "Go back to the list and open it again."

TABLE: dict[type[BaseException], Fault] = {
    mail.Untrusted: Fault(
        502,
        "The mail server could not be checked",
        "Its certificate does not prove that it is your mail server.",
        "Your password was not sent to it.",
        "Your provider has to repair this. " + _HELP,
        300,
    ),
    Moving: Fault(
        503,
        "Your mailbox is being moved",
        "Your provider is moving it to another server. It opens again when that is done.",
        "Nothing is lost; mail that comes meanwhile is delivered afterwards.",
        "Try again in a few minutes.",
        60,
        retry=True,
    ),
    Down: Fault(
        503,
        "Your mail server is out of service",
        "Your provider has taken it out of service for a while.",
        "Your mail is safe on the server; you stay signed in.",
        "Try again in a few minutes.",
        60,
        retry=True,
    ),
    Draining: Fault(
        503,
        "Your mail server takes no new sign-ins for the moment",
        "Your provider is working on it. Where you are signed in already you can go on.",
        "Your mail is safe on the server.",
        "Try again in a few minutes.",
        60,
        retry=True,
    ),
    mail.ServerAway: Fault(
        503,
        "Your mail server does not answer",
        "We could not reach the server that holds your mail.",
        "Your mail is safe on the server; you stay signed in.",
        _AGAIN,
        10,
        retry=True,
    ),
    mail.TooManyConnections: Fault(
        503,
        "Too many connections to your mailbox",
        "Your mailbox is open in too many places at once.",
        _NOTHING_LOST,
        "Close other mail programs or windows, then try again.",
        10,
        retry=True,
    ),
    mail.SignInRefused: Fault(
        401,
        "Your password was changed",
        "The mail server no longer accepts the password you signed in with.",
        "Your mail is unchanged.",
        "Sign in with your new password.",
    ),
    mail.SignInUnavailable: Fault(
        503,
        "Your mail server is busy",
        "It could not check your password at the moment. That says nothing about it.",
        _NOTHING_LOST,
        _AGAIN,
        15,
        retry=True,
    ),
    mail.PasswordExpired: Fault(
        403,
        "Your password has expired",
        "It is right, but it has to be changed before you can read your mail.",
        "Your mail is unchanged.",
        "Change it where your provider says, then sign in again.",
    ),
    mail.NotAuthorized: Fault(
        403,
        "This mailbox is not open to you",
        "Your password is right, but the mail server does not let you in.",
        "",
        "Ask your provider and name the request below.",
    ),
    mail.ConnectionLost: Fault(
        502,
        "The connection to your mail server broke",
        "It ended before the answer was complete.",
        "What you were doing may or may not have been done; nothing was done by halves.",
        "Look at the list before you repeat a change.",
        2,
        retry=True,
    ),
    mail.ServerSilent: Fault(
        503,
        "Your mail server does not answer",
        "It fell silent before we had its whole answer.",
        "Your mail is safe on the server; you stay signed in.",
        _AGAIN,
        10,
        retry=True,
    ),
    mail.NobodyWaits: Fault(
        503, "The search was stopped", "The browser hung up before it was done.", _NOTHING_LOST, _AGAIN, 1, retry=True
    ),
    mail.MailboxGone: Fault(
        404,
        "This folder no longer exists",
        "It was deleted or renamed, perhaps in another program.",
        "Other folders are unchanged.",
    ),
    mail.Renumbered: Fault(
        409,
        "This folder was rebuilt",
        "The mail server numbered its messages anew, so old links fit no message now.",
        _NOTHING_LOST,
        _RELOAD,
    ),
    mail.MessageGone: Fault(
        404, "This message is no longer here", "It was moved or deleted, perhaps in another program.", "", ""
    ),
    mail.OverQuota: Fault(
        507,
        "Your mailbox is full",
        "The mail server has no room left for you.",
        _NOTHING_LOST,
        "Delete messages for good, in the trash too, then try again.",
    ),
    mail.Refused: Fault(502, "The mail server refused", "It would not do what was asked.", _NOTHING_LOST, _HELP),
    mail.CannotDo: Fault(501, "The mail server cannot do this", "It lacks what is needed.", _NOTHING_LOST, _HELP),
    mail.BadArgument: Fault(
        400,
        "This request makes no sense",
        "It held characters or numbers that no mail server takes.",
        _NOTHING_LOST,
        _RELOAD,
    ),
    mail.MailError: Fault(502, "Something went wrong with your mail server", "", _NOTHING_LOST, _HELP, retry=True),
    NoMailbox: Fault(
        404,
        "This account has no mailbox",
        "It only forwards mail to another address.",
        "Your mail is where it was forwarded to.",
        "",
    ),
    RedisError: Fault(
        503,
        "Not available for the moment",
        "A part of this service does not answer.",
        "You stay signed in. What you typed is still in the page before this one.",
        _AGAIN,
        5,
        retry=True,
    ),
    DirectoryError: Fault(
        503, "Not available for the moment", "We could not look up your account.", _NOTHING_LOST, _AGAIN, 10, retry=True
    ),
    DirectoryBroken: Fault(
        500, "Something is wrong on our side", "Your account could not be read.", _NOTHING_LOST, _HELP
    ),
    ProfileAway: Fault(
        503,
        "Not available for the moment",
        "Your contacts and settings cannot be reached. Reading and writing mail works on without them.",
        _NOTHING_LOST,
        _AGAIN,
        10,
        retry=True,
    ),
    Gone: Fault(
        404,
        "This is no longer here",
        "It was deleted meanwhile, perhaps in another window.",
        "",
        "Go back to the list.",
    ),
    Full: Fault(
        507, "There is no room left", "You keep as many of these as you may.", _NOTHING_LOST, "Delete some first."
    ),
    TooMany: Fault(
        429,
        "Too many attempts",
        "Signing in failed too often.",
        "Your account is unchanged.",
        "Wait a few minutes, then try again.",
    ),
    TooManyUploads: Fault(
        429,
        "Three files are on their way already",
        "More of yours cannot be sent at once, from all your windows together.",
        _NOTHING_LOST,
        "Wait until one of them is there.",
    ),
    Busy: Fault(503, "Many people are signing in", "There is no free place at the moment.", "", _AGAIN, 5, retry=True),
    BadHost: Fault(
        400,
        "Unknown address",
        "This service is not offered under the name you asked for.",
        "",
        "Check the address in your browser.",
    ),
    Unencrypted: Fault(
        403,
        "This connection is not encrypted",
        "Mail and passwords are not shown over an open connection.",
        "",
        "Use the address that begins with https.",
    ),
    ForeignRequest: Fault(
        403,
        "Another site asked for this",
        "A page that is not ours tried to change something here.",
        "Nothing was changed.",
        "If you did want it, do it from your mail.",
    ),
    NotYours: Fault(404, "This session is no longer there", "It has ended already, or it is not yours.", _NOTHING_LOST),
    NoRoom: Fault(
        507, "There is no room for files", "The service has no place for them at the moment.", _NOTHING_LOST, _AGAIN, 60
    ),
    Unproven: Fault(
        409,
        "Look at it once more",
        "The page was open for more than two weeks, or your browser does not say that it was ours."
        " So what you wrote was neither sent nor saved by itself.",
        "",
        "If it is yours, try again.",
    ),
    CSRFError: Fault(
        400,
        "This page was too old",
        "It was open for too long, or the browser sends no cookies.",
        "Nothing was changed.",
        "Go back, reload the page and do it again.",
    ),
}

HTTP_FAULTS: dict[int, Fault] = {
    400: Fault(400, "This request makes no sense", "The browser sent something that cannot be read.", _NOTHING_LOST),
    401: Fault(401, "Please sign in", "This page needs you to be signed in."),
    403: Fault(403, "Not allowed", "You may not see or do this.", _NOTHING_LOST),
    404: Fault(404, "There is nothing here", "The address leads to no page.", "", "Check it, or go to your inbox."),
    405: Fault(405, "That cannot be done here", "The address does not take this kind of request.", _NOTHING_LOST),
    408: Fault(408, "That took too long", "The request did not arrive in time.", _NOTHING_LOST, _AGAIN),
    409: Fault(409, "That has changed meanwhile", "Somebody or something else was quicker.", _NOTHING_LOST, _RELOAD),
    410: Fault(410, "No longer here", "What you asked for is gone.", "", ""),
    411: Fault(411, "The length is missing", "The browser does not say how large the file is.", _NOTHING_LOST),
    413: Fault(
        413,
        "That is too large",
        "The request is larger than this service takes.",
        _NOTHING_LOST,
        "Choose fewer or smaller things at once.",
    ),
    415: Fault(415, "This is not sent as a file", "The body of such a request is the file itself.", _NOTHING_LOST),
    416: Fault(416, "No such part", "The part that was asked for does not exist.", _NOTHING_LOST),
    429: Fault(429, "Too many requests", "There were too many in a short time.", _NOTHING_LOST, _AGAIN),
    503: Fault(503, "Not available for the moment", "The service is busy.", _NOTHING_LOST, _AGAIN, 5, retry=True),
}
TOO_LONG = Fault(
    401,
    "Your session has ended",
    "What you wrote is too long to be kept over a new sign-in, so it stands here.",
    "",
    "Sign in in another window, then try again in this one.",
)
UNEXPECTED = Fault(
    500, "Something went wrong on our side", "The page could not be made.", "Your mail is unchanged.", _HELP
)


def fault_of(error: BaseException) -> Fault:
    """The page of an error: the nearest entry in the table, with the error's own time to wait."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            fault = TABLE[kind]
            wait = getattr(error, "retry_after", None)
            return replace(fault, retry_after=max(1, math.ceil(wait))) if isinstance(wait, int | float) else fault
    if isinstance(error, HTTPException):
        return HTTP_FAULTS.get(error.code or 500) or _by_phrase(error.code or 500)
    return UNEXPECTED


def _by_phrase(status: int) -> Fault:
    if status >= 500 or status not in http.HTTPStatus.__members__.values():
        return UNEXPECTED
    return Fault(status, http.HTTPStatus(status).phrase, "", _NOTHING_LOST)
