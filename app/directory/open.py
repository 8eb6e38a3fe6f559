"""Opens the directory that a node's settings name."""

from typing import Protocol, cast

from app.directory.endpoint import Family, parse_endpoint
from app.directory.engine import open_engine
from app.directory.resolve import Directory, Unlisted


class Settings(Protocol):
    """What of a node's settings is read here."""

    @property
    def database_url(self) -> str: ...
    @property
    def directory_database_url(self) -> str | None: ...
    @property
    def directory_query(self) -> str | None: ...
    @property
    def allow_plaintext(self) -> bool: ...
    @property
    def imap_url(self) -> str | None: ...
    @property
    def submission_url(self) -> str | None: ...
    @property
    def sieve_url(self) -> str | None: ...
    @property
    def junk_pattern(self) -> str | None: ...


def open_directory(settings: Settings) -> Directory:
    """The directory that the settings name. Raises DirectoryBroken."""
    engine = open_engine(settings.directory_database_url or settings.database_url)
    return Directory(
        engine, query=settings.directory_query, unlisted=unlisted(settings), allow_plaintext=settings.allow_plaintext
    )


def unlisted(settings: Settings) -> Unlisted | None:
    """The servers of accounts that the directory does not list, where POSTERN_IMAP_URL names them."""
    imap, submission, sieve = (
        parse_endpoint(url, cast(Family, family), allow_plaintext=settings.allow_plaintext) if url else None
        for family, url in (
            ("imap", settings.imap_url),
            ("smtp", settings.submission_url),
            ("sieve", settings.sieve_url),
        )
    )
    if imap is None:
        return None
    return Unlisted(imap, submission, sieve, settings.junk_pattern)
