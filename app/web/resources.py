"""What one worker process holds: settings, keys, clients of Redis, the directory and the keeper.

Nothing here is needed by the next request on another node. Made by create_app after the fork (no preload_app).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from flask import current_app
from redis import Redis
from sqlalchemy import Engine

from app.directory.account import Endpoint
from app.directory.endpoint import parse_endpoint
from app.directory.engine import open_engine
from app.profile.ldap import Ldap, Source
from app.store.allowance import LocalAllowance
from app.store.cache import Counters
from app.store.connect import Gate
from app.store.near import Near
from app.store.seal import Keyring
from app.store.throttle import LocalThrottle, Places
from app.store.uploads import Uploads
from app.table.refusal import refuses
from app.web.serving.log import logger
from config.default import Settings

if TYPE_CHECKING:
    from app.courier.post import Post
    from app.directory.resolve import Directory
    from app.keeper.lease import Borrower
    from app.web.brand import Brands

PROFILE_REST = 5.0


def _of_values(error: BaseException) -> bool:
    """Whether SQL refused one person's values: that shuts nobody else out."""
    return refuses(error.__cause__)


@dataclass
class Resources:
    """One per application."""

    settings: Settings
    ring: Keyring
    redis: Redis
    cache: Redis
    gate: Gate
    directory_gate: Gate
    directory: "Directory"
    borrower: "Borrower"
    post: "Post"
    brands: "Brands"
    throttle: LocalThrottle
    sign_ins: Places
    cache_counters: Counters = field(default_factory=Counters)
    near: Near = field(default_factory=Near)
    sent: LocalAllowance = field(default_factory=LocalAllowance)
    profile_gate: Gate = field(default_factory=lambda: Gate(PROFILE_REST, is_answer=_of_values))
    blocklog_gate: Gate = field(default_factory=lambda: Gate(PROFILE_REST, is_answer=_of_values))
    sieve_gates: dict[Endpoint, Gate] = field(default_factory=dict)

    @cached_property
    def uploads(self) -> Uploads:
        """Places for uploads."""
        return Uploads(self.redis)

    @cached_property
    def ldap(self) -> "Ldap | None":
        """The site's directory of people, where it has one."""
        source = ldap_source(self.settings)
        return None if source is None else Ldap(source, tell_of_ldap)

    @cached_property
    def database(self) -> Engine:
        """Postern's own database, which is the directory's unless that has one of its own."""
        own = self.settings.directory_database_url in (None, self.settings.database_url)
        return self.directory.whole if own else open_engine(self.settings.database_url)

    @cached_property
    def blocklog(self) -> Engine:
        """The block log's database, which is Postern's own unless it has one to itself."""
        url = self.settings.blocklog_database_url
        return self.database if url in (None, self.settings.database_url) else open_engine(url)

    @cached_property
    def reputation(self) -> Engine | None:
        """Where SpamAssassin keeps what it learnt about senders, if people may have it forget."""
        url = self.settings.reputation_url
        return open_engine(url) if url else None


def ldap_source(settings: Settings) -> Source | None:
    """Where the site's directory of people is, and how it is asked."""
    if not (settings.ldap_url and settings.ldap_base):
        return None
    at = parse_endpoint(settings.ldap_url, "ldap", allow_plaintext=settings.allow_plaintext)
    return Source(
        at.host, at.port, at.security, settings.ldap_base, settings.ldap_filter, settings.ldap_bind_dn or "",
        settings.ldap_bind_password or "", settings.ldap_name, settings.ldap_mail,
        str(settings.ca_file) if settings.ca_file else None,
    )  # fmt: skip


def tell_of_ldap(error: Exception) -> None:
    """Called from a thread without a request."""
    logger.warning("the LDAP directory does not answer", extra={"error": type(error).__name__})


def resources() -> Resources:
    """Those of the application that answers the present request."""
    found: Resources = current_app.extensions["postern"]
    return found


def sign_in_places(threads: int) -> Places:
    """How many sign-ins a worker does at once: a quarter of its threads (tried: 8 bad ones stop a node of 2 × 4)."""
    return Places(max(1, threads // 4))
