"""The address book, identities and their way back, as people use them: with a script and without."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.audit import audit
from tests.browser.letters import fill
from tests.browser.steps import sign_in
from tests.conftest import Resident

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser
CARDS = b"BEGIN:VCARD\nVERSION:3.0\nFN:Bob\nEMAIL:ann@one.example\nTEL:123\nodd line\nEND:VCARD\n"


@pytest.mark.parametrize("scripted", [True, False], ids=["with a script", "without a script"])
def test_contacts_are_kept_imported_found_made_one_and_deleted(
    open_context: Callable[..., BrowserContext], resident: Resident, scripted: bool
) -> None:
    page = open_context(java_script_enabled=scripted).new_page()
    sign_in(page, resident)
    page.get_by_test_id("account-menu").locator("summary").click()
    page.get_by_test_id("contacts-link").click()
    expect(page.get_by_test_id("empty-contacts")).to_be_visible()
    page.get_by_test_id("contact-new").click()
    page.get_by_test_id("contact-name").fill("Ann Öz")
    page.get_by_test_id("contact-addresses").fill("ann@one.example\nann")
    page.get_by_test_id("contact-save").click()
    expect(page.get_by_test_id("field-error")).to_have_text("“ann” has no @.")
    page.get_by_test_id("contact-addresses").fill("ann@one.example")
    page.get_by_test_id("contact-labels").fill("Choir")
    page.get_by_test_id("contact-save").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Ann Öz was saved")

    page.goto("/contacts")
    page.get_by_test_id("contacts-menu").locator("summary").click()
    page.get_by_test_id("contacts-import").click()
    file = {"name": "cards.vcf", "mimeType": "text/vcard", "buffer": CARDS}
    page.get_by_test_id("import-file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_test_id("import-button").click()
    expect(page.get_by_test_id("import-report")).to_contain_text("1 contact was added")
    expect(page.get_by_test_id("import-fault")).to_contain_text("odd line")

    page.goto("/contacts")
    page.get_by_test_id("contact-search").fill("oz")
    page.get_by_test_id("contact-search").press("Enter")
    expect(page.get_by_test_id("contact-row")).to_have_count(1)
    page.get_by_test_id("contact-link").click()
    page.get_by_test_id("contact-merge").click()
    expect(page.get_by_test_id("contact-same")).to_have_count(0)
    assert "TEL:123" in page.request.get("/contacts/export.vcf").text()
    page.get_by_test_id("contact-delete-menu").click()
    page.get_by_test_id("contact-delete").click()
    expect(page.get_by_test_id("empty-contacts")).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False], ids=["with a script", "without a script"])
def test_a_sender_becomes_a_contact_and_a_group_is_written_to_renamed_and_removed(
    open_context: Callable[..., BrowserContext], resident: Resident, scripted: bool
) -> None:
    fill(resident, 1)
    page = open_context(java_script_enabled=scripted, viewport={"width": 390, "height": 800}).new_page()
    sign_in(page, resident)
    page.get_by_test_id("message-subject-link").first.click()
    page.get_by_test_id("message-menu").click()
    page.get_by_test_id("add-contact").click()
    page.get_by_test_id("contact-labels").fill("Choir")
    page.get_by_test_id("contact-save").click()
    expect(page.get_by_test_id("message-subject")).to_be_visible()  # back where it began
    page.goto("/contacts/new?name=Ann&address=ann@one.example")
    page.get_by_test_id("contact-labels").fill("Choir")
    page.get_by_test_id("contact-save").click()
    page.goto("/contacts")
    page.get_by_test_id("group-link").click()
    page.get_by_test_id("group-menu").click()
    if scripted:
        assert audit(page) == []
    page.get_by_test_id("group-name").fill("Chorus")
    page.get_by_test_id("group-rename").click()
    page.get_by_test_id("group-write").click()
    expect(page.get_by_test_id("compose-to")).to_have_value(re.compile('"Ann" <ann@one.example>, "Carol Njeri" <'))
    page.goto("/contacts?group=Chorus")
    page.get_by_test_id("group-menu").click()
    page.get_by_test_id("group-remove").click()
    expect(page.get_by_test_id("contact-row")).to_have_count(2)
    expect(page.get_by_test_id("group-link")).to_have_count(0)
    page.goto("/contacts/new?name=ann&address=ann@two.example")
    page.get_by_test_id("contact-save").click()
    page.goto("/contacts/duplicates")
    if scripted:
        assert audit(page) == []
    page.get_by_test_id("duplicate-merge").click()
    expect(page.get_by_test_id("empty-duplicates")).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False], ids=["with a script", "without a script"])
def test_a_signature_is_written_and_removed(
    open_context: Callable[..., BrowserContext], resident: Resident, scripted: bool
) -> None:
    page = open_context(java_script_enabled=scripted, viewport={"width": 390, "height": 800}).new_page()
    sign_in(page, resident)
    page.get_by_test_id("account-menu").locator("summary").click()
    page.get_by_test_id("identities-link").click()
    expect(page.get_by_test_id("identity-row")).to_have_attribute("data-default", "true")
    page.get_by_test_id("identity-link").click()
    page.get_by_test_id("identity-name").fill("Alice A")
    page.get_by_test_id("identity-signature").fill("Alice\nOne Street")
    page.get_by_test_id("identity-save").click()
    expect(page.get_by_test_id("identity-row")).to_contain_text(re.compile(r"Alice A.*signature", re.DOTALL))
    page.get_by_test_id("identity-link").click()
    expect(page.get_by_test_id("identity-signature")).to_have_value("Alice\nOne Street")
    page.get_by_test_id("identity-remove-menu").click()
    page.get_by_test_id("identity-remove").click()
    expect(page.get_by_test_id("identity-row")).to_contain_text("no signature")
