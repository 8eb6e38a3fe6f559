"""HTML as plain text: what a person would have typed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("x<blockquote>q<blockquote><p>r</p></blockquote></blockquote>y", "x\n\n> q\n>\n>> r\n\ny"),
        ("<pre>a  b\n\n  c</pre>", "a  b\n\n  c"),
        ('<a href="https://x.example/a">here</a>!', "here <https://x.example/a>!"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ('<a href="https://x.example"><img src=y alt="Logo"></a>', "[Logo] <https://x.example>"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<style>p{}</style><script>x()</script><title>t</title><!-- c -->a &amp; &lt;b&gt; &nbsp;c", "a & <b> \xa0c"),
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


FLOODS = ["<blockquote>", "<ul><li>", "<a href=https://x>", "<", "a<br>", "<td>x", "<pre>\n", "&lt;"]


@pytest.mark.parametrize("part", FLOODS)
def test_time_grows_with_the_length_only(part):
    started = time.process_time()
    html_text(part * (512 * 1024 // len(part)))
    assert time.process_time() - started < 8
