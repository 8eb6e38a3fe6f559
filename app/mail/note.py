"""The note: what is known of the state of a kept connection, so that a warm lease needs no SELECT.

It travels between keeper and worker as JSON. EXISTS, EXPUNGE and codes are applied in the order in which they arrive;
imaplib's dictionary of untagged responses loses that order.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from app.mail.response import Response, code, status

_DESELECTS = frozenset({b"SELECT", b"EXAMINE", b"UNSELECT", b"DELETE", b"RENAME"})


@dataclass(slots=True)
class Note:
    """State of one IMAP connection. Times are seconds since the epoch; None means unknown or not offered.

    `selected` is None from before a SELECT, EXAMINE, UNSELECT, DELETE or RENAME goes out until a tagged OK.
    """

    capabilities: tuple[str, ...] = ()
    selected: str | None = None
    read_only: bool = False
    uidvalidity: int | None = None
    uidnext: int | None = None
    exists: int = 0
    highestmodseq: int | None = None
    permanentflags: tuple[str, ...] = ()
    uidnotsticky: bool = False
    enabled: tuple[str, ...] = ()
    authenticated_at: float = 0.0
    lease: int = 0
    rest: bytes = b""

    def before(self, command: bytes) -> None:
        """Called before a command goes out: a failed SELECT leaves no mailbox selected."""
        if command in _DESELECTS:
            self.selected = None
            if command in (b"SELECT", b"EXAMINE"):
                self.forget_mailbox()

    def forget_mailbox(self) -> None:
        """Nothing is known of the mailbox that is selected next."""
        self.read_only, self.uidnotsticky, self.exists, self.permanentflags = False, False, 0, ()
        self.uidvalidity = self.uidnext = self.highestmodseq = None

    def apply(self, response: Response) -> str | None:
        """Takes in one untagged response. Out: why the connection must not be reused, or None."""
        line = response[0]
        if 0x30 <= line[2] <= 0x39 if len(line) > 2 else False:
            self._numbered(line)
            return None
        word = status(line)
        if not word:
            return self._named(line)
        self.take_code(line)
        # RFC 3501 §7.1: words for the user; RFC 4315 §4 says so of UIDs that do not last: nothing failed
        if word == b"NO" and code(line)[0] in (b"ALERT", b"UIDNOTSTICKY"):
            return None
        return None if word == b"OK" else f"untagged {word.decode()}"

    def _numbered(self, line: bytes) -> None:
        if b" FETCH (" in line[3:22]:  # of 50 rows; tells nothing of the mailbox
            return
        words = line.split(b" ", 3)
        if len(words) < 3 or not words[1].isdigit() or len(words[1]) > 10:
            return
        name = words[2].upper()
        if name == b"EXISTS":
            self.exists = int(words[1])
        elif name == b"EXPUNGE":
            self.exists = max(0, self.exists - 1)

    def _named(self, line: bytes) -> str | None:
        name, _, value = line[2:].partition(b" ")
        name = name.upper()
        if name == b"CAPABILITY":
            self.capabilities = _words(value.upper())
        elif name == b"ENABLED":
            self.enabled = tuple(dict.fromkeys(self.enabled + _words(value.upper())))
        elif name == b"VANISHED":
            return "VANISHED breaks counting"
        return None

    def take_code(self, line: bytes) -> None:
        """Takes in the response code of a status line, tagged or untagged."""
        name, value = code(line)
        if name == b"CAPABILITY":
            self.capabilities = _words(value.upper())
        elif name == b"PERMANENTFLAGS":
            self.permanentflags = _words(value.strip(b"()"))
        elif name == b"UIDNOTSTICKY":
            self.uidnotsticky = True
        elif name in (b"READ-ONLY", b"READ-WRITE"):
            self.read_only = name == b"READ-ONLY"
        elif name in (b"UIDVALIDITY", b"UIDNEXT", b"HIGHESTMODSEQ") and value.isdigit() and len(value) <= 20:
            setattr(self, name.lower().decode(), int(value))

    def has(self, capability: str) -> bool:
        """Whether the server offers it, by its name in any case."""
        return capability.upper() in self.capabilities

    @property
    def keeps_selection(self) -> bool:
        """False where UIDs do not hold from one session to the next: nothing may be remembered then."""
        return self.uidvalidity is not None and not self.uidnotsticky

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON; read back by `from_record`."""
        record: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        record["rest"] = base64.b64encode(self.rest).decode()
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Note:
        """ValueError, TypeError or KeyError on a record that is not a note."""
        known = {name: record[name] for name in cls.__slots__}
        for name in ("capabilities", "permanentflags", "enabled"):
            known[name] = tuple(map(str, known[name]))
        known["rest"] = base64.b64decode(known["rest"], validate=True)
        return cls(**known)


def _words(value: bytes) -> tuple[str, ...]:
    return tuple(word.decode("ascii", "replace") for word in value.split())
