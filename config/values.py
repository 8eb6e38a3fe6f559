"""Readers of one setting's text: each turns a string into its typed value or raises ValueError.

The sentence of the ValueError is what the operator reads after "wants", so it names what would have been right.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Reader = Callable[[str], Any]

_HOST = re.compile(r"\.?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]")


def text(value: str) -> str:
    """One line of text without control characters."""
    if not value.isprintable():
        raise ValueError("one line without control characters")
    return value


def statement(value: str) -> str:
    """SQL, which may take several lines."""
    if not value.translate({9: " ", 10: " ", 13: " "}).isprintable():
        raise ValueError("SQL without control characters but line breaks and tabs")
    return value


def secret(value: str) -> str:
    """Text that is never shown: errors about it name only its length."""
    return text(value)


def secrets_list(value: str) -> tuple[bytes, ...]:
    """Comma-separated keys, the first in use, the others accepted; each at least 32 characters, as UTF-8 bytes."""
    keys = tuple(part.strip().encode() for part in value.split(","))
    if any(len(key) < 32 for key in keys):
        raise ValueError("at least 32 random characters, e.g. from: openssl rand -hex 32 (old keys after a comma)")
    if any(len(set(key)) < 8 for key in keys):
        raise ValueError("random characters, e.g. from: openssl rand -hex 32")
    return keys


def flag(value: str) -> bool:
    """A switch: 1, yes, true, on or 0, no, false, off."""
    word = value.lower()
    if word in {"1", "yes", "true", "on"}:
        return True
    if word in {"", "0", "no", "false", "off"}:
        return False
    raise ValueError("1 or 0")


def whole(low: int, high: int, *, or_zero: bool = False) -> Reader:
    """A reader of whole numbers from low to high, both included; 0 too when it means "off"."""
    wanted = f"a whole number from {low} to {high}" + (" or 0" if or_zero else "")

    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value):
            raise ValueError(wanted)
        number = int(value)
        if not (low <= number <= high or (or_zero and number == 0)):
            raise ValueError(wanted)
        return number

    return read


def seconds(low: float, high: float) -> Reader:
    """A reader of seconds with a fraction, from low to high."""
    wanted = f"seconds from {low:g} to {high:g}"

    def read(value: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value) or not low <= float(value) <= high:
            raise ValueError(wanted)
        return float(value)

    return read


def folder(value: str) -> Path:
    """The path of a folder or file, which need not exist yet."""
    return Path(text(value))


def existing_file(value: str) -> Path:
    """The path of a file that can be read now."""
    path = folder(value)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"the path of a readable file ({error.strerror})") from None


def certificates_file(value: str) -> Path:
    """The path of a file of certificates in PEM form."""
    from app.directory.fields import certificates

    path = existing_file(value)
    try:
        certificates(path.read_text())
    except ValueError:
        raise ValueError("the path of a file with certificates in PEM form") from None
    return path


def socket_path(value: str) -> Path:
    """The path of a Unix socket: the kernel takes 107 bytes at most (unix(7))."""
    path = folder(value)
    if len(str(path.absolute()).encode()) > 107:
        raise ValueError("a path of at most 107 bytes, counted from the root folder")
    return path


def redis_url(value: str) -> str:
    """redis://host:port/0, rediss://… (TLS) or unix:///path."""
    import redis

    wanted = "redis://host:port/0, rediss://host:port/0 or unix:///path/to/socket"
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  (raises ValueError for a port that is none)
    except ValueError:
        raise ValueError(wanted) from None
    where = parts.path if parts.scheme == "unix" else parts.hostname
    number = parts.scheme == "unix" or re.fullmatch(r"(/[0-9]{0,5})?", parts.path)
    if parts.scheme not in {"redis", "rediss", "unix"} or not where or not number:
        raise ValueError(wanted)
    try:
        redis.ConnectionPool.from_url(value).make_connection()  # only made, not connected
    except (TypeError, ValueError, redis.RedisError):
        raise ValueError(f"{wanted}, and behind a ? options of redis-py only") from None
    return value


def database_url(value: str) -> str:
    """A SQLAlchemy URL of one of the databases that are tested."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    wanted = "sqlite:///path, postgresql+psycopg://user:password@host/name or mysql+pymysql://user:password@host/name"
    try:
        backend = make_url(value).get_backend_name()
    except ArgumentError:
        raise ValueError(wanted) from None
    if backend not in {"sqlite", "postgresql", "mysql", "mariadb"}:
        raise ValueError(wanted)
    return value


def ldap_filter(value: str) -> str:
    """A filter of LDAP (RFC 4515) with a place for what is typed."""
    if "{typed}" not in value or not value.startswith("(") or value.count("(") != value.count(")"):
        raise ValueError("a filter in brackets that holds {typed}, e.g. (&(mail=*)(cn={typed}*))")
    return value


def ldap_attribute(value: str) -> str:
    """The name of an attribute (RFC 4512 §2.5)."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,60}", value):
        raise ValueError("the name of an attribute, e.g. displayName")
    return value


def hosts(value: str) -> tuple[str, ...]:
    """Comma-separated host names without ports, lower case; a leading dot means all names below it."""
    names = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    if not names or not all(_HOST.fullmatch(name) for name in names):
        raise ValueError("host names separated by commas, without ports, e.g. mail.example.net,.example.org")
    return names


def networks(value: str) -> tuple[Network, ...]:
    """Comma-separated IP addresses or networks in CIDR notation."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("addresses or networks separated by commas, e.g. 192.0.2.1,2001:db8::/32") from None


def bind(value: str) -> str:
    """host:port, [IPv6]:port or unix:/path, as gunicorn takes it."""
    if value.startswith("unix:") and len(value) > 5:
        return value
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("host:port, [IPv6 address]:port or unix:/path")
    return value


def web_address(value: str) -> str:
    """Where browsers find the website, without a slash at the end."""
    parts = urlsplit(value)
    host = bool(_HOST.fullmatch(parts.hostname or ""))
    if not host or parts.scheme not in ("https", "http") or parts.query or parts.fragment or parts.username:
        raise ValueError("https://host, with a path where the website has one")
    return value.rstrip("/")


def mail_address(value: str) -> str:
    """An address of mail, without a name."""
    if not re.fullmatch(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}", value):
        raise ValueError("an address such as postmaster@example.org")
    return value


def mailbox_pattern(value: str) -> str:
    """A mailbox name, or a strftime pattern of one with %Y %m %d only."""
    if not value.isprintable() or re.sub(r"%[Ymd]", "", value).count("%"):
        raise ValueError("a mailbox name, or one with %Y, %m, %d in it, e.g. spam.%Y")
    return value


def word(*allowed: str) -> Reader:
    """A reader of one of the given words."""

    def read(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return value.lower()

    return read


def words(*allowed: str) -> Reader:
    """Some of the given words, separated by commas or blanks."""

    def read(value: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(value.replace(",", " ").lower().split()))
        if not set(found) <= set(allowed):
            raise ValueError(f"some of {', '.join(allowed)}")
        return found

    return read
