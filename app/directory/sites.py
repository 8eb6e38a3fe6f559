"""What the directory's own tables say of sites as a whole: which there are, and who has an account there.

With a provider's query nothing of this can be known: a query finds one address at a time. Then these are empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Executable, select

from app.directory.account import Kind, Role
from app.directory.engine import asking
from app.directory.resolve import Directory
from app.directory.tables import AccountRow, DomainRow, SiteRow


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


_LISTED: Final[Any] = select(
    AccountRow.account_id,
    AccountRow.username,
    SiteRow.primary_domain,
    AccountRow.display_name,
    AccountRow.kind,
    AccountRow.role,
    AccountRow.enabled,
    AccountRow.site_id,
).join(SiteRow, SiteRow.site_id == AccountRow.site_id)


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
    if not _is_number(site):
        return ()
    chosen = _LISTED.where(AccountRow.site_id == int(site)).order_by(AccountRow.username)
    return tuple(_listed(row) for row in _rows(directory, chosen))


def listed(directory: Directory, account_id: str) -> tuple[Listed, str] | None:
    """One account by its id, disabled ones too, and the id of its site. Raises DirectoryAway, DirectoryBroken."""
    if not _is_number(account_id):
        return None
    found = _rows(directory, _LISTED.where(AccountRow.account_id == int(account_id)))
    return (_listed(found[0]), str(found[0].site_id)) if found else None


def site_of(directory: Directory, domain: str) -> str | None:
    """The id of the site that a domain belongs to. Raises DirectoryAway, DirectoryBroken."""
    found = _rows(directory, select(DomainRow.site_id).where(DomainRow.name == domain))
    return str(found[0].site_id) if found else None


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 10


def _listed(row: Any) -> Listed:
    kind, role = cast(Kind, row.kind), cast(Role, row.role)
    return Listed(
        str(row.account_id), f"{row.username}@{row.primary_domain}", row.display_name, kind, role, bool(row.enabled)
    )


def _rows(directory: Directory, chosen: Executable) -> list[Any]:
    if directory.query is not None:
        return []
    with asking(), directory.engine.connect() as connection:
        return list(connection.execute(chosen))
