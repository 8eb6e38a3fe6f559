"""What a site says of filters, answers and forwarding that a mail server does not let be set: where else, and whether
its accounts' own forwarding may stand in the directory."""

from dataclasses import dataclass

from sqlalchemy import select

from app.directory.engine import asking
from app.directory.resolve import Directory
from app.directory.tables import SiteRow


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`words` and `page`: a sentence and the address of a page, "" for none · `forwards`: people may set there, in the
    directory, where their mail goes on to · `outside`: also to others' domains."""

    words: str = ""
    page: str = ""
    forwards: bool = False
    outside: bool = True


def elsewhere(directory: Directory, site: str) -> Elsewhere:
    """What a site says; nothing where accounts are kept in a schema of the provider's own. Raises DirectoryError."""
    if directory.query is not None or not (site.isascii() and site.isdecimal() and len(site) < 10):
        return Elsewhere()
    columns = (SiteRow.filters_words, SiteRow.filters_page, SiteRow.forward_here, SiteRow.forward_outside)
    with asking(), directory.engine.connect() as connection:
        row = connection.execute(select(*columns).where(SiteRow.site_id == int(site))).first()
    return Elsewhere() if row is None else Elsewhere(row[0] or "", row[1] or "", bool(row[2]), bool(row[3]))
