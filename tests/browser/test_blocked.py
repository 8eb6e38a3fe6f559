"""Mail that was stopped, as people meet it: the list, a row, where mail is, waiting for one; scripted and not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, select

from app.blocklog.codes import Accepted, Outcome, Policy, Resolved
from app.directory.tables import AccountRow
from tests.browser.addresses import LOG
from tests.browser.audit import audit, tabbed
from tests.browser.letters import fill
from tests.browser.steps import sign_in
from tests.conftest import Resident, Site
from tests.web.blocked.rows import block, recent

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("scripted", [True, False], ids=["with a script", "without a script"])
ARABIC = "عرض خاص لك: تخفيضات كبيرة اليوم فقط"


@pytest.fixture
def account(site: Site, resident: Resident) -> str:
    """The resident's number in the directory."""
    with site.engine.begin() as rows:
        found = rows.scalar(select(AccountRow.account_id).where(AccountRow.login == resident.mail.login))
    return str(found)


def some(engine: Engine, account: str) -> None:
    """What a mailbox meets in two days, with names of every kind."""
    now, at = datetime.now(UTC), timedelta(minutes=1)
    block(engine, account=account, ago=9 * at, subject="Your statement")
    block(
        engine, account=account, ago=90 * at, policy=Policy.greylist, outcome=Outcome.delayed, detail=None,
        sender_domain="orchard.example", resolved_at=now - 70 * at, resolved_how=Resolved.greylist_passed,
    )  # fmt: skip
    block(
        engine, account=account, ago=3000 * at, policy=Policy.spam, outcome=Outcome.quarantined, subject=ARABIC,
        sender_local="عرض" * 9, sender_domain="xn--mgbh0fb.example", client_name="x" * 250, score=18.5,
    )  # fmt: skip
    block(
        engine, account=account, ago=200 * at, policy=Policy.virus, detail="Eicar" * 12, subject="W" * 200,
        sender_local="l" * 200, sender_domain=f"{'d' * 60}.{'e' * 60}.example", reason="<script>x</script>" * 12,
    )  # fmt: skip
    block(engine, account=account, ago=1500 * at, policy=Policy.header, outcome=Outcome.discarded, sender_local="")
    recent(engine, account=account, ago=20 * at)


def open_log(open_context: Callable[..., BrowserContext], resident: Resident, **options: object) -> Page:
    page = open_context(**options).new_page()
    sign_in(page, resident)
    return page


@BOTH
def test_a_refused_message_is_found_from_the_folders_explained_and_looked_up(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, account: str, scripted: bool
) -> None:
    some(site.engine, account)
    page = open_log(open_context, resident, java_script_enabled=scripted)
    if scripted:
        page.keyboard.press("g")
        page.keyboard.press("b")
    else:
        page.get_by_test_id("blocked-link").click()
    expect(page).to_have_url(re.compile(r"/blocked$"))
    row = page.get_by_test_id("blocked-row").first
    expect(row).to_contain_text("Refused: their server is on the block list zen.spamhaus.org.")
    expect(row).to_have_attribute("data-new", "true")
    raw = row.get_by_text("Client host [203.0.113.7] blocked")
    expect(raw).to_be_hidden()
    row.get_by_test_id("blocked-answer").click()
    expect(raw).to_be_visible()
    page.get_by_test_id("log-filter").click()
    page.get_by_label("First contact").check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_test_id("blocked-row")).to_have_count(1)
    expect(page.get_by_test_id("blocked-row")).to_contain_text("it arrived at")
    page.get_by_test_id("log-clear").click()
    page.get_by_test_id("log-search").fill("bank.example")
    page.get_by_test_id("log-search").press("Enter")
    expect(page.get_by_test_id("blocked-row")).to_have_count(2)
    page.get_by_test_id("blocked-subject-link").first.click()
    expect(page.get_by_test_id("blocked-facts")).to_contain_text("203.0.113.7")
    page.get_by_test_id("back-to-log").click()
    page.get_by_test_id("log-received").click()
    expect(page.get_by_test_id("received-row")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_test_id("log-export").click()
    assert download.value.suggested_filename == "received.csv"


@BOTH
def test_a_search_that_finds_nothing_leads_to_the_answer_where_the_mail_is(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, account: str, scripted: bool
) -> None:
    fill(resident, 2)
    for _ in range(2):
        block(site.engine, account=account, policy=Policy.client, detail=None, reason="cannot find your hostname")
    page = open_log(open_context, resident, java_script_enabled=scripted)
    page.get_by_test_id("search-input").fill("bank.example")
    page.get_by_test_id("search-input").press("Enter")
    page.get_by_test_id("where-link").click()
    stopped = page.get_by_test_id("where-stopped")
    expect(stopped).to_contain_text(re.compile("2 were refused, the last (today|yesterday) at"))
    expect(stopped).to_contain_text("because their server has no name.")
    page.get_by_test_id("where-search").fill("carol@example.org")
    page.get_by_test_id("where-button").click()
    expect(page.get_by_test_id("where-inbox")).to_contain_text("in your inbox")
    page.get_by_test_id("where-message").first.click()
    expect(page.get_by_test_id("message-subject")).to_be_visible()


@BOTH
def test_a_mail_that_is_expected_is_told_of_as_it_comes(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, account: str, scripted: bool
) -> None:
    page = open_log(open_context, resident, java_script_enabled=scripted)
    if scripted:
        page.clock.install()
    page.goto("/expecting")
    page.get_by_test_id("expect-sender").fill("shop.example")
    page.get_by_test_id("expect-button").click()
    expect(page.get_by_test_id("expect-nothing")).to_be_visible()
    recent(site.engine, account=account, ago=timedelta(), sender_domain="shop.example", outcome=Accepted.inbox)
    if scripted:
        page.clock.run_for(5000)
    else:
        page.get_by_test_id("expect-again").click()
    expect(page.get_by_test_id("expect-accepted")).to_contain_text("Accepted from ann@shop.example")
    if scripted:
        expect(page.get_by_test_id("expect-again")).to_be_hidden()
        expect(page.locator("#live")).to_have_text("A message was accepted for you.")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (768, 1024), (390, 844)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_log_s_pages_can_be_seen_and_used_by_everybody(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, account: str, width: int, height: int,
    scheme: str,
) -> None:  # fmt: skip
    some(site.engine, account)
    size = {"width": width, "height": height}
    page = open_log(open_context, resident, viewport=size, color_scheme=scheme, has_touch=width < 768)
    wrong = []
    page.goto("/blocked")
    row = page.get_by_test_id("blocked-subject-link").nth(1).get_attribute("href")
    for path in (*LOG, str(row), "/expecting?q=bank.example"):
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        wrong += [f"{path}: {each}" for each in audit(page)] + [f"{path}: wider than the window"] * wide
    if scheme == "light" and width == 1280:
        page.goto("/blocked")
        wrong += tabbed(page, 20)
    assert wrong == []
