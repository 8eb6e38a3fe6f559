"""What a former webmail kept becomes the account's: once, and nothing that is there is changed or doubled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Engine, select

from app.directory.account import Account
from app.directory.engine import asking
from app.directory.resolve import Directory, account, resolve
from app.directory.tables import AccountRow, ServerRow
from app.mail.address import BadAddress, normal
from app.mail.special import Use
from app.moving.kept import Kept, Person
from app.profile import contacts as book
from app.profile import identities, settings, suggest, texts
from app.profile.contact import Contact
from app.profile.errors import Full
from app.profile.identities import Identity
from app.profile.texts import Text
from app.profile.words import line, mark

SETTING: Final = "moved in"
SPECIAL: Final = "special"  # as the page of special folders keeps it
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """How much was new of each kind; `full`: something found no room."""

    identities: int = 0
    contacts: int = 0
    people: int = 0
    texts: int = 0
    special: int = 0
    full: bool = False


def owner(directory: Directory, kept: Kept, *, domain: str | None = None) -> Account | None:
    """Whose it is: by the address, or by the login at the mail server. A login without a domain may be one person's
    address and another's login: then the mail server tells whose, where it is named and one of ours, else nobody does.
    Raises DirectoryError."""
    named, known = resolve(directory, kept.login, domain=domain), _by_login(directory, kept)
    if "@" in kept.login:
        return named or known
    found = [each for each in (known, named) if each is not None]
    if _is_ours(directory, kept.host):
        return next((each for each in found if each.server is not None and each.server.imap.host == kept.host), None)
    return found[0] if len({each.id for each in found}) == 1 else None


def is_own(account: Account, kept: Kept) -> bool:
    """Whether somebody signed in there by the account's own name, and not by an alias: that may have been another's."""
    local = kept.login.partition("@")[0].lower()
    return account.login == kept.login or local == account.address.rpartition("@")[0]


def _is_ours(directory: Directory, host: str) -> bool:
    if directory.query is not None or not host:
        return False
    rows = select(ServerRow.server_id).where(ServerRow.imap_host == host).limit(1)
    with asking(), directory.engine.connect() as connection:
        return connection.scalar(rows) is not None


def _by_login(directory: Directory, kept: Kept) -> Account | None:
    """The one account of this login, of those on the named server if one of them is there."""
    if directory.query is not None:
        return None
    rows = select(AccountRow.account_id, ServerRow.imap_host).join(
        ServerRow, ServerRow.server_id == AccountRow.server_id
    )
    with asking(), directory.engine.connect() as connection:
        found = connection.execute(rows.where(AccountRow.login == kept.login)).all()
    here = [row for row in found if row.imap_host == kept.host] or found
    return account(directory, str(here[0].account_id)) if len(here) == 1 else None


def moved(engine: Engine, whose: Account) -> bool:
    """Whether the account's things were taken before. Raises ProfileAway."""
    return settings.read(engine, whose.id, SETTING) is not None


def take(engine: Engine, whose: Account, kept: Kept) -> Taken:
    """Adds what the account has not yet, and marks it as done at the end: who died in between is taken again. Raises
    ProfileAway."""
    told = {
        "identities": _within(lambda: _identities(engine, whose, kept.identities)),
        "contacts": _within(lambda: book.add_missing(engine, whose.id, _contacts(kept.contacts, whose))[0]),
        "people": _within(lambda: _people(engine, whose, kept.people)),
        "texts": _within(lambda: _texts(engine, whose, kept.texts)),
        "special": _within(lambda: _special(engine, whose, kept.special)),
    }
    settings.write(engine, whose.id, SETTING, {"at": int(time.time())})
    return Taken(**{name: count or 0 for name, count in told.items()}, full=None in told.values())


def _within(work: Callable[[], int]) -> int | None:
    """What was added; None where there was no room."""
    try:
        return work()
    except Full:
        return None


def _identities(engine: Engine, whose: Account, told: Iterable[Identity]) -> int:
    """An address has one identity here; what somebody chose here already stays as it is, and the default."""
    own = identities.usual(whose)[0]
    there = identities.identities_of(engine, whose, free=True)
    stored = {mark(each.address) for each in there if replace(each, is_default=True) != own}
    fresh: dict[str, Identity] = {}
    for each in told:
        address = _sound(each.address or whose.address, whose)
        if address and mark(address) not in stored:
            chosen = each.is_default and not stored
            reply_to = _sound(each.reply_to, whose) if each.reply_to else ""
            same = replace(each, id=suggest.collected_id(whose.id, address), address=address, reply_to=reply_to)
            fresh.setdefault(mark(address), replace(same, is_default=chosen))
    for each in fresh.values():
        identities.save(engine, whose.id, each)
    return len(fresh)


def _sound(told: str, whose: Account) -> str:
    """An address as it is written here, one without a domain in the account's; "" for what is none."""
    address = told.strip()
    try:
        return normal(address if "@" in address else f"{address}@{whose.address.rpartition('@')[2]}")
    except BadAddress:
        return ""


def _contacts(told: Iterable[Contact], whose: Account) -> list[Contact]:
    return [replace(each, addresses=tuple(_sound(one, whose) or one for one in each.addresses)) for each in told]


def _people(engine: Engine, whose: Account, told: Iterable[Person]) -> int:
    people = [Person(each.name, address) for each in told if (address := _sound(each.address, whose))]
    new, now = 0, round(time.time() * 1000)
    for start in range(0, len(people), _AT_ONCE):
        some = people[start : start + _AT_ONCE]
        left = suggest.unknown(engine, whose.id, [each.address for each in some])
        suggest.collect(engine, whose.id, [each for each in some if each.address in left], now=now)
        new += len(left)
    return new


def _texts(engine: Engine, whose: Account, told: Iterable[Text]) -> int:
    there = {name for _, name in texts.names_of(engine, whose.id)}
    fresh = [each for each in told if line(each.name, texts.NAME) not in there]
    for each in fresh:
        texts.save(engine, whose.id, each)
    return len(fresh)


def _special(engine: Engine, whose: Account, told: Mapping[Use, str]) -> int:
    if not told or settings.read(engine, whose.id, SPECIAL) is not None:
        return 0
    settings.write(engine, whose.id, SPECIAL, dict(told))
    return len(told)
