"""What stands in place of pages that a mail server cannot do: where else it is set, in the site's own words."""

from app.directory.elsewhere import Elsewhere, elsewhere
from app.directory.errors import DirectoryError
from app.web.resources import resources
from app.web.session import Current


def said(me: Current) -> dict[str, str]:
    """For the template. Never raises: without the directory, what is said where a site says nothing."""
    try:
        found = elsewhere(resources().directory, me.account.site)
    except DirectoryError:
        found = Elsewhere()
    return {"words": found.words, "address": found.page}
