"""How a name of a stranger's choice is drawn, which no look at its letters tells."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.steps import row, sign_in
from tests.conftest import Resident

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# Letters of a script that is read from the right, then those of an ending that is read from the left.
NAME = "\u05d0jpg.\u05d0photo\u05d0.exe"
RIGHTMOST = """element => {
  const text = element.firstChild, range = document.createRange();
  const place = (at) => {
    range.setStart(text, at);
    range.setEnd(text, at + 1);
    return range.getBoundingClientRect().right;
  };
  const letters = [...text.data].map((letter, at) => [place(at), letter]).sort((one, other) => one[0] - other[0]);
  return letters.map(([, letter]) => letter).join('');
}"""


def test_the_ending_of_a_file_stands_at_the_right_end_of_its_name(page: Page, resident: Resident) -> None:
    resident.mail.append(
        (
            "From: x@evil.example\r\nSubject: holiday\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            f"--b\r\nContent-Type: image/jpeg\r\nContent-Disposition: attachment; filename*=utf-8''{quote(NAME)}\r\n"
            "\r\nMZ\r\n--b--\r\n"
        ).encode()
    )
    sign_in(page, resident)
    row(page, "holiday").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("attachment")).to_have_count(1)
    assert page.locator(".attachment-name").evaluate(RIGHTMOST).endswith(".exe")
