"""Icons of the sprite, as a filter: Jinja writes `"flag"|icon` into the compiled template, and a page pays nothing."""

from collections.abc import Callable
from functools import lru_cache

from flask import Flask, url_for
from markupsafe import Markup


def install(app: Flask) -> None:
    """Adds the filter."""
    app.jinja_env.filters["icon"] = _drawn()


def _drawn() -> Callable[..., Markup]:
    @lru_cache(maxsize=256)  # for those whose name a template computes; one per application, whose address it holds
    def icon(name: str, large: bool = False) -> Markup:
        """The icon of that name (static/vendor/lucide/icons.svg); a label stands beside it."""
        sprite = url_for("static", filename="vendor/lucide/icons.svg")
        size = " icon-large" if large else ""
        return Markup('<svg class="icon{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(size, sprite, name)

    return icon
