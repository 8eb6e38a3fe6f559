"""The page of a site's accounts, 1,835 of them, over a log of 7.7 million rows: what the server itself says it took."""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, insert

from app.blocklog.tables import BlockRow, RecentRow
from app.demo.redis import RedisServer
from app.directory.engine import open_engine
from app.directory.tables import AccountRow, DomainRow, SiteRow
from app.web import create_app
from config.default import load
from tests.web.conftest import KEY, PASSWORD, hashed
from tests.web.pages import Pages

ACCOUNTS = 1835
SITE = 900_000
_PARTS = re.compile(r"dur=([\d.]+)")


def measure(url: str, often: int = 40) -> list[float]:
    """Median and 95th percentile of its server time in milliseconds, and the processor time that a page takes here."""
    engine = open_engine(url, timeout=None)
    _fill(engine)
    engine.dispose()
    with tempfile.TemporaryDirectory() as folder:
        redis = RedisServer(Path(folder)).start()
        try:
            told = _spent(url, redis.url, often)
        finally:
            redis.stop()
    spent = sorted(each for each, _ in told)
    return [statistics.median(spent), spent[int(len(spent) * 0.95)], statistics.median(each for _, each in told)]


def _fill(engine: Engine) -> None:
    """A site of its own among the others of the log: each account had ten mails stopped in a day, and ten accepted."""
    usual = {"site_id": SITE, "kind": "forward", "forward_to": "x@isp.example", "password_hash": hashed(PASSWORD)}
    numbers = [SITE + number for number in range(ACCOUNTS)]
    people = [
        {**usual, "account_id": each, "username": f"user{each}", "display_name": f"User {each}"} for each in numbers
    ]
    people[0] |= {"username": "ada", "role": "site_admin"}
    now = datetime.now(UTC)
    mail = [
        {"account_id": str(account), "site": str(SITE), "id": nth, "outcome": 1, "source_id": 1,
         "at": now - timedelta(seconds=(account * 7919 + nth * 104729) % 86400)}
        for account in numbers for nth in range(10)
    ]  # fmt: skip
    with engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site_id=SITE, name="College", primary_domain="isp.example"))
        rows.execute(insert(DomainRow).values(name="isp.example", site_id=SITE))
        rows.execute(insert(AccountRow), [{"role": "user", **each} for each in people])
        for table, at, more in ((BlockRow, "blocked_at", {"policy": 1}), (RecentRow, "received_at", {})):
            values = [
                {**more, **{at if name == "at" else name: value for name, value in each.items()}} for each in mail
            ]
            rows.execute(insert(table), values)


def _spent(url: str, redis: str, often: int) -> list[tuple[float, float]]:
    environ = {"POSTERN_SECRET_KEY": KEY, "POSTERN_DATABASE_URL": url, "POSTERN_REDIS_URL": redis}
    app = create_app(load({**environ, "POSTERN_KEEPER_SOCKET": "/nonexistent/keeper", "POSTERN_LOG_LEVEL": "error"}))
    app.test_client_class = Pages
    browser: Pages = app.test_client()  # type: ignore[assignment]
    assert browser.sign_in("ada@isp.example", PASSWORD).status_code == 303
    found = []
    for _ in range(often + 2):
        began = time.process_time()
        answer = super(Pages, browser).open("/admin", buffered=True, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        worked = (time.process_time() - began) * 1000
        found.append((sum(map(float, _PARTS.findall(answer.headers["Server-Timing"]))), worked))
    return found[2:]
