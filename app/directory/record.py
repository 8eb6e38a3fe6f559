"""The directory's rows as administrators write them: names instead of numbers, text instead of types.

A record is one of site, domain, server, account, address. The same fields serve the CSV form and the command line, and
each is checked here, so that no table ever holds a key that no look-up can meet.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.directory.account import ANSWERS, KINDS, ROLES, SECURITIES, STATES
from app.directory.address import ascii_domain, local_part
from app.directory.endpoint import checked_host
from app.directory.fields import (
    certificates,
    count,
    domain_or_all,
    forwarded,
    known_hash,
    local_or_catch_all,
    locale,
    mail_address,
    mailbox_login,
    name_up_to,
    one_of,
    page_address,
    port,
    text_up_to,
    time_zone,
    yes_or_no,
)
from app.directory.row import pin
from app.directory.tables import AccountRow, AddressRow, Base, DomainRow, ServerRow, SiteRow

Parse = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of record: its table, its fields with their readers, which of them name it, and which it needs.

    A field named like another record (`site`, `server`, ...) refers to that record; the table holds its number.
    """

    table: type[Base]
    fields: Mapping[str, Parse]
    key: tuple[str, ...]
    needs: tuple[str, ...]


_ENDPOINTS = {
    f"{service}_{part}": parse
    for service in ("imap", "submission", "sieve")
    for part, parse in (("host", checked_host), ("port", port), ("security", one_of(*SECURITIES)))
}

_NAME = name_up_to(80)

FORMS: dict[str, Form] = {
    "site": Form(
        SiteRow,
        {"name": _NAME, "primary_domain": ascii_domain, "time_zone": time_zone, "locale": locale}
        | {"brand": name_up_to(40), "junk_pattern": text_up_to(80)}
        | {"messages_per_hour": count, "recipients_per_hour": count, "log_days": count}
        | {"forward_outside": yes_or_no, "forward_here": yes_or_no, "reset_passwords": yes_or_no}
        | {"filters_page": page_address, "filters_words": text_up_to(300), "enabled": yes_or_no}
        | {"learning": one_of("move", "address", "none"), "learn_spam_to": mail_address, "learn_ham_to": mail_address},
        key=("name",),
        needs=("name", "primary_domain"),
    ),
    "domain": Form(
        DomainRow,
        {"name": ascii_domain, "site": _NAME, "enabled": yes_or_no},
        key=("name",),
        needs=("name", "site"),
    ),
    "server": Form(
        ServerRow,
        {"name": _NAME}
        | _ENDPOINTS
        | {"tls_name": checked_host, "tls_ca": certificates, "tls_sha256": pin, "state": one_of(*STATES)}
        | {"vacation": one_of(*ANSWERS)},
        key=("name",),
        needs=("name", "imap_host"),
    ),
    "account": Form(
        AccountRow,
        {"site": _NAME, "username": local_part, "kind": one_of(*KINDS), "server": _NAME, "login": mailbox_login}
        | {"forward_to": forwarded, "role": one_of(*ROLES), "password_hash": known_hash}
        | {"display_name": text_up_to(120), "time_zone": time_zone, "locale": locale, "enabled": yes_or_no},
        key=("site", "username"),
        needs=("site", "username"),
    ),
    "address": Form(
        AddressRow,
        {"site": _NAME, "local": local_or_catch_all, "domain": domain_or_all, "account": local_part}
        | {"forward_to": forwarded, "enabled": yes_or_no},
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
    "vacation": "sieve",
    "imap_security": "tls",
}
_QUOTED = re.compile(r"\A(['\"]).*\1 ", re.DOTALL)  # a value as repr() writes it
SITE_DEFAULTS = {"time_zone": "UTC", "locale": "en", "forward_outside": True, "forward_here": False}
SITE_DEFAULTS |= {"reset_passwords": False}


def default(record: str, field: str) -> Any:
    """What an empty field of a record stands for."""
    return SITE_DEFAULTS[field] if record == "site" and field in SITE_DEFAULTS else DEFAULTS.get(field)


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


def by_field(wrong: Iterable[str]) -> dict[str, str]:
    """The sentences of `parse_record` by field, for a page that shows each beside its field and what it holds."""
    faults: dict[str, str] = {}
    for sentence in wrong:
        field, _, text = sentence.partition(": ")
        why = _QUOTED.sub("", text)
        faults.setdefault(field, f"This {why}."[:200])
    return faults


def show(value: Any) -> str:
    """A value as the text that `parse_record` reads."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
