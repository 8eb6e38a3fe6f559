# ruff: noqa: E501  (attacks and answers stand on one line each)
from __future__ import annotations

import threading

import pytest

from app.mail.sanitize import MAX_HTML, MAX_INLINE, content_id, frame_html, link, names_remote, referenced

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def test_a_newsletter_keeps_its_tables_styles_and_links():
    html = (
        '<style>.a{color:red}</style><body bgcolor="#eee" class="a"><table width="600" cellpadding="0"><tr><td bgcolor="#fff" '
        'style="padding:10px"><a href="https://shop.example/?a=b&amp;c">Buy</a></td></tr></table></body>'
    )
    made = frame_html(html).html
    assert made.startswith("<style>.a{color:red;}")
    assert 'style="background-color:#eee;"' in made and '<td bgcolor="#fff" style="padding:10px;">' in made
    assert 'href="https://shop.example/?a=b&amp;c"' in made and 'rel="noopener noreferrer nofollow"' in made


def test_remote_pictures_are_blocked_and_counted_each_once():
    html = '<img src="http://a/1"><img src="http://a/1"><td><div style="background:url(https://a/2)">x</div><style>p{background:url(http://a/3)}</style>'
    cleaned = frame_html(html)
    assert cleaned.blocked_remote == 3 and "//a/" not in cleaned.html
    shown = frame_html(html, remote=True)
    assert shown.blocked_remote == 0 and 'src="https://a/1"' in shown.html and "http://" not in shown.html


def test_inline_pictures_are_put_in_by_their_content_id():
    html = '<img src="cid:a%40b"><div style="background:url(cid:c)">x</div><img src="cid:none">'
    made = frame_html(html, images={"a@b": PIXEL, "c": PIXEL}).html
    assert made.count(PIXEL) == 2 and "cid:" not in made
    assert referenced(html) == {"a@b", "c", "none"} and content_id("<a%40b>") == "a@b"


def test_one_picture_shown_many_times_is_written_as_often_as_there_is_room():
    large = PIXEL + "A" * 1024 * 1024
    style = '<style>.a{background:url(cid:c)}</style><p style="background:url(cid:c)">x</p>' * 20
    made = frame_html(style + '<img src="cid:c">' * 40 + '<img src="cid:p">' * 100, images={"c": large, "p": PIXEL})
    written, shown = len(made.html), made.html.count("<img src=")
    assert MAX_INLINE - len(large) < written < MAX_INLINE + 100_000
    assert shown == 100  # small ones still find room


def test_a_data_picture_is_believed_by_its_bytes_only():
    assert PIXEL in frame_html(f'<img src="{PIXEL.replace("gif", "png")}">').html
    assert "data:" not in frame_html('<img src="data:image/png;base64,PHN2Zz4=">').html


@pytest.mark.parametrize("address", ["https://a/b c", "HTTP://a", "mailto:a@b", "tel:+1"])
def test_absolute_addresses_are_links(address: str):
    assert link(address) == address.replace(" ", "%20")


@pytest.mark.parametrize(
    "address",
    ["javascript:x", "java\nscript:x", "/x", "//a", "https:", "https:///a", "x", "", "data:x", "cid:x", "http:\\\\a"],
)
def test_all_others_are_not(address: str):
    assert link(address) is None


def test_what_is_too_long_is_shown_as_far_as_it_goes():
    cleaned = frame_html("<p>word</p>" * (MAX_HTML // 10))
    assert cleaned.cut and cleaned.html.count("<p>") > 15_000
    assert not frame_html("<p>word</p>").cut


def test_what_is_too_deep_loses_tags_and_no_text():
    made = frame_html("<div>" * 5000 + "deep" + "</div>" * 5000).html
    assert "deep" in made and made.count("<div>") <= 200


def test_what_is_not_encodable_becomes_something_that_is():
    frame_html("<p>\ud800</p>").html.encode()


def test_threads_do_not_share_what_they_may_show():
    wrong: list[str] = []

    def read(number: int) -> None:
        uri = f"data:image/gif;base64,{number:04d}"
        for _ in range(50):
            made = frame_html('<img src="cid:x">', images={"x": uri}).html
            if made != f'<img src="{uri}">':
                wrong.append(made)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_remote_content_is_seen_before_the_frame():
    assert names_remote("<img src = 'http://a'>") and names_remote("<p style=background:url( https://a)>")
    assert not names_remote('<a href="https://a">x</a><img src="cid:a">')


def test_no_tooltip_of_the_sender_stands_beside_a_link() -> None:
    html = "<a href='https://evil.example/' title='https://bank.example/'><b title='https://bank.example/'>here</b></a>"
    assert "bank" not in frame_html(html).html and "https://evil.example/" in frame_html(html).html


LEADS = '<span class="postern-leads">leads to evil.example</span>'


def test_a_link_whose_words_name_another_site_says_where_it_leads() -> None:
    html = "<p><a href='https://evil.example/'><b>www.bank</b>.example</a> <a href='https://evil.example/'>more</a></p>"
    made = frame_html(html).html
    assert made.count(LEADS) == 1 and f">{LEADS}<b>www.bank</b>.example</a>" in made


def test_the_hosts_are_told_once_each_and_no_class_of_a_mail_is_ours() -> None:
    false = "<a href='https://{0}.example/' class='postern-leads x'>www.bank.example</a>"
    made = frame_html("".join(map(false.format, ("evil", "worse", "evil"))) + "<b class=postern-head>x</b>")
    assert made.leads == ("evil.example", "worse.example")
    assert made.html.count("postern-") == 3 and '<b class="">x</b>' in made.html and 'class="x"' in made.html
    assert frame_html("<a href='https://bank.example/'>www.bank.example</a>").leads == ()


@pytest.mark.parametrize(
    "html",
    [
        "<a href=https://evil.example>&#98;ank.com</a>",
        "<a href=https://evil.example>bank<!-- -->.com</a>",
        "<a href='https://evil.example'><p style='display:none'>evil.example/</p><p>bank.com</a>",
        "<a href=https://evil.example><table><td>bank.com</table></a>",
        "<a href=https://evil.example><a href=https://evil.example><div>bank.com</div>",
        "<a href=' https://evil.exam\nple/'>https://bank.example/</a>",
        "<a href=https://bank.com@evil.example/>here</a>",
        "<A HREF=https://evil.example>bank.com",
    ],
)
def test_however_the_link_is_written(html: str) -> None:
    assert LEADS in frame_html(html).html


def test_what_was_said_is_sanitised_last_and_changes_nothing_else() -> None:
    html = (
        '<style>.a{color:red}</style><div style="background:url(https://a/2) red"><img src="cid:a"><p class="a">&amp;&nbsp;x'
        '<a href="https://evil.example/?a=1&amp;b=&quot;">www.bank.example</a><img src="https://a/b?c=d&amp;e=%20f"></div>'
    )
    for remote in (False, True):
        cleaned = frame_html(html, images={"a": PIXEL}, remote=remote)
        plain = frame_html(html.replace("www.bank.example", "word"), images={"a": PIXEL}, remote=remote)
        assert LEADS in cleaned.html and cleaned.html.replace(LEADS, "").replace("www.bank.example", "word") == plain.html
        assert cleaned.blocked_remote == plain.blocked_remote == (0 if remote else 2)
