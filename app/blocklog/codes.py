"""The small stable integers of the block log's columns, and their names in exports.

They lie in every database and in what others made of an export: a number is never given to another meaning.
"""

from enum import IntEnum
from typing import TypeVar


class Policy(IntEnum):
    """Which kind of check refused. Pages name them in words (reason.py)."""

    rbl = 1  # the sending server is on a block list
    rhsbl = 2  # a domain of the sender, HELO or a link is
    spam = 3  # its content scored too high
    header = 4
    body = 5
    mime = 6  # a forbidden kind of attachment
    virus = 7
    rule = 8  # an allow or deny list of ours
    greylist = 9
    helo = 10
    client = 11  # no reverse name, a dial-up range, a list of clients
    sender = 12  # the sender's address or domain does not exist
    spf = 13
    dkim = 14
    dmarc = 15
    rate = 16
    size = 17
    rcpt = 18  # no such recipient
    relay = 19
    protocol = 20  # pregreeting, pipelining, syntax, too many recipients
    other = 21
    quota = 22
    internal = 99  # faults of the mail system itself: never counted as blocked


# Whose mail it was does not matter to its recipient, or there is none: for admins only.
ADMINS_ONLY = frozenset({Policy.rcpt, Policy.relay, Policy.protocol, Policy.internal})


class Outcome(IntEnum):
    """What became of a mail that was stopped."""

    refused = 1  # 5xx: the sender was told
    delayed = 2  # 4xx: asked to come again
    discarded = 3  # thrown away; nobody was told
    quarantined = 4  # kept, and can be released
    held = 5
    junked = 6  # delivered, to Junk or with a mark
    dropped = 7  # thrown away after it was accepted
    would_block = 8  # warned of only; hidden


class Stage(IntEnum):
    """Where in the SMTP dialogue."""

    unknown = 0
    connect = 1
    helo = 2
    mail = 3
    rcpt = 4
    data = 5
    end_of_message = 6
    after_acceptance = 7


class Known(IntEnum):
    """How sure a row's recipient is."""

    certain = 1
    others_unknown = 2  # the message had more, which no log tells
    joined = 3  # put together from several lines


class Resolved(IntEnum):
    """How a stopped mail came through after all."""

    greylist_passed = 1
    released = 2
    sender_allowed = 3
    expired = 4


class Accepted(IntEnum):
    """What became of a mail that was accepted."""

    inbox = 1
    junk = 2
    forwarded = 3
    bounced = 4
    sent = 5  # by one of our own users


RECEIVED = frozenset(Accepted) - {Accepted.sent}


class Fate(IntEnum):
    """How far a mail that one of our users sent has come, for one recipient."""

    queued = 1
    deferred = 2
    delivered = 3
    bounced = 4


class Lesson(IntEnum):
    """What a spam filter did with a message that it was to learn."""

    learnt = 1
    known = 2  # it had learnt it already
    refused = 3  # too little text, or what its own conditions keep out
    failed = 4  # it did not answer, or not in time


_Code = TypeVar("_Code", bound=IntEnum)


def code(kind: type[_Code], number: int, otherwise: _Code) -> _Code:
    """A code by its number. One that only a newer program knows is no error on a page."""
    try:
        return kind(number)
    except ValueError:
        return otherwise


def word(code: IntEnum) -> str:
    """A code's name as exports write it: `would-block`."""
    return code.name.replace("_", "-")
