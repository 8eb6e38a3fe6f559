"""What gunicorn itself says: to requests that no page ever sees, because they cannot be read, and in the log.

gunicorn's own page repeats what came and has none of our headers; its log has whole addresses with what was searched
for, in lines that are no JSON. Loaded in the master too, hence without Flask.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.util import write_nonblock

from app.keeper.log import JsonLines

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title></head>
<body><main><h1>{title}</h1><p>{text} Nothing was changed.</p><p>{todo}</p><p><a href="/">To your mail</a></p>
<p>Request {request}</p></main></body></html>
"""
HEADERS = (
    "Connection: close",
    "Content-Type: text/html; charset=utf-8",
    "Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: no-referrer",
    "Cross-Origin-Opener-Policy: same-origin",
    "Cross-Origin-Resource-Policy: same-origin",
    "Cache-Control: no-store",
)
BACK = "Go back to the page before this one: what you typed is still there."
ASK = "If it happens again, ask your provider and name the request below."
OURS = (
    "500 Internal Server Error",
    "Something is wrong on our side",
    "The request could not be answered.",
    f"Try again in a moment. {ASK}",
)
# By gunicorn's error: status, title, what happened, what to do. The nearest one of its tree counts.
TABLE: dict[type[Exception], tuple[str, str, str, str]] = {
    LimitRequestLine: (
        "414 URI Too Long",
        "This address is too long",
        "The address that your browser asked for is longer than we read. Perhaps it carries a whole text.",
        f"{BACK} Search for fewer words, or put the text into the message itself.",
    ),
    LimitRequestHeaders: (
        "431 Request Header Fields Too Large",
        "Your browser sent too much beside its request",
        "Mostly these are cookies, of this address and of others of your provider.",
        "Delete the cookies of this address in your browser, then sign in again.",
    ),
    ParseException: (
        "400 Bad Request",
        "This request cannot be read",
        "What came here is not what a browser sends. Perhaps it was changed on its way.",
        f"{BACK} Try again. {ASK}",
    ),
    InvalidResponseHeader: OURS,
    InvalidResponseHeaderName: OURS,
    Exception: OURS,
}


class Lines(Logger):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn's log as JSON lines, as all of the node's logs."""

    def _set_handler(self, log: logging.Logger, output: Any, fmt: logging.Formatter, stream: Any = None) -> None:
        super()._set_handler(log, output, JsonLines(), stream)


def refuse(sock: Any, address: Any, error: Exception, log: Logger) -> None:
    """Answers a request that could not be read, with words of ours only; one line in the log says why."""
    status, title, text, todo = TABLE[next(each for each in type(error).__mro__ if each in TABLE)]
    request = secrets.token_hex(8)
    told = {"request_id": request, "status": int(status[:3]), "error": type(error).__name__}
    told["network"] = address[0] if isinstance(address, tuple) else ""
    if status == OURS[0]:
        log.error("request failed", extra=told, exc_info=error)
    else:
        log.warning("unreadable request", extra=told)
    page = PAGE.format(title=title, text=text, todo=todo, request=request).encode()
    head = "\r\n".join((f"HTTP/1.1 {status}", *HEADERS, f"Content-Length: {len(page)}", "", ""))
    try:
        write_nonblock(sock, head.encode() + page)
    except OSError:
        log.debug("nobody took the answer")
