"""A connection to a mailbox, lent to us: an IMAPClient on a socket that somebody else logged in and will close.

`ask` is the lean way for hot paths; imapclient's methods work beside it and go through the same reader, tags, note and
choke point. Whatever leaves the connection in doubt marks it, so that it is never handed back.
"""

from __future__ import annotations

import imaplib
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import imapclient
from imapclient.imapclient import _is8bit

from app.mail.errors import BadArgument, CannotDo, ConnectionLost, MailboxGone, MailError, Refused, Renumbered
from app.mail.note import Note
from app.mail.response import Response, refusal, status, text_of
from app.mail.stream import Stream, Traffic
from app.mail.wire import CRLF, Argument, Literal, chunks, command_name, flag_list, quote, quote_mailbox, uid_set

__all__ = [
    "Answer", "Argument", "Connection", "Literal", "Note", "Traffic", "chunks", "flag_list", "quote", "quote_mailbox",
    "uid_set",
]  # fmt: skip


_TAGGED = re.compile(rb"(?P<tag>[A-Za-z][A-Za-z0-9]*\d) (?P<type>[A-Z]+) (?P<data>.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one command that was OK.

    `text` is the tagged line after `OK `, response code included. `untagged` holds the untagged responses in order of
    arrival, each as the pieces of its line: the line from `* ` on, without CRLF and with `{n}` where a literal follows,
    then the Literal, then the rest of the line, and so on.
    """

    text: bytes
    untagged: tuple[Response, ...]


class _Adopted(imaplib.IMAP4):
    """imaplib on a Stream. Its own errors become ours; it opens, closes, logs and remembers nothing."""

    error = CannotDo  # type: ignore[assignment]  # imaplib raises `self.error`, e.g. after BAD
    abort = ConnectionLost  # type: ignore[assignment]
    readonly = Refused  # type: ignore[assignment]

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._line = b""
        super().__init__()

    def open(self, *_args: Any, **_options: Any) -> None:
        self.sock = self.stream.sock

    def _connect(self) -> None:
        self.debug = 0
        self.tagpre: Any = self.stream.prefix
        self.tagre: Any = _TAGGED  # one for all: compiling one for each lease cost a quarter of a millisecond
        self.capabilities = self.stream.note.capabilities
        self.PROTOCOL_VERSION = "IMAP4REV1"
        self._cmd_log: dict[int, Any] = {}
        self._cmd_log_idx, self._cmd_log_len = 0, 10
        self.welcome = b""

    def _log(self, _line: object) -> None:
        """imaplib would keep the last ten lines in memory and print them on abort."""

    def _mesg(self, _text: object, secs: object = None) -> None:
        """And write them to stderr."""

    @property
    def state(self) -> str:
        return "AUTH" if self.stream.note.selected is None else "SELECTED"

    @state.setter
    def state(self, _value: str) -> None:
        """The note knows."""

    def read(self, size: int) -> bytes:
        part = self.stream.part()
        if len(part) != size:
            raise self.stream.lose("out of step")
        return part

    def readline(self) -> bytes:
        return self.stream.part() + CRLF

    def send(self, data: Any) -> NoReturn:
        raise BadArgument("only whole commands leave here")

    def shutdown(self) -> NoReturn:
        raise BadArgument("a lent connection is not shut down by its borrower")

    def start(self, line: Sequence[Argument]) -> bytes:
        """Sends one command for imapclient; whatever untagged data lay about from before is dropped."""
        self.untagged_responses.clear()
        tag = self.stream.start(line)
        self.tagged_commands[tag] = None
        return tag

    def _command(self, name: str, *args: Any) -> bytes:
        line: list[Argument] = [name.encode("ascii")]
        line += [_wire_form(arg) for arg in args if arg is not None]
        literal: Any = self.literal
        self.literal = None
        if literal is not None:
            line.append(Literal(literal))
        return self.start(line)

    def _get_line(self) -> bytes:
        return self.readline()[:-2]


def _wire_form(argument: Any) -> bytes:
    if isinstance(argument, str):
        try:
            return argument.encode("ascii")
        except UnicodeEncodeError:
            raise BadArgument("8-bit characters in an argument") from None
    if not isinstance(argument, bytes):
        raise BadArgument(f"an argument of type {type(argument).__name__}")
    return argument


class Connection(imapclient.IMAPClient):  # type: ignore[misc]  # imapclient carries no types
    """An authenticated IMAP connection that was adopted; it never closes the socket. `note` is kept up to date."""

    note: Note

    # What imapclient's own __init__ would set. It is not called: it would build imaplib's object for every lease, which
    # pages that only `ask` never need, and switch on its log of every line (debug = 5).
    host, port, ssl, ssl_context, stream = "", 0, False, None, False
    use_uid, folder_encode, normalise_times = True, True, False
    _starttls_done, _cached_capabilities, _idle_tag = False, None, None

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.note = stream.note
        self._timeout = imapclient.SocketTimeout(stream.timeout, stream.timeout)

    @cached_property
    def _imap(self) -> _Adopted:
        return _Adopted(self._stream)

    @classmethod
    def adopt(
        cls, sock: socket.socket, note: Note, *, tag_prefix: str, timeout: float, silence: float = 30.0
    ) -> Connection:
        """A connection on an authenticated socket.

        `tag_prefix` is this lease's own, ends in no digit. Seconds: `timeout` to the first byte of an answer, `silence`
        between bytes afterwards.
        """
        return cls(Stream(sock, note, tag_prefix=tag_prefix, timeout=timeout, silence=silence))

    def ask(self, *line: Argument, timeout: float | None = None) -> Answer:
        """Sends one command and reads its answer. `timeout`: seconds to the first byte, instead of the connection's.

        bytes are atoms in wire form, str are quoted (or sent as a UTF-8 literal), Literal, int; a tuple is a
        parenthesised list, wire.Streamed a literal that is read while it is sent. A NO raises by its code; BAD, BYE, an
        untagged NO, silence and garbage raise and mark the connection as lost. Pass untrusted text as str or Literal,
        sets through `uid_set`, flags through `flag_list`.
        """
        stream = self._stream
        tag = stream.start(line, timeout=timeout) + b" "
        untagged: list[Response] = []
        try:
            while not (response := stream.response())[0].startswith(tag):
                if not response[0].startswith(b"* "):
                    raise stream.lose("an unexpected continuation")
                untagged.append(response)
        except ConnectionLost as error:
            error.told = tuple(untagged)
            raise
        return self._judged(command_name(line), response[0], len(tag), tuple(untagged))

    def _judged(self, name: bytes, tagged: bytes, start: int, untagged: tuple[Response, ...]) -> Answer:
        word = status(tagged)
        if word == b"BAD":
            raise CannotDo(f"{name.decode()}: {text_of(tagged)}")
        if word == b"NO":
            raise refusal(tagged)
        if self._stream.broken:  # an untagged NO or BAD before the OK: Dovecot says so when nothing was done
            raise ConnectionLost(self._stream.broken)
        return Answer(tagged[start + 3 :], untagged)

    def noop(self) -> None:
        """Lets the server tell what changed. Every lease begins with it: who borrows need not send it again."""
        self.ask(b"NOOP")

    def select(self, mailbox: str, *, uidvalidity: int | None = None, write: bool = False) -> Note:
        """Makes `mailbox` the selected one, without a command where it is already; returns the note.

        `write`: ask once more where it was read-only. Renumbered where `uidvalidity` is another one, MailboxGone where
        there is no such mailbox. Always SELECT, never EXAMINE: marking a message read must not cost a second one.
        """
        name = "INBOX" if mailbox.upper() == "INBOX" else mailbox
        if self.note.selected != name or (write and self.note.read_only):
            self._select(name)
        if uidvalidity is not None and (self.note.uidvalidity or 0) != uidvalidity:
            raise Renumbered(f"UIDVALIDITY is {self.note.uidvalidity}, not {uidvalidity}")
        return self.note

    def _select(self, name: str) -> None:
        try:
            self.ask(b"SELECT", quote_mailbox(name))
        except Refused as error:
            if error.code:
                raise
            raise MailboxGone(error.text) from None
        self.note.selected = name

    def has(self, capability: str) -> bool:
        """Whether the server offers a capability, by its name in any case."""
        return self.note.has(capability)

    @property
    def traffic(self) -> Traffic:
        """Commands, bytes and seconds spent so far."""
        return self._stream.traffic

    @property
    def broken(self) -> str | None:
        """Why this connection will not be used again, or None."""
        return self._stream.broken

    @property
    def io(self) -> Stream:
        """For who lent the connection: whether it is reusable, and its release."""
        return self._stream

    # -- imapclient's own ways, led through the same door -------------------------------------------------------------

    def capabilities(self) -> tuple[bytes, ...]:
        return tuple(name.encode("ascii", "replace") for name in self.note.capabilities)

    def has_capability(self, capability: str | bytes) -> bool:
        return self.has(capability.decode("ascii") if isinstance(capability, bytes) else capability)

    def select_folder(self, folder: str, readonly: bool = False) -> dict[bytes, Any]:
        note = self.select(folder, write=not readonly)
        return {b"EXISTS": note.exists, b"UIDVALIDITY": note.uidvalidity, b"UIDNEXT": note.uidnext}

    def _raw_command(self, command: bytes, args: Any, uid: bool = True) -> Any:
        words = [b"UID"] if uid and self.use_uid else []
        line: list[Argument] = [*words, command.upper()]
        for item in args if isinstance(args, (list, tuple)) else [args]:
            original: Any = getattr(item, "original", item)
            line.append(Literal(original) if _is8bit(item) else _wire_form(item))
        return self._imap._command_complete(command.decode("ascii").upper(), self._imap.start(line))

    def _check_resp(self, expected: str, command: Any, typ: str, data: Any) -> None:
        if typ != expected:
            raise refusal(b"* " + typ.encode("ascii") + b" " + (data[0] or b""))
        if self._stream.broken:
            raise ConnectionLost(self._stream.broken)

    def _not_here(self, *_args: Any, **_options: Any) -> NoReturn:
        raise BadArgument("not on a lent connection")

    login = logout = shutdown = starttls = close_folder = idle = idle_check = idle_done = _not_here
    __enter__ = __exit__ = oauth2_login = oauthbearer_login = plain_login = sasl_login = _not_here


def translate(error: BaseException) -> MailError | None:
    """What an exception of imapclient or imaplib means in our tree; None for exceptions of other kinds."""
    if isinstance(error, MailError):
        return error
    if isinstance(error, imaplib.IMAP4.error):
        return ConnectionLost(type(error).__name__)
    return None
