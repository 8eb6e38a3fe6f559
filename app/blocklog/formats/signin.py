"""Who used IMAP, POP3 or submission with a mail program of their own: login lines of Dovecot 2.3 (`Login:`) and 2.4
(`Logged in:`), Courier and Cyrus. Those of SMTP by Postfix and Exim stand in the lines of their mail.

Only successful logins, anchored at the beginning of the text: a name that somebody tried in vain proves nothing.
"""

import re
from collections.abc import Iterable

from app.blocklog.event import Event, Line, SignedIn
from app.blocklog.formats.eximwords import ip

PROGRAMS = frozenset(
    {
        *("dovecot", "imap-login", "pop3-login", "submission-login"),
        *("imapd", "imapd-ssl", "pop3d", "pop3d-ssl"),
        *("imap", "imaps", "pop3", "pop3s"),
    }
)
_NAME = r"[^\s<>,\x00-\x1f\x7f]{1,320}"
_DOVECOT = re.compile(
    rf"(?:(?P<service>imap|pop3|submission)-login: )?(?:Info: )?(?:Login|Logged in): user=<(?P<login>{_NAME})>,"
    r"(?:[^\n]{0,200}? rip=(?P<ip>[0-9A-Fa-f:.]+))?"
)
_COURIER = re.compile(rf"LOGIN, user=(?P<login>{_NAME}), ip=\[(?:::ffff:)?(?P<ip>[0-9A-Fa-f:.]+)\]")
_CYRUS = re.compile(rf"login: (?:\S{{1,255}} )?\[(?P<ip>[0-9A-Fa-f:.]+)\] (?P<login>{_NAME}) \S{{1,40}} User logged in")
_SERVICES = {"submission": "smtp"}


class Reader:
    """Reads login lines, each by itself."""

    def read(self, line: Line) -> Iterable[Event]:
        """Who used what, from where; nothing of most lines."""
        program = line.program
        if program == "dovecot" or program.endswith("-login"):
            found = _DOVECOT.match(line.text)
            service = found and (found["service"] or program.removesuffix("-login"))
        elif program.startswith(("imapd", "pop3d")):
            found, service = _COURIER.match(line.text), program[:4]
        else:
            found, service = _CYRUS.match(line.text), program[:4]
        if not found or service == "dovecot" or not service:
            return ()
        return (SignedIn(line.at, _SERVICES.get(service, service), found["login"], ip(found["ip"])),)
