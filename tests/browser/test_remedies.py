"""What people do about a stopped message: allow its sender, take that back, write to them, follow a digest's link."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, select

from app.blocklog.codes import Outcome, Policy
from app.directory.tables import AccountRow
from app.policy import senders
from app.policy.rule import account_scope
from app.store.seal import Keyring
from app.web.blocked.asked import place_of
from app.web.digest.link import LASTS, Link, token
from tests.browser.audit import audit, tabbed
from tests.browser.steps import sign_in
from tests.conftest import Resident, Site
from tests.web.blocked.rows import block

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
Open = Callable[..., "BrowserContext"]
BOTH = pytest.mark.parametrize("scripted", [True, False], ids=["with a script", "without a script"])
LONG = {"sender_local": "l" * 200, "sender_domain": f"{'d' * 60}.{'e' * 60}.example"}
KEPT = {"policy": Policy.spam, "outcome": Outcome.quarantined, "stored_ref": "amavis:t3d7qJkAoigg"}


@pytest.fixture
def account(site: Site, resident: Resident) -> str:
    """The resident's number in the directory."""
    with site.engine.begin() as rows:
        found = rows.scalar(select(AccountRow.account_id).where(AccountRow.login == resident.mail.login))
    return str(found)


def signed_in(open_context: Open, resident: Resident, **options: object) -> Page:
    page = open_context(**options).new_page()
    sign_in(page, resident)
    return page


def rules(engine: Engine, account: str) -> list[str]:
    found = senders.rules_of(engine, account_scope(account), datetime.now(UTC))
    return [f"{each.action} {each.value}" for each in found]


def path(site: Site, account: str, address: str, row: str) -> str:
    """A link of a digest."""
    place = place_of(row)
    assert place is not None
    link = Link(account, address, *place, "allow", datetime.now(UTC) + LASTS)
    return f"/digest/{token(Keyring([site.settings['POSTERN_SECRET_KEY'].encode()]), link)}"


@BOTH
def test_a_sender_is_allowed_from_the_list_and_that_is_taken_back(
    open_context: Open, resident: Resident, site: Site, account: str, scripted: bool
) -> None:
    block(site.engine, account=account, policy=Policy.dmarc)
    page = signed_in(open_context, resident, java_script_enabled=scripted)
    page.goto("/blocked")
    page.get_by_test_id("blocked-remedy").click()
    page.get_by_test_id("remedy-open").click()
    expect(page.get_by_test_id("remedy-doubt")).to_contain_text("may be forged")
    page.get_by_test_id("remedy-domain").check()
    page.get_by_test_id("remedy-days").select_option("30")
    page.get_by_test_id("remedy-save").click()
    expect(page.get_by_test_id("field-error")).to_be_visible()
    expect(page.get_by_test_id("remedy-domain")).to_be_checked()
    page.get_by_test_id("remedy-sure").check()
    page.get_by_test_id("remedy-save").click()
    expect(page.get_by_test_id("notice")).to_contain_text("bank.example is allowed for 30 days")
    expect(page.get_by_test_id("remedy-rule")).to_contain_text("Your list allows bank.example until")
    assert rules(site.engine, account) == ["allow bank.example"]
    page.get_by_test_id("remedy-undo").click()
    expect(page.get_by_test_id("remedy-open")).to_be_visible()
    assert rules(site.engine, account) == []
    page.get_by_test_id("actions-link").click()
    expect(page.get_by_test_id("action-row")).to_have_count(2)


@BOTH
def test_the_sender_and_the_admin_are_written_to_with_ready_words(
    open_context: Open, resident: Resident, site: Site, account: str, scripted: bool
) -> None:
    row = block(site.engine, account=account)
    page = signed_in(open_context, resident, java_script_enabled=scripted)
    page.goto(f"/blocked/{row}")
    page.get_by_test_id("remedy-tell").click()
    page.get_by_test_id("tell-write").click()
    expect(page.get_by_test_id("compose-text")).to_have_value(re.compile("your mail server is on the block list zen"))
    expect(page.get_by_test_id("compose-to")).to_have_value(re.compile("info@bank.example|^$"))  # a chip, or the line
    page.goto(f"/blocked/{row}")
    page.get_by_test_id("remedy-report").click()
    expect(page.get_by_test_id("compose-text")).to_have_value(re.compile("rbl, refused, at rcpt"))


def test_a_link_of_a_digest_asks_and_then_does_without_a_session(
    open_context: Open, resident: Resident, site: Site, account: str
) -> None:
    there = path(site, account, resident.address, block(site.engine, account=account))
    page = open_context(java_script_enabled=False).new_page()
    page.goto(there)
    assert rules(site.engine, account) == []
    page.get_by_test_id("link-do").click()
    expect(page.get_by_test_id("link-done")).to_contain_text("info@bank.example is allowed for a year")
    assert rules(site.engine, account) == ["allow info@bank.example"]
    page.goto(there)
    expect(page.get_by_test_id("link-settled")).to_be_visible()


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1280, 800, "light"), (768, 1024, "dark"), (390, 844, "light"), (390, 844, "dark")]
)
def test_remedies_can_be_seen_and_used_by_everybody(
    open_context: Open, resident: Resident, site: Site, account: str, width: int, height: int, scheme: str
) -> None:
    size = {"width": width, "height": height}
    rows = [block(site.engine, account=account, **more) for more in (LONG, {"policy": Policy.spf}, KEPT)]
    page = signed_in(open_context, resident, viewport=size, color_scheme=scheme, has_touch=width < 768)
    wrong: list[str] = []
    others = ("/settings/actions", "/settings/digest", path(site, account, resident.address, rows[0]))
    for each in (*(f"/blocked/{row}" for row in rows), f"/blocked/{rows[1]}/tell", *others):
        page.goto(each)
        if page.get_by_test_id("remedy-open").count():
            page.get_by_test_id("remedy-open").click()
        if "actions" in each:
            expect(page.get_by_test_id("rule-row")).to_have_count(1)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        wrong += [f"{each}: {fault}" for fault in audit(page)] + [f"{each}: wider than the window"] * wide
        if each.endswith(rows[0]):
            page.get_by_test_id("remedy-save").click()
            expect(page.get_by_test_id("remedy-rule")).to_be_visible()
    if (scheme, width) == ("light", 1280):
        page.goto(f"/blocked/{rows[1]}")
        page.get_by_test_id("remedy-open").click()
        wrong += tabbed(page, 16)
    assert wrong == []
