"""What one worker process holds: settings, keys, clients of Redis, the directory and the keeper.

Nothing here is needed by the next request on another node. Made by create_app after the fork (no preload_app).
"""

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from flask import current_app
from redis import Redis
from sqlalchemy import Engine

from app.directory.engine import open_engine
from app.store.allowance import LocalAllowance
from app.store.cache import Counters
from app.store.connect import Gate
from app.store.near import Near
from app.store.seal import Keyring
from app.store.throttle import LocalThrottle
from app.store.uploads import Uploads
from config.default import Settings

if TYPE_CHECKING:
    from app.courier.post import Post
    from app.directory.resolve import Directory
    from app.keeper.lease import Borrower
    from app.web.brand import Brands

PROFILE_REST = 5.0


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
    sign_ins: threading.BoundedSemaphore
    cache_counters: Counters = field(default_factory=Counters)
    near: Near = field(default_factory=Near)
    sent: LocalAllowance = field(default_factory=LocalAllowance)
    profile_gate: Gate = field(default_factory=lambda: Gate(PROFILE_REST))

    @cached_property
    def uploads(self) -> Uploads:
        """Places for uploads."""
        return Uploads(self.redis)

    @cached_property
    def database(self) -> Engine:
        """Postern's own database, which is the directory's unless that has one of its own."""
        own = self.settings.directory_database_url in (None, self.settings.database_url)
        return self.directory.whole if own else open_engine(self.settings.database_url)


def resources() -> Resources:
    """Those of the application that answers the present request."""
    found: Resources = current_app.extensions["postern"]
    return found


def sign_in_places(threads: int) -> threading.BoundedSemaphore:
    """How many sign-ins a worker does at once: a quarter of its threads (tried: 8 bad ones stop a node of 2 × 4)."""
    return threading.BoundedSemaphore(max(1, threads // 4))
