"""Administrators at work: from the menu to an account's log, a server shut out, a switch turned; and how it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert, update

from app.blocklog.codes import Policy
from app.blocklog.tables import HostRow, OddRow, SourceRow
from app.directory.account import Account
from app.directory.resolve import Directory, resolve
from app.directory.tables import AccountRow
from tests.blocklog.filling import arrived, stopped
from tests.browser.addresses import administration
from tests.browser.audit import audit, tabbed
from tests.browser.steps import sign_in
from tests.conftest import Resident, Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
OpenContext = Callable[..., "BrowserContext"]
LONG = "a-name-without-any-end-" * 8
HOSTILE = '"><script>alert(1)</script>'
LINES = """() => [...document.querySelectorAll(".tabs, .subtabs")].map((menu) =>
  new Set([...menu.querySelectorAll("a")].map((link) => link.offsetTop)).size)"""

SIDEWAYS = """() => [...document.querySelectorAll("main *:not(textarea)")].filter((part) =>
  part.scrollWidth > part.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(part).overflowX)).length"""


@dataclass(frozen=True)
class Admin:
    """Ida of the provider, and Ann, whose mail was stopped."""

    resident: Resident
    own: Account
    ann: Account


@pytest.fixture
def admin(site: Site, resident: Resident, make_resident: Callable[..., Resident]) -> Admin:
    directory = Directory(site.engine, allow_plaintext=True)
    own, ann = (resolve(directory, each.address) for each in (resident, make_resident("ann")))
    assert own is not None and ann is not None
    with site.engine.begin() as connection:
        role = update(AccountRow.__table__).where(AccountRow.account_id == int(own.id))
        connection.execute(role.values(role="isp_admin"))
    fill(site, ann)
    return Admin(resident, own, ann)


def fill(site: Site, ann: Account) -> None:
    """Ordinary and hostile rows."""
    now = datetime.now(UTC)
    for number, (policy, sender) in enumerate((
        (Policy.rbl, f"{LONG}@{'long.' * 20}example"), (Policy.spam, f"{HOSTILE}@shop.example"), (Policy.protocol, ""),
        (Policy.spf, "ليلى@bank.example"),
    )):  # fmt: skip
        stopped(site.engine, ann.id, now - timedelta(minutes=number + 1), sender, site=ann.site, policy=policy,
                rcpt=ann.address, reason=f"554 {HOSTILE}", smtp_code=554, client_ip="203.0.113.9",
                client_name=f"{'mx-' * 30}.example")  # fmt: skip
    stopped(site.engine, "", now, "a@shop.example", site=ann.site, policy=Policy.rcpt, rcpt=f"{HOSTILE}@one.example")
    arrived(site.engine, ann.id, now, "friend@mail.example", site=ann.site, rcpt=ann.address, reply="250 2.0.0 Ok")
    number = int(ann.id)
    with site.engine.begin() as rows:
        ip = f"2001:db8::{number:x}"
        rows.execute(insert(HostRow.__table__).values(ip=ip, cnxn_count=412, cnxn_first=now, cnxn_last=now,
                                                      last_dnsbl="zen.example", dnsbl_block_count=7))  # fmt: skip
        rows.execute(insert(SourceRow.__table__).values(source_id=number, node=f"mx{number}", path="/var/log/mail.log",
                                                        format="syslog", lines=10**9, gaps=2))  # fmt: skip
        rows.execute(insert(OddRow.__table__).values(source_id=number, mark="m", why="no pattern", last_at=now,
                                                     example=f"NOQUEUE: reject: {HOSTILE} {'x' * 3000}"))  # fmt: skip


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_from_the_menu_to_an_account_s_log_and_its_owner_reads_of_the_look(
    open_context: OpenContext, admin: Admin, make_resident: Callable[..., Resident], scripted: bool
) -> None:
    page = open_context(java_script_enabled=scripted).new_page()
    sign_in(page, admin.resident)
    page.get_by_test_id("account-menu").click()
    page.get_by_test_id("admin-link").click()
    page.get_by_role("link", name="one.example").first.click()
    page.get_by_test_id("account-search").fill(admin.ann.address)
    page.get_by_test_id("account-search").press("Enter")
    expect(page.get_by_test_id("account-row")).to_have_count(1)
    expect(page.get_by_test_id("account-row").get_by_role("cell").first).to_have_text("4")
    page.get_by_role("link", name=admin.ann.address).click()
    expect(page.get_by_test_id("admin-block")).to_have_count(4)
    expect(page.get_by_test_id("look-noted")).to_be_visible()
    page.get_by_test_id("log-policy").select_option("spam")
    page.get_by_role("button", name="Search").last.click()
    expect(page.get_by_test_id("admin-block")).to_have_count(1)
    page.get_by_test_id("admin-view").last.click()
    expect(page.get_by_test_id("admin-received")).to_have_count(1)
    page.goto("/settings/looks")
    expect(page.get_by_test_id("empty-looks")).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_a_server_is_shut_out_and_a_switch_turned(open_context: OpenContext, admin: Admin, scripted: bool) -> None:
    page = open_context(java_script_enabled=scripted).new_page()
    sign_in(page, admin.resident)
    page.goto("/admin/servers")
    page.get_by_test_id("shut-open").click()
    ip = f"198.51.100.{int(admin.own.id) % 250}"
    page.get_by_test_id("shut-ip").fill("nonsense")
    page.get_by_test_id("shut-reason").fill("says that it is us")
    page.get_by_test_id("shut-add").click()
    expect(page.get_by_test_id("field-error")).to_be_visible()
    expect(page.get_by_test_id("shut-reason")).to_have_value("says that it is us")
    page.get_by_test_id("shut-ip").fill(ip)
    page.get_by_test_id("shut-add").click()
    mine = page.get_by_test_id("shut-row").filter(has_text=ip)
    expect(mine).to_have_count(1)
    mine.get_by_test_id("shut-lengthen").click()
    mine.get_by_test_id("shut-remove").click()
    expect(page.get_by_test_id("shut-row").filter(has_text=ip)).to_have_count(0)
    page.goto("/admin/intake")
    switch = page.locator('[data-switch="allow_trusted"]')
    switch.get_by_test_id("intake-turn").click()
    expect(switch).to_have_attribute("data-on", "false")
    expect(page.get_by_test_id("intake-closed")).to_contain_text("allow_trusted")
    switch.get_by_test_id("intake-turn").click()
    expect(page.get_by_test_id("intake-closed")).to_have_count(0)


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_an_account_is_changed_taken_back_and_brought_in_by_a_file(
    open_context: OpenContext, admin: Admin, site: Site, make_resident: Callable[..., Resident], scripted: bool
) -> None:
    page = open_context(java_script_enabled=scripted).new_page()
    sign_in(page, admin.resident)
    page.goto(f"/admin/accounts/{admin.ann.id}")
    page.get_by_test_id("account-page").last.click()
    page.get_by_test_id("account-name").fill("Ann of the Journey")
    page.get_by_test_id("account-kind").select_option("both")
    page.get_by_test_id("account-forward").fill(admin.ann.address)
    page.get_by_test_id("account-save").click()
    expect(page.get_by_test_id("field-error")).to_contain_text("leads back here")
    expect(page.get_by_test_id("account-name")).to_have_value("Ann of the Journey")
    page.get_by_test_id("account-forward").fill("ann@elsewhere.example")
    page.get_by_test_id("account-save").press("Enter")
    changed = page.get_by_test_id("change-row").first
    expect(changed).to_contain_text("kind: mailbox → both")
    changed.get_by_test_id("change-undo").click()
    expect(page.get_by_test_id("account-name")).to_have_value("")
    expect(page.get_by_test_id("change-row").nth(1)).to_contain_text("taken back")
    local = f"sales{admin.ann.id}"
    page.get_by_test_id("alias-open").click()
    page.get_by_test_id("alias-local").fill(local)
    page.get_by_test_id("alias-add").click()
    expect(page.get_by_test_id("alias-row").filter(has_text=local)).to_have_count(1)
    page.goto(f"/admin?site={admin.ann.site}")
    page.get_by_test_id("accounts-import").click()
    text = f"username,kind,forward_to\nnew{admin.ann.id},forward,{local}@one.example\n"
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_test_id("import-file").set_input_files(files=[file])  # type: ignore[list-item]
    page.get_by_test_id("import-button").click()
    expect(page.get_by_test_id("import-change")).to_contain_text(f"forwards to: {local}@one.example")
    page.get_by_test_id("import-do").click()
    expect(page.get_by_test_id("notice")).to_contain_text("1 changed or added")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (768, "light"), (390, "light")])
def test_the_pages_pass_the_audit(open_context: OpenContext, admin: Admin, width: int, scheme: str) -> None:
    page: Page = open_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    sign_in(page, admin.resident)
    wrong = []
    for address in administration(admin.ann.site, admin.ann.id):
        page.goto(address)
        wrong += [f"{address}: {each}" for each in audit(page)]
        room = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        wrong += [f"{address}: {room} px too wide"] if room > 0 else []
        wrong += [f"{address}: scrolls sideways"] if page.evaluate(SIDEWAYS) else []
        menus = page.evaluate(LINES)
        wrong += [f"{address}: a menu of {menus} lines"] if set(menus) != {1} and address.startswith("/admin") else []
    assert wrong == []
    page.goto("/admin/servers")
    assert tabbed(page, 25) == []
