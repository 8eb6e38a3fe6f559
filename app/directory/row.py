"""Makes an account of one row of SQL: of the directory's own statement, or of a provider's query on its own schema.

Both give the same columns; docs/directory.md lists them for operators. Only `address` is needed. A row that cannot be
used is DirectoryBroken with the column's name: an account with half a server would fail later and less clearly.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.directory.account import ANSWERS, KINDS, ROLES, SECURITIES, STATES, Account, Endpoint, Kind, Server
from app.directory.address import BadAddress, parse_address
from app.directory.endpoint import Family, checked_host, checked_port, refuse_plaintext, usual_port
from app.directory.errors import DirectoryBroken
from app.directory.ids import escaped

Row = Mapping[str, Any]
_Word = TypeVar("_Word", bound=str)

_SERVICES: dict[str, Family] = {"imap": "imap", "submission": "smtp", "sieve": "sieve"}
COLUMNS = frozenset(
    ("address", "account_id", "site", "kind", "login", "role", "enabled", "unlisted", "password_hash", "display_name")
    + ("time_zone", "locale", "brand", "junk_pattern", "server_id", "state", "tls_name", "tls_ca", "tls_sha256")
    + ("messages_per_hour", "recipients_per_hour")
    + tuple(f"{service}_{part}" for service in _SERVICES for part in ("host", "port", "security"))
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PIN = re.compile(r"[0-9a-f]{64}")
_FALSE = frozenset({"", "0", "f", "false", "n", "no", "off", "none"})


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read: `prefix` goes before each account's id, `usual` is the server of rows that name none."""

    prefix: str = ""
    usual: Server | None = None
    allow_plaintext: bool = False


def account_of(row: Row, reading: Reading) -> Account:
    """The account of a row. Raises DirectoryBroken."""
    try:
        return _account(row, reading)
    except ValueError as error:
        raise DirectoryBroken(f"row of {row.get('address')!r}: {error}") from None


def server_of(row: Row, reading: Reading) -> Server:
    """The mail server of a row. Raises DirectoryBroken."""
    try:
        return _server(row, reading)
    except ValueError as error:
        raise DirectoryBroken(str(error)) from None


def truth(value: object) -> bool:
    """Whether a value means yes, as databases and their owners write it: true, 1, "1", "Y", b"\\x01"; NULL is no."""
    if isinstance(value, bytes):  # MySQL's BIT(1)
        return any(value)
    return str(value).strip().lower() not in _FALSE


def pin(text: str) -> str:
    """A certificate's SHA-256 as 64 lower-case hex digits, from any usual spelling. Raises ValueError."""
    digits = text.replace(":", "").replace(" ", "").lower()
    if not _PIN.fullmatch(digits):
        raise ValueError("needs the 64 hex digits of a SHA-256 in tls_sha256")
    return digits


def _account(row: Row, reading: Reading) -> Account:
    address = _address(row)
    kind = _word(row, "kind", KINDS) or "mailbox"
    server = None if kind == "forward" else _server(row, reading)
    return Account(
        id=reading.prefix + escaped(_text(row, "account_id") or address),
        address=address,
        site=_text(row, "site") or address.partition("@")[2],
        kind=kind,
        login=None if server is None else _login(row, kind, reading),
        server=server,
        role=_word(row, "role", ROLES) or "user",
        display_name=_text(row, "display_name"),
        time_zone=_text(row, "time_zone"),
        locale=_text(row, "locale"),
        brand=_text(row, "brand"),
        messages_per_hour=_number(row, "messages_per_hour"),
        recipients_per_hour=_number(row, "recipients_per_hour"),
        password_hash=_text(row, "password_hash") if kind == "forward" else None,
    )


def _address(row: Row) -> str:
    try:
        parsed = parse_address(_text(row, "address") or "")
    except BadAddress as error:
        raise ValueError(f"address: {error}") from None
    if parsed.domain is None:
        raise ValueError("address: needs a domain")
    return parsed.address


def _login(row: Row, kind: Kind, reading: Reading) -> str:
    login = _text(row, "login")
    if login is None and reading.prefix == "":
        raise ValueError(f"an account of kind {kind} needs a login")
    return login or _address(row)


def _server(row: Row, reading: Reading) -> Server:
    imap = _endpoint(row, "imap", reading)
    junk_pattern = _text(row, "junk_pattern")
    if imap is None:
        if reading.usual is None:
            raise ValueError("imap_host is empty, and no server is set for such accounts")
        return replace(reading.usual, junk_pattern=junk_pattern) if junk_pattern else reading.usual
    return Server(
        id=_text(row, "server_id") or server_id(imap),
        imap=imap,
        submission=_endpoint(row, "submission", reading),
        sieve=_endpoint(row, "sieve", reading),
        state=_word(row, "state", STATES) or "up",
        junk_pattern=junk_pattern,
        vacation=_word(row, "vacation", ANSWERS) or "sieve",
    )


def server_id(imap: Endpoint) -> str:
    """The id of a server that no row names."""
    return f"{imap.host}:{imap.port}"


def _endpoint(row: Row, service: str, reading: Reading) -> Endpoint | None:
    host = _text(row, f"{service}_host")
    if host is None:
        return None
    family = _SERVICES[service]
    security = _word(row, f"{service}_security", SECURITIES) or ("tls" if service == "imap" else "starttls")
    port = _port(row, service) or usual_port(family, security)
    own = host == _text(row, "imap_host")  # another machine has another certificate
    name, digest, ca = _text(row, "tls_name"), _text(row, "tls_sha256"), _certificates(row)
    endpoint = Endpoint(
        checked_host(host), port, security, ca, pin(digest) if digest and own else None, name if own else None
    )
    refuse_plaintext(endpoint, allow_plaintext=reading.allow_plaintext)
    return endpoint


def _certificates(row: Row) -> str | None:
    """The one text of many lines."""
    return str(row["tls_ca"]) if row.get("tls_ca") else None


def _port(row: Row, service: str) -> int | None:
    value = _text(row, f"{service}_port")
    return None if value is None else checked_port(int(value))


def _number(row: Row, column: str) -> int | None:
    text = _text(row, column)
    if text is not None and not (text.isascii() and text.isdigit()):
        raise ValueError(f"{column} is {text[:20]!r}, but must be a whole number")
    return None if text is None else int(text)


def _text(row: Row, column: str) -> str | None:
    value = row.get(column)
    if value is None:
        return None
    text = (value.decode() if isinstance(value, bytes) else str(value)).strip()
    if _CONTROL.search(text):
        raise ValueError(f"{column} holds control characters")
    return text or None


def _word(row: Row, column: str, words: tuple[_Word, ...]) -> _Word | None:
    text = _text(row, column)
    for word in words:
        if text == word:
            return word
    if text is not None:
        raise ValueError(f"{column} is {text!r}, but must be one of {', '.join(words)}")
    return None
