"""Two sites with their administrators, an administrator of the provider, and a log: for the tests of /admin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Engine, insert

from app.blocklog.tables import Base as Log
from app.directory.tables import AccountRow, DomainRow, SiteRow
from app.policy.tables import Base as Policy
from tests.blocklog.filling import arrived, stopped
from tests.web.conftest import PASSWORD, add_account, hashed
from tests.web.pages import Pages

USER, SITE_ADMIN, ISP_ADMIN = "forward@one.example", "ada@one.example", "ida@one.example"
OTHER_USER, OTHER_ADMIN = "tim@other.example", "olaf@other.example"
IDS = {USER: "1", SITE_ADMIN: "2", ISP_ADMIN: "3", OTHER_USER: "4", OTHER_ADMIN: "5"}


def fill(app: Flask) -> Engine:
    """Site 1 (one.example): forward, Ada, who administers it, and Ida of the provider; site 2: Tim and Olaf."""
    add_account(app, 2, "ada", role="site_admin")
    add_account(app, 3, "ida", role="isp_admin")
    held = app.extensions["postern"]
    with held.directory.engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site_id=2, name="Other", primary_domain="other.example"))
        rows.execute(insert(DomainRow).values(domain_id=9, name="other.example", site_id=2))
        for number, name, role in ((4, "tim", "user"), (5, "olaf", "site_admin")):
            rows.execute(
                insert(AccountRow).values(
                    account_id=number, site_id=2, username=name, role=role, kind="forward",
                    forward_to="x@two.example", password_hash=hashed(PASSWORD),
                )
            )  # fmt: skip
    for base in (Log, Policy):
        base.metadata.create_all(held.blocklog)
    return held.blocklog


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


def block(engine: Engine, account: str = "1", site: str = "1", *, hours: float = 0.5, **more: Any) -> int:
    return stopped(engine, account, ago(hours=hours), site=site, **more)


def accept(engine: Engine, account: str = "1", site: str = "1", *, hours: float = 0.5, **more: Any) -> int:
    return arrived(engine, account, ago(hours=hours), site=site, **more)


def enter(app: Flask, address: str) -> Pages:
    """A browser in which that person is signed in."""
    browser: Pages = app.test_client()  # type: ignore[assignment]
    assert browser.sign_in(address, PASSWORD).status_code == 303
    return browser
