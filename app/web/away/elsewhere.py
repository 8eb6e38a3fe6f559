"""What stands in place of pages that a mail server cannot do: where else it is set, in the site's own words."""

from typing import Any

from app.web.session import Current


def elsewhere(me: Current) -> dict[str, Any]:
    """For the template."""
    return {"words": "", "address": "", "whose": me.account.site}
