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


HIDING = (
    "<style>span,.postern-leads,a > span{display:none !important;color:#fff !important;font-size:0 !important;"
    "visibility:hidden !important;height:0 !important;text-indent:-900px !important;overflow:hidden !important}"
    "a{font-size:0;color:#fff;visibility:hidden}</style>"
    '<p style="direction:rtl"><a href="https://evil.example/"><b style="font-size:16px">https://www.bank.example/</b></a>'
)


def test_no_style_of_a_mail_hides_where_its_link_leads(page: Page, resident: Resident) -> None:
    resident.mail.append(
        (
            "From: x@evil.example\r\nSubject: your account\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + HIDING
        ).encode()
    )
    sign_in(page, resident)
    row(page, "your account").get_by_test_id("message-subject-link").click()
    words = page.frame_locator("[data-testid=message-frame]").get_by_text("leads to evil.example")
    expect(words).to_be_visible()
    box = words.bounding_box()
    assert box and box["width"] > 100 and box["height"] > 15 and box["x"] > 0
    look = "e => { const s = getComputedStyle(e); return [s.color, s.fontSize, s.opacity, s.textIndent, s.direction] }"
    assert words.evaluate(look) == ["rgb(140, 29, 24)", "13px", "1", "0px", "ltr"]


LINK = '<a href="https://evil.example/"{}><b{}>https://www.bank.example/</b></a>'
COVER = '<div style="opacity:.99;background:#fff;height:24px;width:100%">Dear customer,</div>'
AROUND = {
    "clipped at the right": '<p style="width:210px;overflow:hidden;white-space:nowrap">'
    + LINK.format(' dir="rtl" style="unicode-bidi:embed"', ' dir="ltr"'),
    "clipped at the left": '<div dir="rtl" style="width:200px;overflow:hidden"><div dir="ltr" style="width:1000px;'
    'text-align:right">' + LINK.format("", "") + "</div></div>",
    "below a caption": '<div style="height:24px;overflow:hidden">'
    + LINK.format(' style="display:table"', ' style="display:table-caption"') + "</div>",
    "covered": '<div style="height:0;opacity:.99">' + LINK.format("", ' style="display:block"') + f"</div>{COVER}",
    "beyond the page": "<style>body{float:right;width:4000px;direction:rtl;margin-top:900px;opacity:0}"
    "html{overflow:hidden;padding-left:3000px}body > *{display:none!important}p{display:block!important}</style><p>"
    + LINK.format("", "") + "</p>",
    "under large letters": '<div style="font-size:400px;line-height:0;color:#fff">\u2588\u2588\u2588</div>'
    + LINK.format("", ""),
    "positioned": "<style>.postern-head,.postern-leads,header,div,b{position:absolute!important;top:0;left:0;z-index:9;"
    "margin:-50px!important;transform:scale(0)!important;clip-path:inset(50%)!important;filter:opacity(0)!important}"
    "</style>" + COVER.replace("<div", '<div class="postern-head"') + LINK.format("", ""),
}  # fmt: skip
TOPMOST = """note => { const range = document.createRange(); range.selectNodeContents(note.querySelector('b'));
  const box = range.getBoundingClientRect(), top = document.elementFromPoint(box.x + box.width / 2, box.y + 8);
  return note.contains(top) && box.x >= 0 && box.right <= innerWidth && box.y >= 0 && box.height >= 15 }"""


def test_what_stands_around_a_link_hides_it_nowhere_above_the_mail(page: Page, resident: Resident) -> None:
    for name, html in AROUND.items():
        head = f"From: x@evil.example\r\nSubject: {name}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        resident.mail.append((head + html).encode())
    sign_in(page, resident)
    for name in AROUND:
        row(page, name).get_by_test_id("message-subject-link").click()
        expect(page.get_by_test_id("message-subject")).to_have_text(name)
        note = page.frame_locator("[data-testid=message-frame]").locator(".postern-head").first
        expect(note).to_have_text("A link in this message leads elsewhere than it seems: to evil.example.")
        assert note.evaluate(TOPMOST), name
        page.go_back()
