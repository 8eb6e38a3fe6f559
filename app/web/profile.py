"""The door to what an account keeps in SQL: contacts, identities, settings; and what pages do while SQL is away.

While SQL was silent a moment ago nobody asks it again, so that mail does not wait for it. Settings that mail needs are
remembered in the account's cache for that time.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine

from app.directory.aliases import addresses_of
from app.directory.errors import DirectoryError
from app.profile import settings
from app.profile.errors import ProfileAway
from app.profile.identities import Identity, identities_of, usual
from app.profile.suggest import Person, collect
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.serving.timing import timed
from app.web.session import Current

FRESH_SECONDS = 600  # a cached setting may be as old as this; another node may have changed it meanwhile
KEPT_SECONDS = 30 * 86400


@contextmanager
def profile() -> Iterator[Engine]:
    """Postern's own database, for this block. Raises ProfileAway."""
    held = resources()
    if held.profile_gate.shut():
        raise ProfileAway("SQL did not answer a moment ago")
    try:
        with held.profile_gate.asking(ProfileAway), timed("sql"):
            yield held.database
    except ProfileAway as error:
        logger.warning("the profile does not answer", extra=described(error))
        raise


def setting(me: Current, name: str) -> Any:
    """A setting of the account from its cache, else from SQL; while that is away, an old one or None. Never raises."""
    kept = me.cache.recall(f"setting {name}")
    known = isinstance(kept, dict) and isinstance(kept.get("at"), int)
    if known and time.time() - kept["at"] < FRESH_SECONDS:
        return kept.get("value")
    try:
        with profile() as engine:
            value = settings.read(engine, me.account.id, name)
    except ProfileAway:
        return kept.get("value") if known else None
    _remember(me, name, value)
    return value


def keep_setting(me: Current, name: str, value: Any) -> None:
    """Writes a setting, None forgets it. Raises ProfileAway, ValueError."""
    with profile() as engine:
        settings.write(engine, me.account.id, name, value)
    _remember(me, name, value)


def _remember(me: Current, name: str, value: Any) -> None:
    if not me.cache.remember(f"setting {name}", {"at": int(time.time()), "value": value}, seconds=KEPT_SECONDS):
        me.cache.forget(f"setting {name}")


def aliases(me: Current) -> tuple[str, ...]:
    """The account's further addresses, asked of the directory every ten minutes. Never raises."""
    kept = me.cache.recall("aliases")
    if isinstance(kept, list):
        return tuple(str(each) for each in kept)
    try:
        found = addresses_of(resources().directory, me.account)
    except DirectoryError as error:
        logger.warning("the directory does not answer", extra=described(error))
        return ()
    me.cache.remember("aliases", list(found), seconds=FRESH_SECONDS)
    return found


def my_identities(me: Current) -> tuple[Identity, ...]:
    """Under which the signed-in person may write, the default first; never empty, and never raises.

    While SQL is away: each address of the account with its display name.
    """
    try:
        return kept_identities(me)
    except ProfileAway:
        return usual(me.account, aliases(me))


def kept_identities(me: Current) -> tuple[Identity, ...]:
    """The same, for who is about to change them. Raises ProfileAway."""
    own = aliases(me)
    with profile() as engine:
        return identities_of(engine, me.account, aliases=own, free=resources().settings.free_from)


def wrote_to(me: Current, addresses: Iterable[Person]) -> None:
    """Remembers whom a message was sent to, for suggestions. Never raises: a message that was sent was sent."""
    with suppress(ProfileAway), profile() as engine:
        collect(engine, me.account.id, addresses, now=round(time.time() * 1000))
