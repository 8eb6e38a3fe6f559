"""Lists of senders and settings of spam, as people and administrators keep them: with a script and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, delete, insert, update

from app.blocklog.codes import Lesson, Policy
from app.blocklog.tables import LearntRow
from app.directory.tables import AccountRow, SiteRow
from app.policy import senders, spam
from app.policy.rule import account_scope
from app.policy.tables import PolicySettingRow, RuleRow
from tests.browser.addresses import LISTS, administered_lists
from tests.browser.audit import audit, tabbed
from tests.browser.axe import examine
from tests.browser.letters import fill
from tests.browser.steps import act, sign_in
from tests.browser.test_remedies import BOTH, account
from tests.conftest import Resident, Site
from tests.web.blocked.rows import block

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

__all__ = ["account"]
pytestmark = pytest.mark.browser
Open = Callable[..., "BrowserContext"]


def signed_in(open_context: Open, resident: Resident, **options: object) -> Page:
    page = open_context(**options).new_page()
    sign_in(page, resident)
    return page


def rules(engine: Engine, account: str) -> list[str]:
    found = senders.rules_of(engine, account_scope(account), datetime.now(UTC))
    return [f"{each.action} {each.value}" for each in found]


def value(engine: Engine, account: str, name: str) -> str:
    found = spam.effective(engine, account_id=account, site="")
    return dict(found.items())[name].value


@pytest.fixture
def provider(site: Site, account: str) -> Iterator[None]:
    """The resident administers all sites, and leaves nothing of that to other tests."""
    with site.engine.begin() as rows:
        rows.execute(update(AccountRow).where(AccountRow.account_id == int(account)).values(role="isp_admin"))
    yield
    with site.engine.begin() as rows:
        rows.execute(delete(RuleRow.__table__).where(RuleRow.__table__.c.scope_rank < 2))
        rows.execute(delete(PolicySettingRow.__table__).where(PolicySettingRow.__table__.c.scope_rank < 2))


@BOTH
def test_a_sender_is_shut_out_seen_at_work_and_let_in_again(
    open_context: Open, resident: Resident, site: Site, account: str, scripted: bool
) -> None:
    page = signed_in(open_context, resident, java_script_enabled=scripted)
    page.goto("/filters/senders")
    page.get_by_test_id("list-what").fill("bounce+7@list.example")
    page.get_by_test_id("list-note").fill("never asked for")
    page.get_by_test_id("list-save").click()
    expect(page.get_by_test_id("list-as-domain")).to_be_checked()
    page.get_by_test_id("list-save").click()
    expect(page.get_by_test_id("notice")).to_contain_text("list.example is shut out")
    assert rules(site.engine, account) == ["deny list.example"]
    (kept,) = senders.rules_of(site.engine, account_scope(account), datetime.now(UTC))
    block(site.engine, account=account, policy=Policy.rule, rule_id=kept.rule_id, sender_domain="list.example")
    block(site.engine, account=account)
    page.goto("/filters/senders")
    page.get_by_test_id("list-acted").click()
    expect(page.get_by_test_id("blocked-row")).to_have_count(1)
    page.goto("/filters/senders")
    page.get_by_test_id("list-remove").click()
    expect(page.get_by_test_id("empty-lists")).to_be_visible()
    page.get_by_test_id("list-undo").first.click()
    expect(page.get_by_test_id("sender-row")).to_contain_text("never asked for")
    page.get_by_test_id("list-import").click()
    page.get_by_test_id("import-text").fill("a.example\nno domain\n")
    page.get_by_test_id("import-button").click()
    expect(page.get_by_test_id("import-fault")).to_contain_text("It is not a domain")
    page.get_by_test_id("import-text").fill("a.example\nb.example # both\n")
    page.get_by_test_id("import-button").click()
    expect(page.get_by_test_id("sender-row")).to_have_count(3)


@pytest.fixture
def taught(site: Site, account: str) -> Iterator[None]:
    """Moves teach the filter, at every site, until the test ends."""
    way = update(SiteRow.__table__)
    with site.engine.begin() as rows:
        rows.execute(way.values(learning="move"))
    yield
    with site.engine.begin() as rows:
        rows.execute(way.values(learning=None))


def learnt(engine: Engine, account: str, *lessons: Lesson) -> None:
    """One message each, as the follower writes them."""
    with engine.begin() as rows:
        for number, lesson in enumerate(lessons):
            row = {"account_id": account, "learnt_at": datetime.now(UTC), "id": number, "site": "1", "spam": True}
            rows.execute(insert(LearntRow.__table__).values(**row, lesson=lesson))


@BOTH
def test_spam_is_handled_as_the_provider_says_until_one_says_otherwise(
    open_context: Open, resident: Resident, site: Site, account: str, provider: None, scripted: bool
) -> None:
    page = signed_in(open_context, resident, java_script_enabled=scripted)
    page.goto("/admin/global/spam")
    of = {name: page.locator(f"[data-setting={name}]") for name in ("junk_score", "rbl")}
    of["junk_score"].get_by_test_id("spam-field").fill("6")
    of["rbl"].get_by_test_id("spam-lock").check()
    page.get_by_test_id("spam-save").click()
    page.goto("/filters/spam")
    expect(of["junk_score"]).to_contain_text("As your provider says: 6")
    expect(of["rbl"].get_by_test_id("spam-barred")).to_contain_text("on")
    of["junk_score"].get_by_test_id("spam-field").fill("99")
    page.get_by_test_id("spam-save").click()
    expect(of["junk_score"].get_by_test_id("field-error")).to_contain_text("refused from 15")
    of["junk_score"].get_by_test_id("spam-field").fill("4")
    of["junk_score"].get_by_test_id("spam-field").press("Enter")
    expect(of["junk_score"].get_by_test_id("spam-reset")).to_be_visible()
    assert value(site.engine, account, "junk_score") == "4"
    of["junk_score"].get_by_test_id("spam-reset").click()
    expect(of["junk_score"].get_by_test_id("spam-reset")).to_have_count(0)
    assert value(site.engine, account, "junk_score") == "6"


@BOTH
def test_who_marks_spam_reads_that_the_filter_learns_from_it_and_later_what_it_learnt(
    open_context: Open, resident: Resident, site: Site, account: str, taught: None, scripted: bool
) -> None:
    fill(resident, 2)
    page = signed_in(open_context, resident, java_script_enabled=scripted)
    page.get_by_test_id("message-row").first.get_by_test_id("message-select").check()
    act(page, "junk")
    expect(page.get_by_text("1 message moved to Junk. The filter learns from it.")).to_be_visible()
    page.goto("/filters/spam")
    expect(page.get_by_test_id("empty-learnt")).to_be_visible()
    learnt(site.engine, account, Lesson.learnt, Lesson.refused)
    page.reload()
    rows = page.get_by_test_id("learnt-row")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("A message: learnt as spam")
    assert audit(page) == [] and (not scripted or examine(page) == [])
    page.set_viewport_size({"width": 390, "height": 844})
    assert audit(page) == [] and not page.evaluate("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_lists_can_be_seen_and_used_by_everybody(
    open_context: Open, resident: Resident, site: Site, provider: None, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 844}
    page = signed_in(open_context, resident, viewport=size, color_scheme=scheme, has_touch=width < 768)
    long = f"x@{'d' * 60}.{'e' * 60}.example"
    for path, what in (("/admin/global/senders", "evil.example"), ("/filters/senders", long)):
        page.goto(path)
        page.get_by_test_id("list-what").fill(what)
        page.get_by_test_id("list-save").click()
        expect(page.get_by_test_id("sender-row")).to_have_count(1)
    page.goto("/filters/senders")
    page.get_by_test_id("list-what").fill("gmail.com")
    page.get_by_test_id("list-save").click()
    expect(page.get_by_test_id("list-doubt")).to_be_visible()
    page.get_by_test_id("list-order").click()
    wrong = [f"doubt: {fault}" for fault in audit(page)]
    for path in (*LISTS, *administered_lists()):
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        wrong += [f"{path}: {fault}" for fault in audit(page)] + [f"{path}: wider than the window"] * wide
    if width == 1280:
        page.goto("/filters/spam")
        wrong += tabbed(page, 12)
    assert wrong == []
