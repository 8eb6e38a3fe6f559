"""The log of one account, as an administrator sees it. Each look is written down first, and its owner can read that."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import abort, request

from app.blocklog import query
from app.blocklog.codes import word
from app.blocklog.reason import POLICIES
from app.blocklog.use import last_use
from app.directory.resolve import account as resolved
from app.directory.sites import listed
from app.policy.actions import recorded
from app.web.admin.accounts import name_of
from app.web.admin.realm import Realm, is_id, page, realm
from app.web.blocked.asked import asked_of, place_text
from app.web.blocklog import blocklog
from app.web.policy import policy
from app.web.resources import resources
from app.web.settings.looks import LOOK

PER_PAGE = 50
VIEWS = ("blocked", "received")


@dataclass(frozen=True, slots=True)
class Whose:
    """The account that is looked at."""

    id: str
    address: str
    display_name: str
    site: str


def show(account_id: str) -> str:
    """GET /admin/accounts/<account_id>?view=&q=&policy=&before="""
    here, now = realm(), datetime.now(UTC)
    whose = _whose(here, account_id)
    view = request.args.get("view", "")
    view = view if view in VIEWS else VIEWS[0]
    asked = asked_of(request.args, ())
    class_ = next((each for each in POLICIES if word(each) == request.args.get("policy")), None)
    by = here.by(account_id=whose.id, site=whose.site)
    with policy() as rules:
        recorded(rules, by, LOOK, whose.address, now, {"address": here.me.account.address})
    only: dict[str, Any] = {"sender": asked.sender, "before": asked.before, "limit": PER_PAGE + 1, "site": _site(here)}
    with blocklog() as engine:
        if view == "blocked":
            chosen = [class_] if class_ is not None else []
            rows: Any = query.day_page(engine, whose.id, policies=chosen, everything=True, **only)
        else:
            rows = query.recent_page(engine, whose.id, **only)
        used = last_use(engine, whose.id)
        counts = query.counts(engine, whose.id, now, everything=True, site=_site(here))
    older = place_text(*rows[PER_PAGE - 1].place) if len(rows) > PER_PAGE else None
    about = replace(here, site=whose.site) if here.of_provider and whose.site else here  # for the tabs
    return page(
        "account", about, whose=whose, view=view, asked=asked, policy=class_, policies=list(POLICIES.items()),
        used=used, rows=rows[:PER_PAGE], older=older, day=sum(counts.day.values()), week=sum(counts.week.values()),
    )  # fmt: skip


def _whose(here: Realm, account_id: str) -> Whose:
    """The account; 404 where it is of another site, or nobody's and without a row that the administrator may see."""
    directory = resources().directory
    if not is_id(account_id):
        abort(404)
    found = listed(directory, account_id)
    if found is not None:
        whose = Whose(account_id, found[0].address, found[0].display_name or "", found[1])
    elif (known := resolved(directory, account_id)) is not None:
        whose = Whose(account_id, known.address, known.display_name or "", known.site)
    else:
        return _gone(here, account_id)
    if not here.may_see(whose.site):
        abort(404)
    return whose


def _gone(here: Realm, account_id: str) -> Whose:
    """One that the directory no longer knows, or cannot tell by its id: what the log has of it lies in its site."""
    only = _site(here)
    with blocklog() as engine:
        stopped = query.day_page(engine, account_id, limit=1, everything=True, site=only)
        accepted = () if stopped else query.recent_page(engine, account_id, limit=1, site=only)
    sites = [row.site for row in stopped] + [row.site for row in accepted]
    if not sites or not account_id:
        abort(404)
    return Whose(account_id, name_of(account_id), "", sites[0])


def _site(here: Realm) -> str | None:
    """What a site's administrator is shown is of that site, whatever the address names."""
    return None if here.of_provider else here.me.account.site
