"""Who may see what: the administrators of a site see that site and no other, those of the provider see all.

To everybody else these pages do not exist. Each view begins with `realm()`, or `provider()` where it is about all.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from flask import abort, render_template, request

from app.blocklog.totals import sites_known
from app.directory.sites import Site, sites
from app.policy import intake
from app.policy.actions import By
from app.policy.errors import PolicyAway
from app.web.blocklog import blocklog
from app.web.policy import policy
from app.web.resources import resources
from app.web.session import Current, client_address, current

LONGEST_ID = 700
SWITCHES = {  # of the intake: what each is called, and what it does
    "allow_cnxns": ("Connections", "Mail servers take connections at all."),
    "allow_trusted": ("Trusted networks", "Mail from your own networks is taken."),
    "allow_authd": ("Signed-in senders", "Mail of people who sign in with their program is taken."),
    "allow_other": ("Everybody else", "Mail from the rest of the world is taken."),
    "greylist_on": ("Greylisting", "Servers that nobody knows are asked to come again."),
}


@dataclass(frozen=True)
class Realm:
    """Of one request: who asks, and about which site; `site` is None where the provider asks about all of them."""

    me: Current
    site: str | None

    @property
    def of_provider(self) -> bool:
        """Whether all sites are theirs."""
        return self.me.account.role == "isp_admin"

    @cached_property
    def every_site(self) -> tuple[Site, ...]:
        """The sites that they may choose from, by name; those that the log knows, where the directory lists none."""
        if not self.of_provider:
            return ()
        if resources().directory.query is None:
            return sites(resources().directory)
        with blocklog() as engine:
            return tuple(Site(name, name, name, None, True) for name in sites_known(engine) if name)

    @property
    def sites(self) -> list[str]:
        """The ids of the sites that are asked about; "" is none of ours."""
        return [self.site] if self.site is not None else ["", *(each.id for each in self.every_site)]

    @property
    def site_name(self) -> str:
        """What the site is called."""
        if not self.of_provider:
            return self.me.account.address.rpartition("@")[2]
        return next((each.name for each in self.every_site if each.id == self.site), self.site or "")

    def may_see(self, site: str) -> bool:
        """Whether a site's mail is theirs to look at."""
        return self.of_provider or site == self.me.account.site

    def by(self, *, account_id: str = "", site: str = "") -> By:
        """For the action log."""
        return By(self.me.account.id, account_id, site, client_address())


def realm() -> Realm:
    """That of the signed-in administrator; the site of the address's `site`. 404 for everybody else, and for a site
    that is not theirs."""
    me = current()
    asked = request.args.get("site") or None
    if me.account.role == "isp_admin" and (asked is None or is_id(asked)):
        return Realm(me, asked)
    if me.account.role != "site_admin" or asked not in (None, me.account.site):
        abort(404)
    return Realm(me, me.account.site)


def is_id(text: str) -> bool:
    """Whether an account or a site may be called so; other texts are errors to SQL."""
    return 0 < len(text) <= LONGEST_ID and text.isascii() and text.isprintable()


def provider() -> Realm:
    """That of an administrator of the provider; 404 for everybody else."""
    found = realm()
    if not found.of_provider:
        abort(404)
    return replace(found, site=None)


def page(template: str, of: Realm, **values: Any) -> str:
    """A page, with what each of them shows: the tabs, the site, and which switches of the intake are off."""
    return render_template(
        f"admin/{template}.html", realm=of, site_link=of.site if of.of_provider else None, zone=of.me.zone,
        closed=_closed(), kept_here=resources().directory.query is None, now=datetime.now(UTC), **values,
    )  # fmt: skip


def _closed() -> list[str]:
    """The switches that keep mail out and are off. Where nobody can say, no page is refused for that."""
    try:
        with policy() as engine:
            off = [each.name for each in intake.switches(engine) if not each.on and each.name in intake.ALLOWING]
            return [f"{SWITCHES[name][0]} ({name})" for name in off]
    except PolicyAway:
        return []
