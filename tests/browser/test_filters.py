"""Filters in a browser, with a script and without: a rule from a message, tried, saved, met by mail; and a conflict."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.sieve.managesieve import Login, opened
from tests.browser.audit import audit
from tests.browser.steps import row, sign_in, subjects
from tests.conftest import Resident

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser


def letter(subject: str, sender: str = "Orders <orders@shop.example>") -> bytes:
    return f"From: {sender}\r\nTo: alice@one.example\r\nSubject: {subject}\r\n\r\nText\r\n".encode()


def elsewhere(resident: Resident) -> bytes:
    """Another program adds a rule; the script as it is then."""
    account = resident.mail
    sock = socket.create_connection(("127.0.0.1", account.server.sieve_port), 2)
    with closing(opened(sock, Login(account.login, account.password))) as client:
        text = client.script("webmail") + b"# rule:[Elsewhere]\r\nif true\r\n{\r\n\tkeep;\r\n}\r\n"
        client.store("webmail", text)
        return text


def until_scripted(page: Page, script: bool) -> None:
    """The form's script arrives after the page: it hides what does not apply."""
    expect(page.get_by_test_id("filter-header").first).to_be_visible(visible=not script)


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_a_rule_from_a_message_is_tried_saved_and_met_by_mail(
    open_context: Callable[..., BrowserContext], resident: Resident, script: bool
):
    resident.mail.deliver(letter("Your order 1"), letter("Hello", "Bob <bob@friends.example>"))
    page = open_context(java_script_enabled=script).new_page()
    sign_in(page, resident)
    row(page, "Your order 1").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("message-menu").click()
    page.get_by_test_id("make-filter").click()
    assert page.get_by_test_id("filter-value").input_value() == "orders@shop.example"
    until_scripted(page, script)
    page.get_by_test_id("filter-condition-add").click()
    page.get_by_test_id("filter-about").nth(1).select_option("size")
    page.get_by_test_id("filter-op").nth(1).select_option("over")
    page.get_by_test_id("filter-value").nth(1).fill("10 M")
    until_scripted(page, script)
    page.get_by_test_id("filter-folder").select_option("Archive")
    page.get_by_test_id("filter-try").click()
    page.get_by_test_id("filter-trial").wait_for()
    assert page.get_by_test_id("filter-trial").get_attribute("data-hits") == "0"
    page.get_by_test_id("filter-condition-drop").nth(1).click()
    page.get_by_test_id("filter-condition").nth(1).wait_for(state="detached")
    page.get_by_test_id("filter-try").click()
    page.locator('[data-testid="filter-trial"][data-hits="1"]').wait_for()
    expect(page.get_by_test_id("filter-hit")).to_have_count(1)
    assert not script or audit(page) == []
    page.get_by_test_id("filter-apply").click()
    page.wait_for_url("**/filters")
    assert page.get_by_test_id("filter-row").count() == 1
    assert not script or audit(page) == []
    resident.mail.deliver(letter("Your order 2"), letter("More", "Bob <bob@friends.example>"))
    page.goto("/mail/Archive/")
    assert subjects(page) == ["Your order 2", "Your order 1"]
    page.goto("/mail/INBOX/")
    assert subjects(page) == ["More", "Hello"]


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_a_script_changed_elsewhere_is_shown_and_nothing_typed_is_lost(
    open_context: Callable[..., BrowserContext], resident: Resident, script: bool
):
    page = open_context(java_script_enabled=script).new_page()
    sign_in(page, resident)
    page.goto("/filters/rules/new")
    page.get_by_test_id("filter-name").fill("First")
    page.get_by_test_id("filter-value").fill("a@b.example")
    page.get_by_test_id("filter-does").select_option("read")
    page.get_by_test_id("filter-name").press("Enter")
    page.wait_for_url("**/filters")
    page.get_by_test_id("filter-link").click()
    page.get_by_test_id("filter-value").wait_for()
    theirs = elsewhere(resident)
    page.get_by_test_id("filter-value").fill("a@b.example\nc@d.example")
    page.get_by_test_id("filter-save").click()
    page.get_by_test_id("filters-conflict").wait_for()
    assert page.get_by_test_id("filter-value").input_value() == "a@b.example\nc@d.example"
    assert not script or audit(page) == []
    page.get_by_test_id("filter-save").click()
    page.wait_for_url("**/filters")
    assert page.get_by_test_id("filter-link").all_inner_texts() == ["First", "Elsewhere"]
    page.get_by_test_id("filters-text-link").click()
    text = page.get_by_test_id("filters-text").input_value()
    assert "c@d.example" in text and theirs.endswith(b"\r\n")
    page.get_by_test_id("filters-text").fill(text + "nonsense;\n")
    page.get_by_test_id("filters-text-save").click()
    assert page.get_by_test_id("filters-fault").first.get_attribute("data-line") == str(text.count("\n") + 1)
    assert page.get_by_test_id("filters-text").input_value() == text + "nonsense;\n"
    assert not script or audit(page) == []
