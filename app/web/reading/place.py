"""Which list a message was opened from: the query of its address, read as strictly as the list's own.

So "back", the messages beside it and what is done to it lead to the same page of the same list, without a script too.
"""

from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

from flask import request
from werkzeug.datastructures import MultiDict

from app.mail.listing import Sort, View
from app.mail.search import tidy


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
