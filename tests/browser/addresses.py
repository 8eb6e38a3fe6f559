"""Where every kind of page is, and which forms can be filled in wrongly: for what looks at all pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from app.web import ROUTES
from app.web.urls import MailboxConverter

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDERS = ("/mail/INBOX/", "/mail/INBOX/?q=letter&sort=-date", "/mail/Archive/", "/mail/Trash/")
OWN = ("/settings/sessions", "/settings/identities", "/settings/identities/new", "/settings/folders")
RULES = ("/filters", "/filters/rules/new", "/filters/text")
LISTS = ("/filters/senders", "/filters/senders/import", "/filters/spam")
CONTACTS = ("/contacts", "/contacts/new?name=Ann&address=ann@one.example", "/contacts/import", "/contacts/recent")
LOG = ("/blocked", "/blocked?policy=rbl", "/received", "/where?q=x.example", "/where?q=bank.example")
# Those that no other test measures at every width.
MORE = (
    *("/settings/writing", "/settings/texts", "/settings/texts/new", "/settings/digest", "/settings/actions"),
    *(
        "/vacation",
        "/forwarding",
        "/settings/password",
        "/compose",
        "/outbox",
        "/folders",
        "/contacts/duplicates",
        "/mail/Nowhere/",
    ),
    *("/where", "/expecting", "/digest/x", "/nowhere"),
)
# They answer with a part of a page, a file, figures, or the way to another page.
NO_PAGES = {
    *("root", "static", "brand.picture", "mailbox.changes", "compose.copies", "compose.text", "contacts.suggestions"),
    *("message.frame", "message.part", "message.download", "message.archive_zip"),
    *("contacts.export_vcf", "contacts.export_csv", "blocked.export", "received.export", "blocked.news"),
    *("health.live", "health.ready", "health.metrics", "admin.export", "admin.lists_export", "filters.lists_export"),
}
_MAP = Map(
    [Rule(path, endpoint=name, methods=list(methods), strict_slashes=False) for path, name, _view, methods in ROUTES],
    converters={"mailbox": MailboxConverter},
).bind("localhost")


@dataclass(frozen=True)
class Mistake:
    """A form that is filled in wrongly: what is typed, by test id, and what sends it."""

    address: str
    send: str
    typed: dict[str, str] = field(default_factory=dict)


MISTAKES = (
    Mistake("/filters/rules/new", "filter-save"),
    Mistake("/filters/text", "filters-text-save", {"filters-text": "nonsense;"}),
    Mistake("/filters/senders", "list-save", {"list-what": "no domain"}),
    Mistake("/filters/senders/import", "import-button", {"import-text": "a.example\nno domain\n"}),
    Mistake("/filters/spam", "spam-save", {"spam-field": "99"}),
    Mistake("/vacation", "vacation-save", {"vacation-text": "", "vacation-start": "2030-01-02"}),
    Mistake("/forwarding", "forward-save", {"forward-to": "nobody"}),
    Mistake("/settings/password", "password-save", {"password-new": "short"}),
    Mistake("/contacts/new?name=Ann&address=ann@one.example", "contact-save", {"contact-addresses": "ann"}),
    Mistake("/settings/identities/new", "identity-save", {"identity-reply-to": "ann"}),
    Mistake("/settings/texts/new", "text-save"),
    Mistake("/compose", "compose-send", {"compose-to": "ann"}),
)


def mistakes(site: str, account_id: str) -> tuple[Mistake, ...]:
    """Those of administrators."""
    return (
        Mistake("/admin/global/senders", "list-save", {"list-what": "no domain"}),
        Mistake("/admin/global/spam", "spam-save", {"spam-field": "99"}),
        Mistake(f"/admin/site?site={site}", "site-save", {"site-log-days": "-1"}),
        Mistake(f"/admin/site/accounts/new?site={site}", "account-add", {"account-username": "a b"}),
        Mistake(f"/admin/accounts/{account_id}/settings", "account-save", {"account-zone": "Nowhere"}),
    )


def messages(page: Page) -> list[str]:
    """The messages of the list that is open."""
    found: list[str] = page.get_by_test_id("message-subject-link").evaluate_all("links => links.map(a => a.pathname)")
    return found


def administration(site: str, account_id: str) -> tuple[str, ...]:
    """The administrators' own pages, about a site and one of its accounts."""
    about, one = f"site={site}", f"/admin/accounts/{account_id}"
    return (
        *(
            f"{one}/settings",
            f"/admin/site?{about}",
            f"/admin/site/accounts/new?{about}",
            f"/admin/site/import?{about}",
        ),
        *("/admin", f"/admin?{about}", f"/admin?{about}&q=nobody", one, f"{one}?view=received", "/admin/totals"),
        *(f"/admin/totals?{about}&days=7", f"/admin/unknown?{about}", "/admin/senders?q=shop.example"),
        *("/admin/servers", "/admin/logs", "/admin/intake", "/settings/looks"),
    )


def administered_lists(level: str = "global") -> tuple[str, ...]:
    """Lists and settings for everybody, or for a site."""
    return f"/admin/{level}/senders", f"/admin/{level}/senders/import", f"/admin/{level}/spam"


def unseen(addresses: list[str]) -> set[str]:
    """The endpoints of pages that none of the addresses leads to."""
    pages = {name for _path, name, _view, methods in ROUTES if "GET" in methods} - NO_PAGES
    return pages - {_endpoint(each) for each in addresses}


def _endpoint(address: str) -> str:
    try:
        return str(_MAP.match(urlsplit(address).path, "GET")[0])
    except HTTPException:
        return ""
