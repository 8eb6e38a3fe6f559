"""Hands digests to the site's submission server, over one connection as long as that lasts."""

from datetime import datetime
from types import TracebackType
from typing import Self

from app.directory.account import Endpoint
from app.mail.errors import MailError, ServerAway
from app.mail.login import Credentials
from app.mail.outgoing import Address, Writing, new_message_id, pieces
from app.mail.submission import Refused as Rejected
from app.mail.submission import Submission, Unknown, open_submission
from app.web.digest.words import Digest, html, plain

AUTOMATIC = b"Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\n"  # RFC 3834 §5: no vacation answers this


class NotSent(Exception):
    """It certainly did not leave: it may be tried again."""


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

    def send(self, digest: Digest, name: str, now: datetime) -> None:
        """Sends one. Raises NotSent; whoever hears nothing after the last byte takes it for sent."""
        mail = [AUTOMATIC, *self._written(digest, name, now)]
        try:
            line = self._opened()
            if refused := line.envelope(self.sender, [digest.address], size=sum(map(len, mail))):
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

    def _written(self, digest: Digest, name: str, now: datetime) -> list[bytes]:
        writing = Writing(
            Address(name, self.sender),
            to=(Address("", digest.address),),
            subject=digest.subject,
            text=plain(digest),
            html=html(digest),
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
