"""Where mail to the addresses of one site goes, with all its rows at hand: finds forwarding that leads back.

For thousands of lines at once; of a single account `forwarding.py` asks the same of SQL, across sites too.
"""

from typing import Any

from sqlalchemy import Connection, select

from app.directory.errors import NotAccepted
from app.directory.forwarding import stored
from app.directory.member import domains
from app.directory.tables import ANY_DOMAIN, CATCH_ALL, AccountRow, AddressRow

MOST_STEPS = 200_000  # of all questions together, which take a second; a chain of 5,000 takes 12 million
Node = Any  # an account's number, or the key of an address row that only forwards


class Ways:
    """The site's accounts and addresses as they are now, in the order in which look-ups prefer them (statement.py)."""

    def __init__(self, connection: Connection, site_id: int) -> None:
        account, address = AccountRow, AddressRow
        people = select(account.account_id, account.username, account.kind, account.forward_to)
        found = connection.execute(people.where(account.site_id == site_id)).all()
        self.by_name: dict[str, int] = {each.username: each.account_id for each in found}
        self._ahead = {each.account_id: stored(each.forward_to) for each in found if each.kind != "mailbox"}
        rows = select(address.local, address.domain_id, address.account_id, address.forward_to)
        self._rows = {
            (each.local, each.domain_id): (each.account_id, stored(each.forward_to))
            for each in connection.execute(rows.where(address.site_id == site_id))
        }
        self._steps = MOST_STEPS
        self._own = {name: number for number, name in domains(connection, site_id).items()}

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
                waiting += further or self._ahead.get(node, ())
        return False

    def _leads(self, target: str) -> tuple[Node, tuple[str, ...]]:
        local, _, domain = target.rpartition("@")
        if domain not in self._own:
            return None, ()
        keys = (local, local.partition("+")[0])
        for key in keys:
            if (found := self._row(key, domain)) is not None:
                return found
        for key in keys:
            if key in self.by_name:
                return self.by_name[key], ()
        return self._row(CATCH_ALL, domain) or (None, ())

    def _row(self, local: str, domain: str) -> tuple[Node, tuple[str, ...]] | None:
        for number in (self._own[domain], ANY_DOMAIN):
            if (local, number) in self._rows:
                account, further = self._rows[local, number]
                return (account, ()) if account is not None else ((local, number), further)
        return None
