"""Steps that journeys share, by the public test ids."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.conftest import Resident

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def sign_in(page: Page, resident: Resident) -> None:
    """From the sign-in page to the inbox."""
    page.goto("/login")
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill(resident.password)
    page.get_by_test_id("sign-in-button").click()
    page.wait_for_url("**/mail/INBOX/")


def hold_time(page: Page) -> None:
    """The page's own clock, installed before, stands from here on: only `page.clock.run_for` moves it."""
    page.clock.pause_at(time.time() + 3600)


def row(page: Page, subject: str) -> Locator:
    """The row with this subject."""
    return page.get_by_test_id("message-row").filter(
        has=page.get_by_test_id("message-subject-link").get_by_text(subject, exact=True)
    )


def subjects(page: Page) -> list[str]:
    """The subjects that the list shows, from the top."""
    return [text.strip() for text in page.get_by_test_id("message-subject-link").all_inner_texts()]


def select(page: Page, *wanted: str) -> None:
    """Tick the rows with these subjects."""
    for subject in wanted:
        row(page, subject).get_by_test_id("message-select").check(force=True)


def act(page: Page, name: str) -> None:
    """Press the action in the bar above the list."""
    page.get_by_test_id("selection-bar").get_by_test_id(f"action-{name}").click()


def open_folder(page: Page, name: str) -> None:
    """Open a folder by its IMAP name."""
    page.locator(f'[data-testid="mailbox-link"][data-mailbox="{name}"]').click()
    page.wait_for_url(f"**/mail/{name}/")
