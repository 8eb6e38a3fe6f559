"""How large the files of a message may be: the smallest of what we, a proxy and the submission server take.

Files travel as base64 (RFC 2045 §6.8: lines of 76 letters and CRLF for 57 octets), beside a header and a text.
"""

import threading

from redis import Redis

from app.mail.errors import MailError
from app.mail.submission import largest
from app.mail.tls import Endpoint
from app.store import largest as kept
from app.web.format import size
from app.web.letter.letter import Letter
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.session import Current

BESIDE = 131_072  # octets left for header, text and the fields of each file


def whole_message(me: Current) -> int:
    """Octets of the largest message that can be sent, as far as the submission server's limit is known."""
    ours, server = resources().settings.message_bytes, me.account.server
    if server is None or server.submission is None:
        return ours
    known, ask = kept.recall(resources().cache, _name(server.submission))
    if ask:
        told = (resources().cache, server.submission, resources().settings.ca_file)
        threading.Thread(target=_learn, args=told, daemon=True).start()
    return min(ours, known or ours)


def all_files(me: Current) -> int:
    """Octets that all files of a message may have together, as they are on somebody's disk."""
    return max(0, whole_message(me) - BESIDE) * 57 // 78


def one_file(me: Current) -> int:
    """Octets of the largest file that can be uploaded: a proxy in front of us looks at each request alone."""
    return min(all_files(me), resources().settings.proxy_bytes or all_files(me))


def too_large(me: Current, letter: Letter) -> str:
    """What is said of a letter that is larger than what can be sent; "" of others."""
    octets = sum(each.size for each in letter.files) + len(letter.text.encode(errors="replace"))
    most = whole_message(me)
    if octets <= most:
        return ""
    return f"With its files the message has {size(octets)}, and {size(most)} can be sent. Take some off."


def _name(endpoint: Endpoint) -> str:
    return f"{endpoint.host}:{endpoint.port}:{endpoint.security}"


def _learn(cache: Redis, endpoint: Endpoint, ca_file: object) -> None:
    """Asks the server, beside the request."""
    try:
        kept.remember(cache, _name(endpoint), largest(endpoint, ca_file=str(ca_file) if ca_file else None))
    except MailError as error:
        logger.info("the submission server did not tell its limit", extra=described(error))
        kept.failed(cache, _name(endpoint))
