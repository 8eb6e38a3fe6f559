"""What the directory says about one person: their account, their mail server, its endpoints.

Plain frozen values without any SQL, so that every room and every process can carry them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

Security = Literal["tls", "starttls", "plain"]
State = Literal["up", "drain", "moving", "down"]
Kind = Literal["mailbox", "forward", "both"]
Answers = Literal["sieve", "sql"]
Role = Literal["user", "site_admin", "isp_admin"]

SECURITIES: tuple[Security, ...] = get_args(Security)
STATES: tuple[State, ...] = get_args(State)
KINDS: tuple[Kind, ...] = get_args(Kind)
ANSWERS: tuple[Answers, ...] = get_args(Answers)
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one service of a mail server listens, and how its certificate is checked.

    `name` is the name that the certificate must carry where it differs from `host`; `ca` the PEM text of a private
    authority that takes the place of the public ones; `pin` the SHA-256 (64 hex digits) of the one accepted
    certificate in DER.
    """

    host: str
    port: int
    security: Security
    ca: str | None = None
    pin: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. `id` is stable: the row's number, or `host:port` of its IMAP endpoint where it has no row.
    `vacation`: what answers mail of who is away, its scripts or the mail exchanger out of SQL."""

    id: str
    imap: Endpoint
    submission: Endpoint | None = None
    sieve: Endpoint | None = None
    state: State = "up"
    junk_pattern: str | None = None
    vacation: Answers = "sieve"


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account. `id` is stable and opaque, of the characters a-z 0-9 : @ . _ - only.

    `login` is the name on the mail server; no page ever shows it. `server` and `login` are None exactly for `kind`
    "forward", and only those carry `password_hash`. `site` is an opaque id as well; `address` the account's main
    address, in lower case and punycode. `messages_per_hour` and `recipients_per_hour`: what it may send; None: as the
    settings say.
    """

    id: str
    address: str
    site: str
    kind: Kind = "mailbox"
    login: str | None = None
    server: Server | None = None
    role: Role = "user"
    display_name: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    brand: str | None = None
    messages_per_hour: int | None = None
    recipients_per_hour: int | None = None
    password_hash: str | None = field(default=None, repr=False)

    @property
    def zone(self) -> ZoneInfo:
        """The account's clock; UTC where none is known."""
        try:
            return ZoneInfo(self.time_zone or "UTC")
        except (ValueError, OSError, KeyError):
            return ZoneInfo("UTC")

    def to_json(self) -> str:
        """The account as JSON for a session. The password hash stays behind: nobody needs it once it was checked."""
        return json.dumps({**asdict(self), "password_hash": None}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Account":
        """The account that `to_json` wrote. Raises ValueError for anything else: a session is outside data."""
        try:
            fields = json.loads(text)
            server = fields.pop("server")
            return _checked(cls(**fields, server=_server(server) if server is not None else None))
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError("not an account's JSON") from error


@lru_cache(maxsize=1024)
def account_of(text: str) -> Account:
    """As `Account.from_json`; remembered, because a session tells the same text at each request."""
    return Account.from_json(text)


def _server(fields: Mapping[str, Any]) -> Server:
    endpoints = {name: _endpoint(fields[name]) for name in ("imap", "submission", "sieve")}
    return Server(**{**fields, **endpoints})


def _endpoint(fields: Mapping[str, Any] | None) -> Endpoint | None:
    return None if fields is None else Endpoint(**fields)


_TEXTS = ("login", "display_name", "time_zone", "locale", "brand", "password_hash")


def _checked(account: Account) -> Account:
    """The same account, or ValueError where a field holds what its type forbids."""
    server = account.server
    endpoints = [each for each in (server.imap, server.submission, server.sieve) if each] if server else []
    texts = [account.id, account.address, account.site, *(each.host for each in endpoints)]
    optional = [getattr(account, name) for name in _TEXTS]
    optional += [text for each in endpoints for text in (each.ca, each.pin, each.name)]
    counts: list[object] = [account.messages_per_hour, account.recipients_per_hour]
    good = (
        all(isinstance(text, str) for text in texts)
        and all(text is None or isinstance(text, str) for text in optional)
        and all(count is None or type(count) is int for count in counts)
        and account.kind in KINDS
        and account.role in ROLES
        and (server is None or _is_server(server))
        and all(type(each.port) is int and each.security in SECURITIES for each in endpoints)
    )
    if not good:
        raise ValueError("not an account's JSON")
    return account


def _is_server(server: Server) -> bool:
    pattern: object = server.junk_pattern
    return (
        isinstance(server.id, str)
        and isinstance(server.imap, Endpoint)
        and server.state in STATES
        and server.vacation in ANSWERS
        and (pattern is None or isinstance(pattern, str))
    )
