"""Icons of the sprite, as a filter: Jinja writes `"flag"|icon` into the compiled template, and a page pays nothing."""

from flask import url_for
from markupsafe import Markup


def icon(name: str, large: bool = False) -> Markup:
    """The icon of that name (static/vendor/lucide/icons.svg); a label stands beside it."""
    sprite = url_for("static", filename="vendor/lucide/icons.svg")
    size = " icon-large" if large else ""
    return Markup('<svg class="icon{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(size, sprite, name)
