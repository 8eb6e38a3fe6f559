"""Debian's Chromium, driven by Playwright: one browser for the session, a fresh profile for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.demo.node import Node
from app.demo.process import find_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SHOTS = os.environ.get("SCREENSHOTS")  # a folder for pictures of failed tests
PATIENCE = 20_000  # ms for what is not there at once: a busy machine is no fault


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium. As root it has no sandbox of its own; a developer's browser keeps it."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    program = find_program("chromium") or find_program("chromium-browser") or find_program("google-chrome")
    assert program, "no Chromium: apt install chromium"
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=[*arguments, "--disable-dev-shm-usage"])
        yield started
        started.close()


class Complaints(list[str]):
    """Errors of the pages' scripts, blocked content and failed requests of our own."""

    def listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.append(f"script: {error}"))
        page.on("console", lambda line: self.append(f"console: {line.text}") if line.type == "error" else None)
        page.on(
            "response", lambda answer: self.append(f"{answer.status}: {answer.url}") if answer.status >= 500 else None
        )


@pytest.fixture
def complaints() -> Complaints:
    """What went wrong in the pages; a test that expects a complaint empties the list."""
    return Complaints()


@pytest.fixture
def open_context(browser: Browser, node: Node, complaints: Complaints) -> Iterator[Callable[..., BrowserContext]]:
    """A function (**options) -> a fresh profile at the node, closed after the test."""
    opened: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        options = {"base_url": node.url, "viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options}
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        context.on("page", complaints.listen)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def page(
    open_context: Callable[..., BrowserContext], complaints: Complaints, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A wide page; the test fails when the page complained."""
    page = open_context().new_page()
    yield page
    if SHOTS and complaints:
        page.screenshot(path=Path(SHOTS, f"{request.node.name}.png"))
    assert not complaints, "\n".join(complaints)
