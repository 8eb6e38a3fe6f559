"""What one line of a log tells, before it is joined with what other lines of the same message tell (join.py).

Times are aware, in UTC. Addresses stand as the log has them; join.py lower-cases and resolves them. `queue_id` is the
mail server's name of a message within one `instance` of its program ("postfix", "postfix-in", "exim"); None: none yet.
Nobody changes one. They are not frozen, as a frozen Line takes 1.1 µs to make and this one 0.4, of 20 µs for a line.
"""

from dataclasses import dataclass, field
from datetime import datetime

from app.blocklog.codes import Fate, Lesson, Outcome, Policy, Stage


@dataclass(slots=True)
class Line:
    """A line of a log without its beginning. `program` is the last part of the name ("smtpd"), `instance` what stands
    before it ("postfix-in", "postfix/submission"; without any, the program's own name). A record of Exim's rejectlog is
    one Line: `text` holds all its lines, with newlines between, up to the next that begins with a time. (No line of a
    stranger's header can. Exim writes a record in one piece, so that the end of the file ends one, too.)"""

    at: datetime
    host: str
    program: str
    instance: str
    pid: int | None
    text: str


@dataclass(slots=True, unsafe_hash=True)
class Peer:
    """Who was connected. `ip` canonical text without brackets; `name` the verified host name, "" for none. `proven`:
    nothing that a stranger wrote can have put another's address beside this HELO, and nobody had signed in."""

    ip: str = ""
    name: str = ""
    helo: str = ""
    proven: bool = field(default=False, compare=False)


@dataclass(slots=True)
class Refused:
    """Something stopped a message. `recipients`: those of this line only. `policy` and `detail` where the line itself
    says them; otherwise classify.py reads `text`, the reply as the client got it. `score` is the content filter's,
    `stored` where the message is kept ("amavis:<mail_id>"), `partner` a queue id of another program's that it
    belongs to. `whole`: `recipients` are all that the message had. `rule`: the number of Postern's rule that did it,
    as our own server tells it."""

    at: datetime
    instance: str
    queue_id: str | None
    stage: Stage
    outcome: Outcome
    text: str
    recipients: tuple[str, ...] = ()
    whole: bool = False
    sender: str | None = None
    peer: Peer = Peer()
    code: int | None = None
    dsn: str | None = None
    policy: Policy | None = None
    detail: str | None = None
    score: float | None = None
    subject: str | None = None
    message_id: str | None = None
    stored: str | None = None
    partner: str | None = None
    pid: int | None = None
    rule: int | None = None


@dataclass(slots=True)
class Told:
    """A fact about a message: what is None, this line does not say. `user`: who signed in to send it."""

    at: datetime
    instance: str
    queue_id: str
    pid: int | None = None
    sender: str | None = None
    recipient: str | None = None  # one more that was accepted
    peer: Peer | None = None
    user: str | None = None
    message_id: str | None = None
    subject: str | None = None
    size: int | None = None
    count: int | None = None  # of recipients


@dataclass(slots=True)
class Delivery:
    """What became of a message for one recipient. `original`: as the client named it, where the server rewrote it.
    `next_id`: under which queue id another hop of ours took it ("queued as"): the same message, not another one.
    `discarded`: the next hop took it and threw it away. `local`: it ended in a mailbox."""

    at: datetime
    instance: str
    queue_id: str
    recipient: str
    fate: Fate
    original: str | None = None
    relay: str = ""
    dsn: str | None = None
    reply: str = ""
    next_id: str | None = None
    discarded: bool = False
    local: bool = False


@dataclass(slots=True)
class Ended:
    """The server forgot the message: its queue id may be used again."""

    at: datetime
    instance: str
    queue_id: str


@dataclass(slots=True)
class GreylistPassed:
    """A greylisting service let through what it had delayed."""

    at: datetime
    sender: str
    recipient: str
    ip: str


@dataclass(slots=True)
class Visit:
    """One connection of a sending server, as far as the log tells: counts of commands that were taken and refused."""

    at: datetime
    ip: str
    connections: int = 0
    reverse_ok: int = 0
    helo_ok: int = 0
    quit: int = 0
    bad_from: int = 0
    bad_rcpt: int = 0
    ok_rcpt: int = 0


@dataclass(slots=True)
class Screened:
    """One line of postscreen's: `said` is its first word where that is a verdict on a client ("address port"), or that
    its line was closed."""

    at: datetime
    instance: str
    pid: int | None
    said: str = ""
    client: str = ""


@dataclass(slots=True)
class Allowed:
    """A rule of Postern's let a mail in; of whom, no line says."""

    at: datetime
    rule: int


@dataclass(slots=True)
class SignedIn:
    """Somebody used a service with their own program: `service` imap, pop3 or smtp, under the `login` it knows."""

    at: datetime
    service: str
    login: str
    ip: str = ""


@dataclass(slots=True)
class Learnt:
    """A filter was to learn a message that was moved, as spam or as good mail, by the one who signs in as `login`."""

    at: datetime
    login: str
    spam: bool
    lesson: Lesson
    message_id: str = ""


@dataclass(slots=True)
class Odd:
    """A line that could not be read though it looks like a refusal, or is none of a log: counted, shown to admins."""

    text: str
    why: str


Event = Refused | Told | Delivery | Ended | GreylistPassed | Visit | Screened | Allowed | SignedIn | Learnt | Odd
