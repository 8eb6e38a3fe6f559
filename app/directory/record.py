"""The directory's rows as administrators write them: names instead of numbers, text instead of types.

A record is one of site, domain, server, account, address. The same fields serve the CSV form and the command line, and
each is checked here, so that no table ever holds a key that no look-up can meet.
"""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from app.directory.account import KINDS, ROLES, SECURITIES, STATES
from app.directory.address import ascii_domain, local_part
from app.directory.endpoint import checked_host, checked_port
from app.directory.password import can_verify
from app.directory.row import pin
from app.directory.tables import CATCH_ALL, AccountRow, AddressRow, Base, DomainRow, ServerRow, SiteRow

ALL_DOMAINS = "*"  # in an address's field `domain`

_LOCALE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_TRUTH = {"1": True, "0": False, "yes": True, "no": False, "true": True, "false": False}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Parse = Callable[[str], Any]
TextParse = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of record: its table, its fields with their readers, which of them name it, and which it needs.

    A field named like another record (`site`, `server`, ...) refers to that record; the table holds its number.
    """

    table: type[Base]
    fields: Mapping[str, Parse]
    key: tuple[str, ...]
    needs: tuple[str, ...]


def _text(limit: int) -> TextParse:
    def parse(text: str) -> str:
        if _CONTROL.search(text):
            raise ValueError("holds control characters")
        if len(text) > limit:
            raise ValueError(f"is longer than {limit} characters")
        return text

    return parse


def _word(*words: str) -> TextParse:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.lower()

    return parse


def _name(limit: int) -> TextParse:
    """A name that an administrator gives, kept in lower case."""
    return lambda text: _text(limit)(text).lower()


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ValueError("must be yes or no")
    return _TRUTH[text.lower()]


def _port(text: str) -> int:
    return checked_port(int(text) if text.isdecimal() else 0)


def _zone(text: str) -> str:
    if available_timezones():  # a machine without any zones (no tzdata) cannot judge
        try:
            ZoneInfo(text)
        except (ValueError, OSError, KeyError):
            raise ValueError("is not a time zone such as Europe/Berlin") from None
    return _text(40)(text)


def _locale(text: str) -> str:
    if not _LOCALE.fullmatch(text):
        raise ValueError("is not a language such as en or pt-BR")
    return _text(12)(text)


def _local(text: str) -> str:
    return CATCH_ALL if text == CATCH_ALL else local_part(text)


def _domain_or_all(text: str) -> str:
    return ALL_DOMAINS if text == ALL_DOMAINS else ascii_domain(text)


def _certificates(text: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ValueError("holds no certificate in PEM form") from None
    return text.strip() + "\n"


def _hash(text: str) -> str:
    if not can_verify(text):
        raise ValueError("is of a scheme that cannot be checked here")
    return _text(255)(text)


_ENDPOINTS = {
    f"{service}_{part}": parse
    for service in ("imap", "submission", "sieve")
    for part, parse in (("host", checked_host), ("port", _port), ("security", _word(*SECURITIES)))
}

FORMS: dict[str, Form] = {
    "site": Form(
        SiteRow,
        {"name": _name(80), "primary_domain": ascii_domain, "time_zone": _zone, "locale": _locale}
        | {"brand": _name(40), "junk_pattern": _text(80), "enabled": _truth},
        key=("name",),
        needs=("name", "primary_domain"),
    ),
    "domain": Form(
        DomainRow, {"name": ascii_domain, "site": _name(80), "enabled": _truth}, key=("name",), needs=("name", "site")
    ),
    "server": Form(
        ServerRow,
        {"name": _name(80)}
        | _ENDPOINTS
        | {"tls_name": checked_host, "tls_ca": _certificates, "tls_sha256": pin, "state": _word(*STATES)},
        key=("name",),
        needs=("name", "imap_host"),
    ),
    "account": Form(
        AccountRow,
        {"site": _name(80), "username": local_part, "kind": _word(*KINDS), "server": _name(80), "login": _text(255)}
        | {"forward_to": _text(10_000), "role": _word(*ROLES), "password_hash": _hash, "display_name": _text(120)}
        | {"time_zone": _zone, "locale": _locale, "enabled": _truth},
        key=("site", "username"),
        needs=("site", "username"),
    ),
    "address": Form(
        AddressRow,
        {"site": _name(80), "local": _local, "domain": _domain_or_all, "account": local_part}
        | {"forward_to": _text(10_000), "enabled": _truth},
        key=("site", "local", "domain"),
        needs=("site", "local", "domain"),
    ),
}

# what a row holds where an optional field is empty; other optional fields hold nothing (NULL)
DEFAULTS: dict[str, Any] = {
    "enabled": True,
    "kind": "mailbox",
    "role": "user",
    "state": "up",
    "imap_port": 993,
    "imap_security": "tls",
}
SITE_DEFAULTS = {"time_zone": "UTC", "locale": "en"}


def default(record: str, field: str) -> Any:
    """What an empty field of a record stands for."""
    return SITE_DEFAULTS.get(field) if record == "site" and field in SITE_DEFAULTS else DEFAULTS.get(field)


def parse_record(record: str, fields: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values of a record's fields, and what is wrong with them, each in one sentence that begins with the field.

    A field that is not given is not in the values; one that is empty has its default.
    """
    form, values, wrong = FORMS[record], {}, []
    for field, given_text in fields.items():
        text = given_text.strip()
        if field not in form.fields:
            if text:
                wrong.append(f"{field}: no field of the record {record}")
            continue
        try:
            values[field] = form.fields[field](text) if text else default(record, field)
        except ValueError as error:
            wrong.append(f"{field}: {text[:80]!r} {error}")
    given = {name for name, text in fields.items() if text.strip()}
    return values, wrong + [f"{field}: must be given" for field in form.key if field not in given]


def show(value: Any) -> str:
    """A value as the text that `parse_record` reads."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
