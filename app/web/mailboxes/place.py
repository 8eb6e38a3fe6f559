"""Which list a message was opened from: the query of its address, read as strictly as the list's own.

So "back", the messages beside it and what is done to it lead to the same page of the same list, without a script too.
"""

from typing import Any, cast, get_args
from urllib.parse import parse_qsl, urlsplit

from flask import request
from werkzeug.datastructures import MultiDict

from app.mail.beyond import Listed
from app.mail.listing import Sort, View
from app.mail.search import tidy
from app.web.resources import resources

DESCENDING: dict[str, bool] = {"arrival": True, "date": True, "from": False, "subject": False, "size": True}


def came_from(args: MultiDict[str, str] | None = None) -> dict[str, Any]:
    """`page`, `q`, `sort` and `view` as the list writes them into its own address; what is usual or absurd is None."""
    args = request.args if args is None else args
    page, sort, view = args.get("page", ""), args.get("sort", ""), args.get("view", "")
    number = int(page[:9]) if page.isascii() and page.isdigit() else 1
    known = sort.removeprefix("-") in get_args(Sort) and sort != "arrival"
    return {
        "page": number if number > 1 else None,
        "q": tidy(args.get("q")),
        "sort": sort if known else None,
        "view": view if view in get_args(View) and view != "all" else None,
    }


def list_name(address: str | None = None) -> str:
    """What tells that list, or the one at an address, from others of the mailbox (app/mail/lastshown.py)."""
    listed = came_from(None if address is None else MultiDict(parse_qsl(urlsplit(address).query)))
    asked = [listed[name] or "" for name in ("view", "sort", "q")]
    return "\n".join(asked) if any(asked) else ""


def order(asked: str) -> tuple[Sort, bool]:
    """An order as an address names it, and whether it descends; a minus in front turns it round."""
    name = asked.removeprefix("-")
    if name not in DESCENDING:
        return "arrival", True
    return cast(Sort, name), DESCENDING[name] != asked.startswith("-")


def listed() -> Listed:
    """That list, to be asked for what is beside a message at the end of its page, no longer than a page can wait."""
    at, settings = came_from(), resources().settings
    sort, descending = order(at["sort"] or "")
    seconds = min(settings.search_seconds, settings.first_byte_seconds)
    return Listed(at["page"] or 1, settings.per_page, sort, descending, at["view"] or "all", at["q"], seconds)
