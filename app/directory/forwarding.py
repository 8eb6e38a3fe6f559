"""Where an account's mail is forwarded to: read from what was typed, and what speaks against it.

A target may not be the account itself, nor lead back to it through other accounts and aliases of the directory, and not
be outside of the site's own domains where the site wants that.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.directory.address import BadAddress, TypedAddress, parse_address
from app.directory.engine import asking
from app.directory.owners import leads
from app.directory.resolve import Directory
from app.directory.tables import AccountRow, DomainRow, SiteRow

MOST = 20  # targets of one account
FOLLOWED = 100  # addresses that are looked up to find a way back
_BETWEEN = re.compile(r"[\s,;]+")
# Exim, sendmail and Postfix' local(8) take a word that begins so for a command, a file or an option
_RUN = re.compile(r"[|/:\\\"-]")
# login@server.internal is a mailbox to mail servers, past its owner's rules (docs/mta-*.md); nobody outside has one
_INSIDE = ".internal"
_SAID = frozenset('%!@"\\')


def targets_of(text: str, *, most: int = MOST) -> tuple[str, ...]:
    """The addresses of a text, each once, in lower case and punycode. Raises ValueError, which says of which."""
    found: dict[str, None] = {}
    for word in _BETWEEN.split(text.strip()):
        if not word:
            continue
        try:
            parsed = parse_address(word) if "@" in word and not _RUN.match(word) else None
        except BadAddress:
            parsed = None
        if parsed is None or parsed.domain is None or hides(parsed.address) or parsed.domain.endswith(_INSIDE):
            raise ValueError(f"{word[:80]} is no address.")
        found[parsed.address] = None
    if len(found) > most:
        raise ValueError(f"At most {most} addresses.")
    return tuple(found)


def stored(text: str | None) -> tuple[str, ...]:
    """The targets as a row holds them."""
    return tuple(dict.fromkeys(word for word in _BETWEEN.split((text or "").strip().lower()) if word))


def news(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The targets of which an account's owner was not told: all of them where it was switched off, or had no mailbox
    to be told in."""
    heard = before["kind"] == "both" or after["kind"] == "forward"
    former = _ahead(before) if heard else ()
    return tuple(each for each in _ahead(after) if each not in former)


def _ahead(row: Mapping[str, Any]) -> tuple[str, ...]:
    return stored(row["forward_to"]) if row["kind"] != "mailbox" and row["enabled"] else ()


def hides(address: str) -> bool:
    """Whether its local part may hide another domain, to which mail systems deliver where the address's own is theirs:
    after a % or !, or an @ in quotes. A script's variables hide anything. So what looks like the site's own would
    leave it."""
    return "${" in address or not _SAID.isdisjoint(address.rpartition("@")[0])


def outside(directory: Directory, site: str, targets: Iterable[str]) -> tuple[str, ...]:
    """Those that are under no domain of the site, or may hide another. Raises DirectoryAway, DirectoryBroken."""
    names = select(DomainRow.name).where(DomainRow.site_id == int(site))
    with asking(), directory.engine.connect() as connection:
        own = set(connection.scalars(names))
    return tuple(each for each in targets if hides(each) or each.rpartition("@")[2] not in own)


def allowed_outside(directory: Directory, site: str) -> bool:
    """Whether the site's accounts may forward to others' domains. Raises DirectoryAway, DirectoryBroken."""
    with asking(), directory.engine.connect() as connection:
        return bool(connection.scalar(select(SiteRow.forward_outside).where(SiteRow.site_id == int(site))))


def problems(
    directory: Directory, site: str, targets: Sequence[str], *, account_id: str | None = None, names: Iterable[str] = ()
) -> list[str]:
    """What speaks against forwarding there, each in a sentence. `account_id`: whose mail it is; `names`: the addresses
    that are to be forwarded by themselves. Raises DirectoryAway, DirectoryBroken."""
    wrong: list[str] = []
    away = outside(directory, site, targets)
    if away and not allowed_outside(directory, site):
        wrong.append(f"Mail may not be forwarded outside of this site: {', '.join(away)}.")
    for each in targets:
        accounts, addresses = _reached(directory, each)
        if account_id in accounts or set(names) & addresses:
            wrong.append(f"{each} leads back here.")
        elif each not in away and not accounts and len(addresses) == 1:
            wrong.append(f"Nobody has the address {each}.")
    return wrong


def _reached(directory: Directory, target: str) -> tuple[set[str], set[str]]:
    """The accounts and addresses that mail to a target comes to, by whatever the directory forwards on the way."""
    seen: set[str] = set()
    accounts: set[str] = set()
    ahead = {target}
    while ahead and len(seen) < FOLLOWED:
        seen |= ahead
        owners, aliases = leads(directory, {each: key for each in ahead if (key := _parsed(each)) is not None})
        people = {owner for found in owners.values() for owner, _ in found if owner} - accounts
        accounts |= people
        ahead = ({each for targets in aliases.values() for each in targets} | _forwarded(directory, people)) - seen
    return accounts, seen


def _forwarded(directory: Directory, accounts: Iterable[str]) -> set[str]:
    """Where these accounts forward to."""
    numbers = [int(each) for each in accounts if each.isdecimal()]
    if not numbers:
        return set()
    asked = select(AccountRow.forward_to).where(AccountRow.account_id.in_(numbers), AccountRow.kind != "mailbox")
    with asking(), directory.engine.connect() as connection:
        return {target for text in connection.scalars(asked) for target in stored(text)}


def _parsed(address: str) -> TypedAddress | None:
    try:
        return parse_address(address)
    except BadAddress:
        return None
