"""Whose lists and settings a page is about: the signed-in person's own, a site's or everybody's.

The same pages serve all three. Of a site only its administrators change anything, for everybody only the provider's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, make_response, redirect, render_template, url_for

from app.directory.errors import DirectoryError
from app.directory.resolve import domains
from app.policy.actions import By
from app.policy.rule import EVERYBODY, Scope, account_scope, site_scope
from app.policy.spam import scopes
from app.web.admin import realm as administrators
from app.web.admin.realm import Realm
from app.web.blocked.remedies import own_domains
from app.web.policy import by
from app.web.profile import aliases
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.session import Current, current


@dataclass(frozen=True)
class Whose:
    """`level`: account, site or global. `realm`: the administrator's, None on a person's own pages."""

    me: Current
    level: str
    scope: Scope
    realm: Realm | None = None

    @property
    def site(self) -> str:
        """The site that it is about; "" for everybody."""
        return self.me.account.site if self.realm is None else self.scope.id

    @property
    def by(self) -> By:
        """Who acts, for the action log."""
        return by(self.me) if self.realm is None else self.realm.by(site=self.site)

    @property
    def wider(self) -> tuple[Scope, ...]:
        """The scopes whose rules hold here too, the widest first."""
        return scopes("", self.site)[: self.scope.rank]

    def url(self, part: str, **values: Any) -> str:
        """The address of a part of these pages: lists, lists_add, spam, …"""
        if self.realm is None:
            return url_for(f"filters.{part}", **values)
        site = self.scope.id if self.realm.of_provider else ""
        return url_for(f"admin.{part}", level=self.level, site=site or None, **values)

    def own_domains(self) -> Collection[str]:
        """Domains of their own site, as far as they can be asked for."""
        if self.realm is None:
            return own_domains(self.me.account, aliases(self.me))
        try:
            return set(domains(resources().directory, site=self.site)) if self.site else ()
        except DirectoryError as error:
            logger.warning("the directory does not answer", extra=described(error))
            return ()

    def page(self, template: str, values: Mapping[str, Any], status: int = 200) -> Any:
        """The page, in the frame of who sees it."""
        told = {**values, "whose": self, "zone": self.me.zone}
        if self.realm is None:
            return make_response(render_template(f"{template}.html", **told), status)
        del told["zone"]
        return make_response(administrators.page(template, self.realm, **told), status)


def whose(level: str) -> Whose:
    """Whose a request is about; 404 for who may not see it."""
    if level == "account":
        me = current()
        return Whose(me, level, account_scope(me.account.id))
    if level == "global":
        here = administrators.provider()
        return Whose(here.me, level, EVERYBODY, here)
    here = administrators.realm()
    if here.site is None:  # the provider's, who named none
        abort(redirect(url_for("admin.accounts"), 303))
    return Whose(here.me, level, site_scope(here.site), here)
