"""What a filter remembers of a sender for somebody: SpamAssassin's AWL and TxRep, whose rows lie in its own table.

Only forgetting is ours. A row stands under the name that `spamc -u` gave and the sender's visible address, both in
small letters (Mail::SpamAssassin::SQLBasedAddrList, README.awl).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Engine, column, delete, literal_column, table

from app.policy.asking import changed

_EXACT: Final = "CONVERT(username USING utf8mb4) COLLATE utf8mb4_bin"
_REPLACED: Final = re.compile(r"""[\0;'"!|]""")  # Mail::SpamAssassin::AutoWelcomelist, pack_addr


def forget(engine: Engine, name: str, addresses: Iterable[str], sender: str) -> int:
    """Deletes what the table `name` holds about a sender for the owner of these addresses. Returns how many rows those
    were: one for each network that mail came from. Raises PolicyAway."""
    users = sorted({each.lower() for each in addresses})
    rows = table(name, column("username"), column("email"))
    wanted = delete(rows).where(rows.c.username.in_(users), rows.c.email == as_kept(sender))
    if engine.dialect.name in ("mysql", "mariadb"):  # where the filter's table may take é for e
        wanted = wanted.where(literal_column(_EXACT).in_(users))
    return changed(engine, lambda connection: connection.execute(wanted).rowcount)


def as_kept(sender: str) -> str:
    """A sender's address in the filter's spelling."""
    return _REPLACED.sub("_", sender.lower())
