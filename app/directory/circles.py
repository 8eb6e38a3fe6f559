"""Where mail to the directory's addresses goes, with all rows of a site at hand: finds forwarding that leads back.

For thousands of lines at once, and across sites: rows of another site are read, once, when mail first leads there. Of a
single account `forwarding.py` asks the same of SQL.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from app.directory.errors import NotAccepted
from app.directory.forwarding import stored
from app.directory.tables import ANY_DOMAIN, CATCH_ALL, AccountRow, AddressRow, DomainRow

MOST_STEPS = 200_000  # of all questions together, which take a second; a chain of 5,000 takes 12 million
Node = Any  # an account's number, or the key of an address row that only forwards, with its site


@dataclass(frozen=True, slots=True)
class _Site:
    """A site's accounts and addresses as they are now."""

    number: int
    by_name: dict[str, int]
    ahead: dict[int, tuple[str, ...]]
    rows: dict[tuple[str, int], tuple[int | None, tuple[str, ...]]]


class Ways:
    """Accounts and addresses as they are now, in the order in which look-ups prefer them (statement.py)."""

    def __init__(self, connection: Connection, site_id: int) -> None:
        self._connection, self._steps = connection, MOST_STEPS
        self._sites: dict[int, _Site] = {}
        self._home = self._site(site_id)
        asked = select(DomainRow.name, DomainRow.site_id, DomainRow.domain_id)
        self._domains = {name: (site, number) for name, site, number in connection.execute(asked)}

    def account(self, username: str) -> Node:
        """Where the mail of an account of the site starts."""
        return self._home.by_name[username]

    def address(self, local: str, domain_id: int) -> Node:
        """Where mail to an address of the site starts that only forwards."""
        return self._home.number, local, domain_id

    def back(self, start: Node, targets: tuple[str, ...]) -> bool:
        """Whether mail to some targets comes to where it started. Raises NotAccepted where nobody can tell."""
        seen: set[Node] = set()
        waiting = list(targets)
        while waiting:
            self._steps -= 1
            if self._steps < 0:
                raise NotAccepted("These addresses lead too far from one to the next.")
            node, further = self._leads(waiting.pop())
            if node is not None and node == start:
                return True
            if node is not None and node not in seen:
                seen.add(node)
                waiting += further
        return False

    def _leads(self, target: str) -> tuple[Node, tuple[str, ...]]:
        """Whom a target means, and where mail goes on to from there."""
        local, _, name = target.rpartition("@")
        if name not in self._domains:
            return None, ()
        number, domain = self._domains[name]
        site, keys = self._site(number), (local, local.partition("+")[0])
        for key in keys:
            if (found := _row(site, key, domain)) is not None:
                return found
        for key in keys:
            if key in site.by_name:
                return site.by_name[key], site.ahead.get(site.by_name[key], ())
        return _row(site, CATCH_ALL, domain) or (None, ())

    def _site(self, number: int) -> _Site:
        if number not in self._sites:
            self._sites[number] = _read(self._connection, number)
        return self._sites[number]


def _read(connection: Connection, site_id: int) -> _Site:
    account, address = AccountRow, AddressRow
    people = select(account.account_id, account.username, account.kind, account.forward_to)
    found = connection.execute(people.where(account.site_id == site_id)).all()
    rows = select(address.local, address.domain_id, address.account_id, address.forward_to)
    return _Site(
        site_id,
        {each.username: each.account_id for each in found},
        {each.account_id: stored(each.forward_to) for each in found if each.kind != "mailbox"},
        {
            (each.local, each.domain_id): (each.account_id, stored(each.forward_to))
            for each in connection.execute(rows.where(address.site_id == site_id))
        },
    )


def _row(site: _Site, local: str, domain_id: int) -> tuple[Node, tuple[str, ...]] | None:
    for number in (domain_id, ANY_DOMAIN):
        if (local, number) in site.rows:
            account, further = site.rows[local, number]
            if account is not None:
                return account, site.ahead.get(account, ())
            return (site.number, local, number), further
    return None
