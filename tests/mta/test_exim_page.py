"""What somebody sets on a page is what a real Exim answers at the next connection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from redis import Redis

from app.demo.redis import RedisServer
from config.default import load
from tests.mta.sqlexim import LISTED, SqlExim
from tests.web.conftest import KEY, PASSWORD, hashed, new_app
from tests.web.pages import Pages

pytestmark = pytest.mark.databases
AWAY, OTHER = "away@one.example", "alice@one.example"
DENIED = "550 5.7.1 This address does not accept mail from you"


@pytest.fixture
def browser(sql_exim: SqlExim, redis: Redis, redis_server: RedisServer) -> Iterator[Pages]:
    """Signed in as who only forwards mail, at a node on the database that Exim reads."""
    tables = ("policy_rule", "policy_setting", "host_block", "grey_triplet")
    sql_exim.run(*(f"DELETE FROM {name}" for name in tables))
    sql_exim.run(f"UPDATE account SET password_hash = '{hashed(PASSWORD)}' WHERE username = 'away'")
    sql_exim.setting("greylist_on", "0")
    read = load(
        {
            "POSTERN_SECRET_KEY": KEY,
            "POSTERN_DATABASE_URL": sql_exim.database.url,
            "POSTERN_REDIS_URL": redis_server.url,
            "POSTERN_KEEPER_SOCKET": "/nonexistent/keeper",
            "POSTERN_RULES_ASKED": "1",
            "POSTERN_SPAM_ASKED": "rbl greylist",
        }
    )
    app = new_app(dataclasses.replace(read, failure_seconds=0.05))
    made: Pages = app.test_client()  # type: ignore[assignment]
    assert made.sign_in(AWAY, PASSWORD).status_code == 303
    yield made
    held = app.extensions["postern"]
    held.redis.close()
    held.cache.close()
    held.directory.engine.dispose()


def test_a_rule_of_the_page_is_obeyed_at_the_next_connection(sql_exim: SqlExim, browser: Pages) -> None:
    page = "/filters/senders"
    assert sql_exim.said("info@sender.example", AWAY) == "250 Accepted"
    form = {"action": "deny", "days": "0", "what": "Sender.example"}
    assert browser.submit(page, form, page=page, follow_redirects=True).status_code == 200
    assert sql_exim.said("info@sender.example", AWAY) == DENIED
    assert sql_exim.said("info@sender.example", OTHER) == "250 Accepted", "nobody else's"
    form = {"action": "allow", "days": "0", "what": "sender.example"}
    browser.submit(page, form, page=page, follow_redirects=True)
    assert sql_exim.said("info@sender.example", AWAY, source=LISTED) == "250 Accepted"


def test_settings_of_the_page_are_obeyed_at_the_next_connection(sql_exim: SqlExim, browser: Pages) -> None:
    page = "/filters/spam"
    sql_exim.setting("greylist_on", None)
    assert sql_exim.said("a@sender.example", AWAY, source=LISTED).startswith("550 198.51.100.66 is listed")
    browser.submit(page, {"rbl": "0"}, page=page, follow_redirects=True)
    assert sql_exim.said("a@sender.example", AWAY, source=LISTED).startswith("451 4.7.1 Greylisted")
    browser.submit(page, {"rbl": "0", "greylist": "0"}, page=page, follow_redirects=True)
    assert sql_exim.said("a@sender.example", AWAY, source=LISTED) == "250 Accepted"
    assert sql_exim.said("a@sender.example", OTHER, source=LISTED).startswith("550 198.51.100.66 is listed")
