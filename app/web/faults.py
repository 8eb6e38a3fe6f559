"""One table from error to page: what happened, what was kept, what to do, and when to try again.

Words of a mail server, names of servers and logins never stand on a page; they are in the log under the request's id.
"""

import http
import math
from dataclasses import replace

from flask_wtf.csrf import CSRFError
from redis import RedisError
from werkzeug.exceptions import HTTPException

from app.blocklog.errors import LogAway, LogBusy
from app.directory.errors import DirectoryBroken, DirectoryError, Overtaken, ReadOnly
from app.policy.errors import PolicyAway
from app.profile.errors import Full, Gone, ProfileAway
from app.store.throttle import TooMany
from app.store.uploads import TooManyUploads
from app.web.carry import Unproven
from app.web.fault import (
    AGAIN,
    HELP,
    NOTHING_LOST,
    RELOAD,
    BadHost,
    Busy,
    Fault,
    ForeignRequest,
    NotYours,
    Unencrypted,
)
from app.web.faults_mail import MAIL
from app.web.spool import NoRoom

TABLE: dict[type[BaseException], Fault] = MAIL | {
    RedisError: Fault(
        503,
        "Not available for the moment",
        "A part of this service does not answer.",
        "You stay signed in. What you typed is still in the page before this one.",
        AGAIN,
        5,
        retry=True,
    ),
    DirectoryError: Fault(
        503, "Not available for the moment", "We could not look up your account.", NOTHING_LOST, AGAIN, 10, retry=True
    ),
    DirectoryBroken: Fault(
        500, "Something is wrong on our side", "Your account could not be read.", NOTHING_LOST, HELP
    ),
    ReadOnly: Fault(
        403,
        "Accounts are kept elsewhere",
        "This website may read the directory of accounts, and not change it.",
        "Nothing was changed.",
        "Change it where your accounts are managed.",
    ),
    Overtaken: Fault(
        409, "That has changed meanwhile", "Somebody else was quicker.", "Nothing was changed.", RELOAD
    ),
    ProfileAway: Fault(
        503,
        "Not available for the moment",
        "Your contacts and settings cannot be reached. Reading and writing mail works on without them.",
        NOTHING_LOST,
        AGAIN,
        10,
        retry=True,
    ),
    PolicyAway: Fault(
        503,
        "Lists and settings cannot be reached at the moment",
        "Reading and writing mail works on without them.",
        NOTHING_LOST,
        AGAIN,
        5,
        retry=True,
    ),
    LogBusy: Fault(
        503,
        "The log is busy",
        "It did not answer within two seconds. Reading and writing mail works on without it.",
        NOTHING_LOST,
        AGAIN,
        5,
        retry=True,
    ),
    LogAway: Fault(
        503,
        "The log cannot be read at the moment",
        "What was refused cannot be shown. Reading and writing mail works on without it.",
        NOTHING_LOST,
        "Try again in a few minutes.",
        30,
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
        507, "There is no room left", "You have as many of these as you may keep.", NOTHING_LOST, "Delete some first."
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
        NOTHING_LOST,
        "Wait until one of them is there.",
    ),
    Busy: Fault(503, "Many people are signing in", "There is no free place at the moment.", "", AGAIN, 5, retry=True),
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
    NotYours: Fault(404, "This session is no longer there", "It has ended already, or it is not yours.", NOTHING_LOST),
    NoRoom: Fault(
        507, "There is no room for files", "The service has no place for them at the moment.", NOTHING_LOST, AGAIN, 60
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
        "It was open for too long, you signed out meanwhile, or the browser sends no cookies.",
        "Nothing was changed.",
        "Go back, reload the page and do it again.",
    ),
}

HTTP_FAULTS: dict[int, Fault] = {
    400: Fault(400, "This request makes no sense", "The browser sent something that cannot be read.", NOTHING_LOST),
    401: Fault(401, "Please sign in", "This page needs you to be signed in."),
    403: Fault(403, "Not allowed", "You may not see or do this.", NOTHING_LOST),
    404: Fault(404, "There is nothing here", "The address leads to no page.", "", "Check it, or go to your inbox."),
    405: Fault(405, "That cannot be done here", "The address does not take this kind of request.", NOTHING_LOST),
    408: Fault(408, "That took too long", "The request did not arrive in time.", NOTHING_LOST, AGAIN),
    409: Fault(409, "That has changed meanwhile", "Somebody or something else was quicker.", NOTHING_LOST, RELOAD),
    410: Fault(410, "No longer here", "What you asked for is gone.", "", ""),
    411: Fault(411, "The length is missing", "The browser does not say how large the file is.", NOTHING_LOST),
    413: Fault(
        413,
        "That is too large",
        "The request is larger than this service takes.",
        "Nothing was changed.",
        "Go back, and send less at once: fewer or smaller files, a shorter text.",
    ),
    415: Fault(415, "This is not sent as a file", "The body of such a request is the file itself.", NOTHING_LOST),
    416: Fault(416, "No such part", "The part that was asked for does not exist.", NOTHING_LOST),
    429: Fault(429, "Too many requests", "There were too many in a short time.", NOTHING_LOST, AGAIN),
    503: Fault(503, "Not available for the moment", "The service is busy.", NOTHING_LOST, AGAIN, 5, retry=True),
}
TOO_LONG = Fault(
    401,
    "Your session has ended",
    "What you wrote is too long to be kept over a new sign-in, so it stands here.",
    "",
    "Sign in in another window, then try again in this one.",
)
UNEXPECTED = Fault(
    500, "Something went wrong on our side", "The page could not be made.", "Your mail is unchanged.", HELP
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
    return Fault(status, http.HTTPStatus(status).phrase, "", NOTHING_LOST)
