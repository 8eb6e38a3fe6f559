"""Somebody with a script on a real Dovecot, as the pages of filters have them; with contacts, settings and rules."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.demo.redis import RedisServer
from app.outbox.tables import Base as OutboxBase
from app.policy.tables import Base as PolicyBase
from app.profile.tables import Base as ProfileBase
from tests.web.conftest import close, new_app, on_redis, settings_in
from tests.web.filters.conftest import owner

__all__ = ["filters_app", "owner"]


@pytest.fixture(scope="module")
def filters_app(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Flask]:
    """One node for a module, with all tables that its pages ask."""
    made = new_app(on_redis(settings_in(tmp_path_factory.mktemp("away")), redis_server))
    for base in (OutboxBase, PolicyBase, ProfileBase):
        base.metadata.create_all(made.extensions["postern"].database)
    yield made
    close(made)
