"""How what somebody marks as spam, or as good mail, reaches the filter: a site's own way, where it says one."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select

from app.directory.engine import asking
from app.directory.resolve import Directory
from app.directory.tables import SiteRow

Way = Literal["move", "address", "none"]
WAYS: tuple[Way, ...] = ("move", "address", "none")


@dataclass(frozen=True, slots=True)
class Teaching:
    """`move`: the filter sees that a message is moved · `address`: a copy is sent to one of these two · `none`."""

    way: Way
    spam_to: str = ""
    ham_to: str = ""


def teaching(directory: Directory, site: str) -> Teaching | None:
    """What a site says; None where it says nothing, or accounts are kept in a provider's own schema. Raises
    DirectoryError."""
    if directory.query is not None or not (site.isascii() and site.isdecimal() and len(site) < 10):
        return None
    columns = (SiteRow.learning, SiteRow.learn_spam_to, SiteRow.learn_ham_to)
    with asking(), directory.engine.connect() as connection:
        row = connection.execute(select(*columns).where(SiteRow.site_id == int(site))).first()
    way = next((each for each in WAYS if row is not None and each == row[0]), None)
    return Teaching(way, row[1] or "", row[2] or "") if row is not None and way else None
