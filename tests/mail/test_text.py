from __future__ import annotations

import pytest

from app.mail.text import MAX_LINES, MAX_LINKS, is_cut, text_html


def test_quotes_nest_and_the_signature_stands_apart():
    made = text_html("a\n> b\n>> c\n> d\ne\n-- \nBob\n")
    assert made == (
        'a<blockquote class="quote">b<blockquote class="quote">c</blockquote>d</blockquote>e'
        '<div class="signature">-- \nBob</div>'
    )


def test_flowed_lines_are_joined_within_their_depth():
    assert text_html("a \nb\n> c \n> d\n e", flowed=True) == 'a b<blockquote class="quote">c d</blockquote>e'
    assert text_html("a \nb", flowed=True, delsp=True) == "ab"
    assert text_html("a \n-- \nx ", flowed=True).startswith('a <div class="signature">')


@pytest.mark.parametrize(("text", "address", "after"), [
    ("see https://a.example/x.", "https://a.example/x", "."), ("(https://a.example/(b))", "https://a.example/(b)", ")"),
    ("www.a.example!", "https://www.a.example", "!"), ("<bob@a.example>", "mailto:bob@a.example", "&gt;"),
])  # fmt: skip
def test_addresses_are_linked_without_the_sentence_around(text: str, address: str, after: str):
    made = str(text_html(text))
    assert f'href="{address}"' in made and made.endswith(f"</a>{after}")


def test_nothing_written_becomes_markup():
    assert "<img" not in text_html('a@a.co?]<img/src=x/onerror=alert(1)> http://x/"onclick=y <b>')
    assert '"onclick' not in text_html('http://x/"onclick=y')


def test_links_are_bounded():
    assert text_html("http://a.b \n" * (MAX_LINKS + 100)).count("<a ") == MAX_LINKS


def test_a_link_that_hides_its_host_says_it():
    made = text_html("https://bank.example@evil.example/ and https://p\u0430ypal.com/ and https://good.example/")
    assert "leads to evil.example<" in made and "leads to xn--pypal-4ve.com<" in made and made.count("leads to") == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("last", "cut"), [("", False), ("the end", True)])
def test_a_text_is_cut_where_a_line_of_it_is_not_shown(end: str, last: str, cut: bool):
    content = f"line{end}" * MAX_LINES + last
    assert is_cut(content) is cut
    assert ("the end" in text_html(content)) is False
    assert is_cut(content.partition(end)[2]) is False


def test_lines_quoted_in_turns_make_no_page_of_a_hundred_thousand_elements():
    made = text_html(("a\n" + ">" * 30 + "x\n") * 10_000)
    assert made.startswith('a<blockquote class="quote">') and made.endswith("x")
    assert made.count("<blockquote") == made.count("</blockquote>") <= 20_000 and len(made) < 1_000_000
