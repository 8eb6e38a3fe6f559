"""The site's own mails: hands them to its submission server, over one connection as long as that lasts. Some are sent
by requests, others wait in Redis for a courier (waiting.py)."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from app.directory.account import Endpoint
from app.directory.endpoint import parse_endpoint
from app.mail.errors import MailError, ServerAway
from app.mail.login import Credentials
from app.mail.outgoing import Address, Writing, new_message_id, pieces
from app.mail.submission import Refused as Rejected
from app.mail.submission import Submission, Unknown, open_submission

AUTOMATIC = b"Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\n"  # RFC 3834 §5: no vacation answers this


class Settings(Protocol):
    """Where the site's own mails are handed in, and by whom."""

    @property
    def public_url(self) -> str | None: ...
    @property
    def notice_from(self) -> str | None: ...
    @property
    def notice_url(self) -> str | None: ...
    @property
    def notice_user(self) -> str | None: ...
    @property
    def notice_password(self) -> str | None: ...
    @property
    def submission_url(self) -> str | None: ...
    @property
    def allow_plaintext(self) -> bool: ...
    @property
    def ca_file(self) -> Path | None: ...


class NotSent(Exception):
    """It certainly did not leave: it may be tried again."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What one person is told: plain text, and the same as HTML where it has links."""

    address: str
    subject: str
    text: str
    html: str | None = None


def set_up(settings: Settings) -> bool:
    """Whether the site sends mails of its own at all."""
    return bool(settings.public_url and settings.notice_from and (settings.notice_url or settings.submission_url))


def open_post(settings: Settings) -> "Post":
    """The line to the submission server. Raises ValueError where its address is none."""
    url = settings.notice_url or settings.submission_url or ""
    endpoint = parse_endpoint(url, "smtp", allow_plaintext=settings.allow_plaintext)
    credentials = None
    if settings.notice_user:
        credentials = Credentials(settings.notice_user, settings.notice_password or "")
    return Post(endpoint, settings.notice_from or "", credentials, str(settings.ca_file) if settings.ca_file else None)


class Post:
    """An open line to the submission server, for `with`."""

    def __init__(
        self, endpoint: Endpoint, sender: str, credentials: Credentials | None, ca_file: str | None = None
    ) -> None:
        self.endpoint, self.sender, self.credentials, self.ca_file = endpoint, sender, credentials, ca_file
        self._line: Submission | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    def send(self, letter: Letter, name: str, now: datetime) -> None:
        """Sends one. Raises NotSent; whoever hears nothing after the last byte takes it for sent."""
        try:
            mail = [AUTOMATIC, *self._written(letter, name, now)]
            line = self._opened()
            if refused := line.envelope(self.sender, [letter.address], size=sum(map(len, mail))):
                raise ServerAway(refused[0].text)
            line.body(mail)
            verdict = line.finish()
        except MailError as error:
            self._drop()
            raise NotSent(f"{type(error).__name__}: {error}") from None
        if isinstance(verdict, Rejected):
            raise NotSent(verdict.text)
        if isinstance(verdict, Unknown):
            self._drop()

    def _written(self, letter: Letter, name: str, now: datetime) -> list[bytes]:
        writing = Writing(
            Address(name, self.sender),
            to=(Address("", letter.address),),
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            message_id=new_message_id(self.sender.rpartition("@")[2]),
            date=now,
        )
        return [each for each in pieces(writing, final=True) if isinstance(each, bytes)]

    def _opened(self) -> Submission:
        if self._line is None:
            self._line = open_submission(self.endpoint, self.credentials, ca_file=self.ca_file)
        return self._line

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
