"""Applications for the tests of the web: one that needs no server, one on a real Redis with a directory in SQLite."""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from redis import Redis
from sqlalchemy import insert

from app.demo.redis import RedisServer
from app.directory.engine import open_engine
from app.directory.tables import AccountRow, AddressRow, Base, DomainRow, SiteRow
from app.web import create_app
from config.default import Settings, load
from tests.web.pages import Pages

KEY = "0123456789abcdef0123456789abcdef"
_FOLDER = tempfile.TemporaryDirectory(prefix="postern-test-templates-")
COMPILED = FileSystemBytecodeCache(_FOLDER.name)  # compiling the templates took half of a test's time
FORWARDER, PASSWORD = "forward@one.example", "correct horse"


def hashed(password: str) -> str:
    """A cheap hash that the directory knows; argon2 would cost each test 50 ms."""
    import base64
    import hashlib

    return "{SSHA256}" + base64.b64encode(hashlib.sha256(password.encode() + b"salt").digest() + b"salt").decode()


def new_app(settings: Settings) -> Flask:
    """An application whose test client checks every page."""
    app = create_app(settings)
    app.jinja_env.bytecode_cache = COMPILED
    app.test_client_class = Pages
    app.testing = False  # error pages, not exceptions
    return app


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a node that nothing answers; failures are not slowed down."""
    return settings_in(tmp_path)


def settings_in(folder: Path) -> Settings:
    """The same, with its files in a folder."""
    read = load(
        {
            "POSTERN_SECRET_KEY": KEY,
            "POSTERN_DATABASE_URL": f"sqlite:///{folder}/postern.sqlite",
            "POSTERN_REDIS_URL": f"unix://{folder}/nobody.sock",
            "POSTERN_KEEPER_SOCKET": "/nonexistent/keeper",
            "POSTERN_DRAIN_FILE": f"{folder}/drain",
            "POSTERN_RULES_ASKED": "1",
            "POSTERN_SPAM_ASKED": "rbl greylist junk_score reject_score spam_action languages",
        }
    )
    return dataclasses.replace(read, failure_seconds=0.05)


@pytest.fixture(scope="module")
def lone_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Without Redis and SQL: what a visitor who is not signed in may see. One for a file of tests: it takes 45 ms."""
    return new_app(settings_in(tmp_path_factory.mktemp("node")))


@pytest.fixture
def visitor(lone_app: Flask) -> Pages:
    """A browser at lone_app."""
    return lone_app.test_client()  # type: ignore[return-value]


@pytest.fixture
def node_settings(settings: Settings, redis: Redis, redis_server: RedisServer) -> Settings:
    """Settings of a node with an empty Redis and a directory in which forward@one.example only forwards mail."""
    return on_redis(settings, redis_server)


def on_redis(settings: Settings, redis_server: RedisServer) -> Settings:
    """The same with that Redis, and with a directory."""
    made = dataclasses.replace(settings, redis_url=redis_server.url, cache_url=redis_server.url)
    fill_directory(made.database_url)
    return made


def fill_directory(url: str) -> None:
    """Tables, one site with one.example and two.example, and an account that only forwards."""
    engine = open_engine(url)
    Base.metadata.create_all(engine)
    site = {"site_id": 1, "name": "One", "primary_domain": "one.example", "time_zone": "Europe/Berlin"}
    with engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site))
        rows.execute(insert(DomainRow).values(domain_id=1, name="one.example", site_id=1))
        rows.execute(insert(DomainRow).values(domain_id=2, name="two.example", site_id=1))
        rows.execute(
            insert(AccountRow).values(
                account_id=1, site_id=1, username="forward", kind="forward", forward_to="elsewhere@two.example",
                password_hash=hashed(PASSWORD), display_name="Frida Forward",
            )
        )  # fmt: skip
        rows.execute(insert(AddressRow).values(site_id=1, local="forward", account_id=1))
    engine.dispose()


@pytest.fixture
def app(node_settings: Settings) -> Iterator[Flask]:
    """A node on a real Redis."""
    made = new_app(node_settings)
    yield made
    close(made)


def close(made: Flask) -> None:
    """Ends what an application holds."""
    held = made.extensions["postern"]
    held.redis.close()
    held.cache.close()
    held.directory.engine.dispose()


@pytest.fixture
def browser(app: Flask) -> Pages:
    """A browser at `app`, not signed in."""
    return app.test_client()  # type: ignore[return-value]


@pytest.fixture
def signed_in(browser: Pages) -> Pages:
    """A browser signed in as the account that only forwards."""
    assert browser.sign_in(FORWARDER, PASSWORD).status_code == 303
    return browser


def add_account(app: Flask, account_id: int, username: str, **fields: Any) -> None:
    """One more account of the site; without a server it only forwards, with PASSWORD."""
    values: dict[str, Any] = {"kind": "forward", "forward_to": "x@two.example", "password_hash": hashed(PASSWORD)}
    with app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(insert(AccountRow).values(account_id=account_id, site_id=1, username=username, **values | fields))
        rows.execute(insert(AddressRow).values(site_id=1, local=username, account_id=account_id))
