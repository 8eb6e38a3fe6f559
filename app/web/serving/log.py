"""The log: one JSON object a line on stderr, with the request's id. No password, no mail text, no forged line.

JSON escapes line breaks and terminal codes. Of an unexpected exception only the type and where it was raised are
written: its message may quote the mail or the form that caused it. Addresses of pages are logged as endpoint names,
because paths and queries hold mailbox names and searches.
"""

import json
import logging
import sys
import time
import traceback
from typing import Any

from flask import g, has_request_context, request
from redis import RedisError

from app.mail.errors import MailError
from app.mail.wire import encoded_mailbox

logger = logging.getLogger("postern")
EXTRA = ("endpoint", "method", "status", "ms", "account", "error", "where", "detail", "network", "setting")
DETAIL_LENGTH = 300
LEAST_TYPED = 3  # letters; shorter ones tell nothing, and stand in every sentence
CUT_TYPED = 12  # letters of the beginning of a longer one


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line break."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context() and "request_id" in g:
            line["request_id"] = g.request_id
        line.update({name: getattr(record, name) for name in EXTRA if hasattr(record, name)})
        if record.exc_info and record.exc_info[1] is not None:
            line.update(described(record.exc_info[1]))
        return json.dumps(line, default=str)


def described(error: BaseException) -> dict[str, Any]:
    """An exception for the log: its type, where it came from, and its words only where they cannot quote mail."""
    frames = traceback.extract_tb(error.__traceback__)
    told: dict[str, Any] = {
        "error": type(error).__name__,
        "where": [f"{frame.filename.rpartition('/app/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    }
    if isinstance(error, MailError):
        told["detail"] = _without_what_was_typed(f"{error.code} {error.text}".strip())[:DETAIL_LENGTH]
    elif isinstance(error, RedisError):
        # redis-py quotes the failed command with its arguments in front of this.
        told["detail"] = str(error).rpartition("caused error: ")[2][:DETAIL_LENGTH]
    elif isinstance(error, OSError) and error.errno:
        told["detail"] = f"errno {error.errno}"
    if error.__cause__ is not None:
        told["cause"] = type(error.__cause__).__name__
    return told


def _without_what_was_typed(words: str) -> str:
    """A server's words without what they quote of the request: "Mailbox doesn't exist: …"."""
    if not has_request_context():
        return words
    values: list[object] = [*(request.view_args or {}).values(), *request.args.values()]
    if "form" in request.__dict__:  # read already; not now, where reading it may be what failed
        values += request.form.values()
    typed = {str(each) for each in values} - {"INBOX"}
    for value in sorted(typed | {encoded_mailbox(each) for each in typed}, key=len, reverse=True):
        if len(value) >= LEAST_TYPED:
            words = _without(words, value)
    return words


def _without(words: str, value: str) -> str:
    words = words.replace(value, "…")
    for length in range(min(len(value), len(words)), CUT_TYPED - 1, -1):
        if words.endswith(value[:length]):  # its end was cut off with that of the server's words (text_of)
            return f"{words[:-length]}…"
    return words


class Stderr(logging.StreamHandler[Any]):
    """Writes to stderr as it is at the moment; a log that cannot be written fails no request."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Logging's own would print the record with its arguments."""


def set_up(level: str) -> None:
    """All loggers write JSON lines to stderr; only ours goes below WARNING (imapclient logs LOGIN at DEBUG)."""
    root = logging.getLogger()
    if not any(isinstance(each, Stderr) for each in root.handlers):
        output = Stderr()
        output.setFormatter(JsonLines())
        root.addHandler(output)
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())
    for name in ("imapclient", "imapclient.imaplib", "imapclient.tls"):
        logging.getLogger(name).setLevel(logging.WARNING)
