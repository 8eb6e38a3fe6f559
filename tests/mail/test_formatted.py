"""What somebody writes with formatting: cleaned, its own clean form, and no word of it lost."""

from __future__ import annotations

import re
import time

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.composed import composed
from app.mail.css import words
from app.mail.formatted import formatted, text_of, too_much
from app.mail.plain import html_text
from tests.hostile.corpus import ATTACKS
from tests.hostile.floods import floods
from tests.hostile.test_properties import markup

QUOTE = ' style="margin:0 0 0 0.5em;padding-left:0.75em;border-left:2px solid #b0aca3"'
ELEMENTS = words(
    "a b blockquote body br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 head hr html i img ins li ol p pre s "
    "span strike strong sub sup table tbody td tfoot th thead tr u ul"
)
ATTRIBUTES = {"alt", "class", "colspan", "dir", "href", "rowspan", "src", "start", "style", "type", "width"}


def judge(html: str) -> None:
    """Raises AssertionError when it holds anything that a writer could not have written in our editor."""
    document = f"<!doctype html><html><head></head><body>{html}</body></html>"
    for element in html5lib.parse(document, namespaceHTMLElements=False).iter():
        assert isinstance(element.tag, str) and element.tag in ELEMENTS, element.tag
        given = dict(element.attrib)
        assert set(given) <= ATTRIBUTES, given
        assert given.pop("style", None) in (None, QUOTE[8:-1])
        assert re.match(r"(?:https?://[^/?#\\]|mailto:|tel:)", given.get("href", "tel:"), re.IGNORECASE), given
        assert re.fullmatch(r"cid:[!-;=?-~]{1,240}", given.get("src", "cid:x")), given
        assert given.get("class", "signature") == "signature" and given.get("type", "cite") == "cite"


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ('<b onclick="x">B</b><i style="color:red">I</i>', "<b>B</b><i>I</i>"),
        ('<a href="https://a.example/" target="x">l</a>', '<a href="https://a.example/">l</a>'),
        ('<a href="/logout">l</a><a href="javascript:x">m</a>', "<a>l</a><a>m</a>"),
        ('<blockquote type="cite">q</blockquote>', f'<blockquote type="cite"{QUOTE}>q</blockquote>'),
        ('<img src="cid:%3Ca%40b%3E" onerror=x alt="A&gt;" width="9">', '<img src="cid:a@b" alt="A&gt;" width="9">'),
        ('<img src="data:image/png;base64,AA" data-cid="c@d">', '<img src="cid:c@d" alt="">'),
        ('a<img src="https://t.example/p.gif">b<img>c', "abc"),
        ('<div class="signature x">a</div>', "<div>a</div>"),
        ('<div class="signature">a</div>', '<div class="signature">a</div>'),
        ("<section><h1>T</h1>x</section>y", "<div><h1>T</h1>x</div>y"),
        ("a<script>b</script><style>c</style><title>d</title><!-- e -->", "a"),
        ('<ol start="3"><li dir="rtl">x</ol>', '<ol start="3"><li dir="rtl">x</li></ol>'),
        ("<p>one<p>two", "<p>one</p><p>two</p>"),
    ],
)
def test_formatting_is_kept_and_nothing_else(html: str, clean: str):
    assert formatted(html) == clean == formatted(clean)


def test_a_picture_stays_where_it_lies_in_the_message():
    both = '<img src="cid:a@b" alt=""><img src="cid:c@d" alt="">'
    assert formatted(both) == both
    assert formatted(both, {"c@d"}) == '<img src="cid:c@d" alt="">'


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in ATTACKS.items()])
def test_no_attack_passes(html: str):
    judge(formatted(html))
    judge(formatted(composed(html)))


@given(markup)
def test_no_markup_comes_out_harmful(html: str):
    judge(formatted(html))
    judge(formatted(formatted(html)))


@given(st.text(st.sampled_from('ab >-&<"\n ') | st.characters(codec="utf-8", exclude_categories=["C", "Z"])))
def test_no_word_is_lost_on_the_way_there_and_back(text: str):
    clean = formatted(composed(text))
    assert html_text(clean) == html_text(composed(text))
    assert formatted(clean) == clean
    assert text_of(clean).split() == html_text(composed(text)).split()


def test_an_answer_keeps_its_empty_lines_above_the_quote():
    assert text_of(formatted(composed("\n\n> a"))) == "\n\n> a"
    assert text_of("") == ""


@pytest.mark.parametrize("html", ["<b>x", "&amp;", "\xa0", "x"])
def test_what_is_more_than_is_cleaned_without_loss_is_told_apart(html: str):
    assert not too_much(html * 1000)
    assert too_much(html * 2_200_000)


@pytest.mark.slow
def test_no_flood_takes_long():
    slow = {}
    for name, html in floods():
        if too_much(html):
            continue
        began = time.process_time()
        formatted(html)
        slow[name] = time.process_time() - began
    assert {name: seconds for name, seconds in slow.items() if seconds > 4} == {}
