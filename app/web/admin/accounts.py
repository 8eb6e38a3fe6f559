"""The accounts of a site on one page, each with what was stopped and accepted in the last 24 hours and the last hour;
for the provider's administrators first the sites."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from flask import request

from app.blocklog.totals import Traffic, by_account, by_site
from app.directory.ids import unescaped
from app.directory.sites import Listed, Site, accounts
from app.web.admin.realm import Realm, page, realm
from app.web.blocklog import blocklog
from app.web.resources import resources

ORDERS = ("name", "blocked_day", "blocked_hour", "accepted_day", "accepted_hour")
NONE = Traffic()
MOST = 5000  # rows of one page; the others are found by searching


@dataclass(frozen=True, slots=True)
class Row:
    """An account or a site, and its traffic."""

    id: str
    name: str
    display_name: str
    tags: str
    traffic: Traffic


def show() -> str:
    """GET /admin?site=&q=&sort="""
    here = realm()
    order = request.args.get("sort", "")
    order = order if order in ORDERS else "blocked_day"
    sought = request.args.get("q", "").strip().lower()[:320]
    rows = _of_sites(here) if here.site is None else _of_site(here.site)
    nobody = next((row for row in rows if not row.id), None)
    found = sorted(_found(rows, sought), key=attrgetter("name"))
    if order != "name":
        found.sort(key=lambda row: getattr(row.traffic, order), reverse=True)
    return page("accounts", here, rows=found[:MOST], order=order, sought=sought, every=len(rows), nobody=nobody)


def _found(rows: Iterable[Row], sought: str) -> list[Row]:
    return [row for row in rows if row.id and (sought in row.name.lower() or sought in row.display_name.lower())]


def _of_sites(here: Realm) -> list[Row]:
    with blocklog() as engine:
        traffic = by_site(engine, here.sites, datetime.now(UTC))
    rows = [Row(each.id, each.name, _domain(each), "" if each.enabled else "disabled", traffic.get(each.id, NONE))
            for each in here.every_site]  # fmt: skip
    return [*rows, Row("", "", "", "", traffic.get("", NONE))]


def _domain(site: Site) -> str:
    """The domain of a site, where it is not called so."""
    return "" if site.primary_domain == site.name.lower() else site.primary_domain


def _of_site(site: str) -> list[Row]:
    with blocklog() as engine:
        traffic = by_account(engine, site, datetime.now(UTC))
    known = accounts(resources().directory, site)
    rows = [
        Row(each.id, each.address, each.display_name or "", _tags(each), traffic.get(each.id, NONE)) for each in known
    ]
    return [*rows, *_unlisted(traffic, {each.id for each in known})]


def _unlisted(traffic: Mapping[str, Traffic], known: set[str]) -> Iterable[Row]:
    """Those that the log knows and the directory does not list: of a provider's own schema, or gone. "" is nobody."""
    for account_id, numbers in traffic.items():
        if account_id not in known:
            yield Row(account_id, name_of(account_id), "", "", numbers)


def name_of(account_id: str) -> str:
    """An account's address, as far as its id tells it."""
    try:
        return unescaped(account_id[2:]) if account_id[1:2] == ":" else f"account {account_id}" if account_id else ""
    except ValueError:
        return account_id


def _tags(account: Listed) -> str:
    words = {
        "forwards only": account.kind == "forward",
        "administrator": account.role != "user",
        "disabled": not account.enabled,
    }
    return ", ".join(word for word, holds in words.items() if holds)
