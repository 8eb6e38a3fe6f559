# ruff: noqa: E501  (attacks and answers stand on one line each)
"""The attack corpus in Chromium: nothing runs and nothing is fetched, with the sanitiser and without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.hostile.corpus import ATTACKS
from tests.hostile.stage import Stage, Wall, stage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

pytestmark = pytest.mark.browser

BATCH = 60


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(accept_downloads=False)
    made.set_default_timeout(20_000)
    yield made
    made.close()


def perform(context: BrowserContext, at: Stage, wall: Wall, *, remote: bool = False) -> list[str]:
    """Loads every attack behind a wall; returns what the pages heard from them, and where they went."""
    heard: list[str] = []
    context.on("dialog", lambda dialog: (heard.append(f"dialog {dialog.message}"), dialog.dismiss()))
    for first in range(0, len(ATTACKS), BATCH):
        page = context.new_page()
        address = f"{at.url}/?wall={wall}&first={first}&last={first + BATCH}{'&remote=1' if remote else ''}"
        page.goto(address, wait_until="load")
        page.wait_for_timeout(400)
        heard += [str(each) for each in page.evaluate("window.heard || ['the page is another']")]
        if page.url != address:
            heard.append(f"left for {page.url}")
        page.close()
    heard += [f"a window {page.url}" for page in context.pages]
    return heard


def test_without_walls_the_attacks_do_run_and_fetch(context: BrowserContext):
    with stage(dict(list(ATTACKS.items())[::4])) as at:
        heard = perform(context, at, "none")
        assert len(at.trap.requests) > 15 and heard.count("ran") > 5, (len(at.trap.requests), heard[:5])


@pytest.mark.parametrize("remote", [False, True], ids=["closed", "remote allowed"])
def test_with_the_sanitiser_nothing_runs_and_nothing_is_fetched(context: BrowserContext, remote: bool):
    with stage(ATTACKS) as at:
        assert perform(context, at, "sanitised", remote=remote) == []
        assert at.trap.requests == [] and at.trap.connections == 0


@pytest.mark.parametrize("remote", [False, True], ids=["closed", "remote allowed"])
def test_sandbox_and_policy_alone_hold_without_the_sanitiser(context: BrowserContext, remote: bool):
    with stage(ATTACKS) as at:
        assert perform(context, at, "policy", remote=remote) == []
        # Chromium connects ahead to the address of a frame inside the frame, then the policy stops it: nothing is sent,
        # but somebody could see that. Only the sanitiser takes that away (the test above counts connections too).
        assert at.trap.requests == []


@pytest.mark.parametrize("scheme", ["javascript:top.postMessage('ran','*')", "data:text/html,<script>opener.postMessage('ran','*')</script>",
                                    "vbscript:x", " java\tscript:top.postMessage('ran','*')"])  # fmt: skip
@pytest.mark.parametrize("target", ["_self", "_blank", "_top"])
def test_a_link_that_is_a_script_runs_nothing_when_it_is_clicked(context: BrowserContext, scheme: str, target: str):
    with stage({"link": f'<a href="{scheme}" target="{target}">press</a>'}) as at:
        page = context.new_page()
        address = f"{at.url}/?wall=policy&first=0&last=1"
        page.goto(address)
        page.frame_locator("iframe").locator("a").click()
        page.wait_for_timeout(200)
        assert page.evaluate("window.heard") == [] and page.url == address


def test_the_frame_has_no_origin_and_no_way_to_its_parent(context: BrowserContext):
    with stage({"empty": "<p>x</p>"}) as at:
        page = context.new_page()
        page.goto(f"{at.url}/?wall=sanitised&first=0&last=1")
        inner = page.frames[1]
        assert page.evaluate("document.querySelector('iframe').contentDocument") is None
        assert inner.evaluate("origin") == "null"


def test_the_frame_opens_by_itself_as_a_document_without_scripts(context: BrowserContext):
    with stage({"script": "<p>alone</p><script>document.title='ran'</script>"}) as at:
        page = context.new_page()
        page.goto(f"{at.url}/frame/0?wall=policy")
        assert page.locator("p").inner_text() == "alone" and page.title() != "ran"


# What is painted above its own place, and what moves or hides that in which all stands.
COVERS = {
    "inline box": '<span style="background:#fff;padding:400px 900px">x</span>',
    "letters": '<div style="line-height:0;font-size:400px">&#9608;&#9608;&#9608;</div>',
    "beside": "<style>body{padding-left:5000px;width:600px}</style><div style='float:right;width:5576px'>From: a bank</div>",
    "row": "<style>body{display:flex;direction:rtl;width:9000px}</style><div style='direction:ltr;width:8000px'>From: a bank</div>",
    "below": "<style>body{padding-top:3000px;border-top:3000px solid}</style>",
    "cell": "<style>body{display:table-cell;vertical-align:middle;height:5000px}</style>",
    "cut": "<style>html,body{height:0;max-height:0;overflow:hidden}</style>",
    "faint": "<style>html,body{opacity:0;visibility:hidden}</style>",
    "none": "<style>html,body,*{display:none}</style>",
    "turned": "<style>html,body,header,*{direction:rtl;unicode-bidi:bidi-override}</style>",
}


def test_nothing_of_a_mail_covers_or_moves_the_lines_above_it(context: BrowserContext):
    with stage(COVERS) as at:
        page = context.new_page()
        for number, name in enumerate(COVERS):
            page.goto(f"{at.url}/frame/{number}?wall=sanitised&alone=1")
            seen = page.evaluate("document.elementFromPoint(90, 58)?.closest('.postern-head')?.innerText || ''")
            assert "From: x@evil.example" in seen, name
            assert page.evaluate("getComputedStyle(document.querySelector('.postern-head')).direction") == "ltr", name
