"""Under which names and addresses an account writes, each with its signature.

There is always one: the account's own address. What is kept counts only for addresses that are the account's now,
unless the site lets people write under any: an alias that was taken away is not a sender any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import Engine, Row, delete, func, select, update

from app.profile.asking import asking, put
from app.profile.errors import Full, Gone
from app.profile.suggest import collected_id
from app.profile.tables import IdentityRow
from app.profile.words import line, mark, paragraph

_TABLE: Any = IdentityRow.__table__
_C: Any = _TABLE.c
MOST = 50
SIGNATURE = 10_000


class Owner(Protocol):
    """What is looked at of an account."""

    @property
    def id(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def display_name(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """`reply_to` is "" for none. `signature_html` was cleaned before it was kept; with one, `signature_text` says the
    same as plain text. `id` is "" for a new one."""

    id: str
    name: str
    address: str
    reply_to: str = ""
    signature_text: str = ""
    signature_html: str = ""
    is_default: bool = False


def identities_of(
    engine: Engine, account: Owner, *, aliases: Sequence[str] = (), free: bool = False
) -> tuple[Identity, ...]:
    """The account's identities, the default first; at least one. `aliases` are its further addresses.

    `free`: the site lets people write under any address. Raises ProfileAway.
    """
    theirs = select(_TABLE).where(_C.account_id == account.id).order_by(_C.address, _C.identity_id).limit(2 * MOST)
    with asking(), engine.connect() as connection:
        kept = [_identity(row) for row in connection.execute(theirs)]
    own = usual(account, aliases)
    allowed = {mark(each.address) for each in own}
    kept = [each for each in kept if free or mark(each.address) in allowed]
    there = {mark(each.address) for each in kept}
    everyone = [*kept, *(each for each in own if mark(each.address) not in there)]
    return _default_first(everyone, mark(account.address))


def usual(account: Owner, aliases: Sequence[str] = ()) -> tuple[Identity, ...]:
    """The identities that need no SQL: one for each address of the account, with its display name, its own first."""
    once = {mark(each): each for each in (*reversed(aliases), account.address)}
    mine = mark(account.address)
    order = sorted(once.values(), key=lambda each: (mark(each) != mine, each))
    name = line(account.display_name or "")
    return tuple(
        Identity(collected_id(account.id, each), name, each, is_default=mark(each) == mine) for each in order[:MOST]
    )


def _default_first(everyone: Sequence[Identity], own: str) -> tuple[Identity, ...]:
    """The chosen one, or that of the account's own address, is the one default."""
    chosen = next((each for each in everyone if each.is_default and mark(each.address) != own), None)
    chosen = chosen or next((each for each in everyone if mark(each.address) == own and each.is_default), None)
    chosen = chosen or next(each for each in everyone if mark(each.address) == own)
    rest = [replace(each, is_default=False) for each in everyone if each.id != chosen.id]
    return (replace(chosen, is_default=True), *rest)


def save(engine: Engine, account_id: str, identity: Identity) -> Identity:
    """Keeps an identity, new where its id is ""; as the default it is the only one. Raises Full, ProfileAway.

    Whether the address is the account's is the caller's to check: here nobody knows aliases. An id that another account
    has raises Gone.
    """
    values = _values(identity)
    kept = identity.id or secrets.token_hex(16)
    with asking(), engine.begin() as connection:
        owner = connection.scalar(select(_C.account_id).where(_C.identity_id == kept))
        if owner not in (None, account_id):
            raise Gone(kept)
        count = int(connection.scalar(select(func.count()).where(_C.account_id == account_id)) or 0)
        if owner is None and count >= MOST:
            raise Full(f"{count} identities")
        if identity.is_default:
            connection.execute(update(_TABLE).where(_C.account_id == account_id).values(is_default=False))
    put(engine, _TABLE, {"identity_id": kept, "account_id": account_id}, values)
    return Identity(kept, **values)


def remove(engine: Engine, account_id: str, identity_id: str) -> None:
    """Forgets what was kept; an address of the account comes back as it was at first. Raises Gone, ProfileAway."""
    with asking(), engine.begin() as connection:
        theirs = delete(_TABLE).where(_C.account_id == account_id, _C.identity_id == identity_id)
        if not connection.execute(theirs).rowcount:
            raise Gone(identity_id)


def _values(identity: Identity) -> dict[str, Any]:
    return {
        "name": line(identity.name),
        "address": line(identity.address, 254),
        "reply_to": line(identity.reply_to, 254),
        "signature_text": paragraph(identity.signature_text, SIGNATURE),
        "signature_html": paragraph(identity.signature_html, SIGNATURE * 2),
        "is_default": identity.is_default,
    }


def _identity(row: Row[Any]) -> Identity:
    return Identity(
        row.identity_id, row.name, row.address, row.reply_to, row.signature_text, row.signature_html, row.is_default
    )
