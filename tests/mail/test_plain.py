"""HTML as plain text: what a person would have typed."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.composed import composed
from app.mail.flowed import flow, joined
from app.mail.plain import html_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("Hello <b>big</b>\n  world", "Hello big world"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<p>one</p><p>two</p>three", "one\n\ntwo\n\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "- a\n- b\n  - c"),
        ("<ol start=3><li>a</li><li>b</li></ol>", "3. a\n4. b"),
        ("x<blockquote>q<blockquote><p>r</p></blockquote></blockquote>y", "x\n> q\n>>\n>> r\n\ny"),
        ("<pre>a  b\n\n  c</pre>", "a  b\n\n  c"),
        ('<a href="https://x.example/a">here</a>!', "here <https://x.example/a>!"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ('<a href="https://x.example"><img src=y alt="Logo"></a>', "[Logo] <https://x.example>"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<style>p{}</style><script>x()</script><title>t</title><!-- c -->a &amp; &lt;b&gt; &nbsp;c", "a & <b>  c"),
        ("a<hr>b", "a\n---\nb"),
        ("<h1>T</h1>text", "T\n\ntext"),
        ("x < y <z", "x < y"),
    ],
)
def test_html_becomes_what_one_would_have_typed(html, text):
    assert html_text(html) == text


@given(st.text(st.sampled_from("<>/abpreul li \"'=&;\n-!") | st.characters(), max_size=300))
def test_any_string_becomes_text(html):
    html_text(html).encode()


LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"])
TYPED = st.text(st.sampled_from("ab >-&<\"\n ") | LETTERS)


@given(TYPED)
def test_what_was_typed_comes_back_from_rich_text(text):
    text = joined(list(flow(text))).strip("\n")
    assert html_text(composed(text)) == text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", "<div><br></div>"),
        ("a\n\n<b>", "<div>a</div><div><br></div><div>&lt;b&gt;</div>"),
        ("> a\n>> b\nc", "<q><div>a</div><q><div>b</div></q></q><div>c</div>"),
        ("  a  b", "<div>\xa0 a\xa0 b</div>"),
        ("-- \nA", "<div>--\xa0</div><div>A</div>"),
    ],
)
def test_text_becomes_html_of_an_editor(text, html):
    assert composed(text) == html.replace("<q>", '<blockquote type="cite">').replace("</q>", "</blockquote>")


ATTACKS = ["<script>alert(1)</script>", "\"><img src=x onerror=a>", "> <svg/onload=a>", "&lt;b&gt;"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_gains_meaning_on_the_way_to_an_editor(attack):
    assert set(re.findall(r"<\w+", composed(attack))) <= {"<div", "<blockquote", "<br"}
    assert html_text(composed(attack)) == attack


FLOODS = ["<blockquote>", "<ul><li>", "<a href=https://x>", "<", "a<br>", "<td>x", "<pre>\n", "&lt;", "a ", "a<b>b</b>"]


@pytest.mark.parametrize("part", FLOODS)
@pytest.mark.slow
def test_time_grows_with_the_length_only(part):
    started = time.process_time()
    html_text(part * (512 * 1024 // len(part)))
    assert time.process_time() - started < 8


def test_two_megabytes_of_words_in_one_line_are_read_in_one_pass():
    started = time.process_time()
    html_text("<p>" + "a " * 1_000_000)
    html_text("a " * 900_000 + "<b>b</b> " * 15_000)
    assert time.process_time() - started < 6  # 0.7 s; each word copied all before it: 49 s


def test_marks_of_quotes_are_written_as_long_as_there_are_not_too_many():
    text = html_text("<blockquote>" * 90 + "<pre>" + "x\n" * 500_000)
    assert text.startswith(">" * 30 + " x\n") and text.endswith("\nx") and len(text) < 3_000_000
