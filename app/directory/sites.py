"""What the directory's own tables say of sites as a whole: which there are, and who has an account there.

With a provider's query nothing of this can be known: a query finds one address at a time. Then these are empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Executable, select

from app.directory.account import Kind, Role
from app.directory.engine import asking
from app.directory.resolve import Directory
from app.directory.tables import AccountRow, SiteRow


@dataclass(frozen=True, slots=True)
class Site:
    """A customer. `log_days`: how long its block log is kept; None: as the settings say."""

    id: str
    name: str
    primary_domain: str
    log_days: int | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """An account as lists show it."""

    id: str
    address: str
    display_name: str | None
    kind: Kind
    role: Role
    enabled: bool


def sites(directory: Directory) -> tuple[Site, ...]:
    """All sites in the order of their names. Raises DirectoryAway, DirectoryBroken."""
    columns = (SiteRow.site_id, SiteRow.name, SiteRow.primary_domain, SiteRow.log_days, SiteRow.enabled)
    rows = _rows(directory, select(*columns).order_by(SiteRow.name))
    return tuple(Site(str(number), name, domain, days, bool(live)) for number, name, domain, days, live in rows)


def log_days(directory: Directory) -> Mapping[str, int]:
    """How many days the block log is kept of each site that says so. Raises DirectoryAway, DirectoryBroken."""
    return {site.id: site.log_days for site in sites(directory) if site.log_days is not None}


def accounts(directory: Directory, site: str) -> tuple[Listed, ...]:
    """All accounts of a site by its id, in the order of their names. Raises DirectoryAway, DirectoryBroken."""
    if not (site.isdecimal() and site.isascii() and len(site) < 10):
        return ()
    row = AccountRow
    columns = (row.account_id, row.username, SiteRow.primary_domain, row.display_name, row.kind, row.role, row.enabled)
    chosen = select(*columns).join(SiteRow, SiteRow.site_id == row.site_id).where(row.site_id == int(site))
    return tuple(
        Listed(str(number), f"{username}@{domain}", display_name, cast(Kind, kind), cast(Role, role), bool(live))
        for number, username, domain, display_name, kind, role, live in _rows(directory, chosen.order_by(row.username))
    )


def _rows(directory: Directory, chosen: Executable) -> list[Any]:
    if directory.query is not None:
        return []
    with asking(), directory.engine.connect() as connection:
        return list(connection.execute(chosen))
