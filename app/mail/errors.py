"""The one tree of errors of the mail room: whatever a mail server, a line or a caller does wrong ends here.

    MailError
    ├─ ServerAway            refused, no such host, connect or greeting timed out, breaker open  (.retry_after seconds)
    │  └─ Untrusted          the certificate is not the server's, or not trusted
    ├─ TooManyConnections    NO [LIMIT], or our own limits (RFC 5530 §3)
    ├─ SignInRefused         NO [AUTHENTICATIONFAILED], or NO without a code  (.code)
    ├─ SignInUnavailable     NO [UNAVAILABLE]: says nothing about the password
    ├─ PasswordExpired       NO [EXPIRED]
    ├─ NotAuthorized         NO [AUTHORIZATIONFAILED]
    ├─ ConnectionLost        BYE, end of file, garbage
    │  └─ ServerSilent       no byte for longer than a page, or a change, can wait
    ├─ NobodyWaits           the browser hung up while a search ran: the connection ends, so that the server stops
    ├─ MailboxGone           deleted, renamed or never there
    ├─ Renumbered            another UIDVALIDITY than the caller's
    ├─ MessageGone           expunged elsewhere
    ├─ Refused               any other tagged NO  (.text, .code)
    │  ├─ NotPermitted       NO [NOPERM], or a mailbox that may only be read
    │  └─ Declined           the submission server refused sender, size or message; nothing was sent  (.permanent)
    ├─ OverQuota             NO [OVERQUOTA]
    ├─ CannotDo              the server lacks what is needed, or answered BAD
    └─ BadArgument           refused by our own choke point before a byte went out

`app/web/errors.py` maps each to its page.
"""

from __future__ import annotations


class MailError(Exception):
    """Base of all. `text` is for logs and operators: it never holds a password, but may hold the server's words."""

    def __init__(self, text: str = "", *, code: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class ServerAway(MailError):
    """The mail server cannot be reached. `retry_after`: seconds after which another try makes sense."""

    def __init__(self, text: str = "", *, code: str = "", retry_after: float = 10.0) -> None:
        super().__init__(text, code=code)
        self.retry_after = retry_after


class Untrusted(ServerAway):
    """The server's certificate does not prove that it is the server; there is no way round it."""


class TooManyConnections(MailError):
    """The account, or the server, has as many connections as it may have."""


class SignInRefused(MailError):
    """Wrong login or password."""


class SignInUnavailable(MailError):
    """The server cannot check the password at the moment."""


class PasswordExpired(MailError):
    """The password was right and is no longer valid."""


class NotAuthorized(MailError):
    """The password is right, but this login may not open this mailbox."""


class ConnectionLost(MailError):
    """The connection ended, fell silent or got out of step in the middle of something. `told`: what came before."""

    told: tuple[tuple[bytes, ...], ...] = ()


class ServerSilent(ConnectionLost):
    """The server took a command and fell silent, before its answer or in the middle of it."""


class NobodyWaits(MailError):
    """Who asked hung up in the middle of a search; the connection was given up, so that the server stops searching."""


class MailboxGone(MailError):
    """The mailbox does not exist (any more)."""


class Renumbered(MailError):
    """The mailbox has another UIDVALIDITY: no UID known before means anything now (RFC 3501 §2.3.1.1)."""


class MessageGone(MailError):
    """The message was expunged."""


class Refused(MailError):
    """A tagged NO that has no class of its own."""


class NotPermitted(Refused):
    """The account may not do that there: the mailbox is somebody else's, or may only be read (RFC 4314, RFC 5530)."""


class Declined(Refused):
    """The submission server refused the sender, the size or the message. `permanent`: and will again."""

    def __init__(self, text: str = "", *, code: str = "", permanent: bool = True) -> None:
        super().__init__(text, code=code)
        self.permanent = permanent


class OverQuota(MailError):
    """The mailbox is full."""


class CannotDo(MailError):
    """The server lacks a capability, or does not understand the command."""


class BadArgument(MailError, ValueError):
    """An argument that must not reach the wire: control characters, a bad flag, a bad set of UIDs."""
