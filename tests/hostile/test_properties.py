# ruff: noqa: E501  (attacks and answers stand on one line each)
"""Whatever is thrown at the readers of strangers' bytes: nothing raises, nothing harmful comes out."""

from __future__ import annotations

import html5lib
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from app.mail import bodystructure, css, invitation, stylesheet
from app.mail.charset import decode_text
from app.mail.filename import content_disposition, harmless, parameter
from app.mail.message import read_header
from app.mail.rewrite import rewrite
from app.mail.sanitize import frame_html, link
from app.mail.scan import look
from app.mail.shown import choose
from app.mail.small import linked, small_html
from app.mail.syntax import parse
from app.mail.text import text_html
from app.mail.transfer import decode, decoded
from tests.examples import examples
from tests.hostile.corpus import ATTACKS
from tests.hostile.harmless import judge, judge_css

many = examples(3, suppress_health_check=[HealthCheck.too_slow])

_PIECES = sorted(
    {piece for html in ATTACKS.values() for piece in (html, html[: len(html) // 2], html[len(html) // 2 :])}
)
_MARKS = ["<", ">", "</", "/>", '"', "'", "=", " ", "\t", "\n", "\0", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?", "&", "&lt;",
          "<p>", "<b>", "</b>", "<a href=", "<table>", "<td>", "</td>", "</table>", "<svg>", "<math>", "<style>", "</style>",
          "<title>", "</title>", "<select>", "<template>", "<noscript>", "<script>", "</script>", "<font color=", "onerror=", "style=",
          "url(", ")", "x", "é", "\ud800", "javascript:", "https://x.example/", "cid:x", "{", "}", ";", ":", "@media", "/*", "*/", "\\"]  # fmt: skip
markup = st.lists(st.one_of(st.sampled_from(_MARKS), st.sampled_from(_PIECES), st.text(max_size=5)), max_size=25).map(
    "".join
)


@many
@given(markup)
@example("<table><b id=1><td></b></td></table>" * 3)
def test_no_markup_comes_out_harmful(html: str):
    judge(frame_html(html, images={"x": "data:image/gif;base64,AAAA"}).html)


@many
@given(markup)
def test_what_was_written_anew_is_vouched_for(html: str):
    written, _ = rewrite(html)
    assert look(written).safe
    assert _elements(written) <= 3 * look(written).elements + 10


@many
@given(markup, st.integers(1, 12))
def test_the_scan_counts_from_above(html: str, times: int):
    looked = look(html * times)
    if looked.safe and "isindex" not in html:  # html5lib 1.1 still makes a form of it
        # Each end tag of a misnested formatting element clones at most 8 × 4 (the adoption agency, HTML §13.2.6.4.7).
        assert _elements(html * times) <= 3 * looked.elements + 32 * (html * times).count("</") + 10


def _elements(html: str) -> int:
    return sum(1 for each in html5lib.parseFragment(html).iter() if isinstance(each.tag, str))


@many
@given(markup)
def test_plain_text_comes_out_as_text(text: str):
    shown = text_html(text, flowed=True, delsp=True)
    judge(shown.replace('<blockquote class="quote">', "<blockquote>"))
    judge(text_html(text))


@many
@given(markup)
def test_small_html_never_raises(html: str):
    for made in (small_html(html), linked(html)):
        for element in html5lib.parseFragment(made).iter():
            assert not any(name.startswith("on") for name in element.attrib)


_CSS = ["color", ":", ";", "red", "url(", ")", "(", "{", "}", "'", '"', "\\", "/*", "*/", " ", "\n", "#fff", "1px", "-1px", "99999px", ",", "/",
        "!important", "background", "position:fixed", "expression(", "var(--x)", "@media", "@import", "screen", "and", "</style>", "<!--",
        "-->", "font-family", "Arial", "rgba(0,0,0,.5)", "a", ".b", "*", "[x=y]", ":hover", "1e9", ".5em", "%", "http://x/"]  # fmt: skip
styles = st.lists(st.one_of(st.sampled_from(_CSS), st.text(max_size=3)), max_size=20).map("".join)


@many
@given(styles)
def test_no_style_comes_out_harmful(text: str):
    for made in (css.style(text, lambda _: None), stylesheet.sheet(text, lambda _: None)):
        judge_css(made)
        assert "<" not in made
    judge_css(css.style(text, lambda _: "https://x.example/"), remote=True)


@many
@given(styles)
def test_the_quick_way_and_the_careful_way_agree(text: str):
    import tinycss2

    quick = css.plain_declarations(text)
    if quick is not None:
        nodes = tinycss2.parse_blocks_contents(text, skip_comments=True, skip_whitespace=True)
        careful = css.written(css.joined(css.declarations(nodes)), lambda _: None)
        assert _normal(quick) == _normal(careful)


def _normal(text: str) -> str:
    return " ".join(text.lower().replace("'", '"').replace("+", "").split())


@many
@given(st.text(max_size=40))
def test_a_link_is_absolute_or_nothing(address: str):
    for made in (link(address), link("java" + address), link("https:" + address)):
        assert made is None or made.lower().startswith(("http://", "https://", "mailto:", "tel:"))


imap = st.recursive(
    st.one_of(
        st.none(), st.binary(max_size=8), st.sampled_from([b"text", b"plain", b"message", b"rfc822", b"mixed", b"7"])
    ),
    lambda inner: st.lists(inner, max_size=10),
    max_leaves=40,
)


@many
@given(imap)
def test_any_structure_is_a_tree_of_parts(value: object):
    tree = bodystructure.read(value)  # type: ignore[arg-type]
    chosen = choose(tree)
    for part in [*tree.walk(), *chosen.shown, *chosen.attached]:
        assert part.type.count("/") >= 1 and harmless(part.name) == part.name
        assert part.size >= 0


@many
@given(st.binary(max_size=200))
def test_any_line_of_a_server_is_a_tree_of_parts(line: bytes):
    values = parse((line,))
    bodystructure.read(values[0] if values else None)


@many
@given(st.binary(max_size=300))
def test_any_header_is_read(block: bytes):
    header = read_header(b"From: " + block + b"\r\nSubject: " + block)
    assert not any(ord(letter) < 32 for letter in header.subject)


@many
@given(
    st.binary(max_size=200),
    st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["utf-7", "utf-16", "x", "latin1"])),
)
def test_any_bytes_in_any_charset_are_text(data: bytes, charset: str | None):
    decode_text(data, charset, html=True).encode()


@many
@given(st.binary(max_size=200), st.integers(1, 9), st.sampled_from(["base64", "quoted-printable", "8bit", "x"]))
def test_pieces_decode_as_the_whole_does(data: bytes, size: int, encoding: str):
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert b"".join(decoded(pieces, encoding)) == decode(data, encoding)


@many
@given(st.text(max_size=300))
def test_a_file_name_fits_into_one_header_line(name: str):
    value = content_disposition("attachment", name)
    assert value.isascii() and value.isprintable() and value.count('"') == 2
    assert "/" not in harmless(name) and harmless(harmless(name)) == harmless(name)


@many
@given(
    st.dictionaries(
        st.sampled_from(["filename", "filename*", "filename*0", "filename*1*", "filename*9999999"]),
        st.binary(max_size=30),
    )
)
def test_any_parameters_give_a_name_or_none(parameters: dict[str, bytes]):
    parameter(parameters, "filename")


@many
@given(st.text(max_size=200))
def test_any_calendar_is_read(text: str):
    invitation.read(text)
    invitation.read(f"BEGIN:VEVENT\n{text}\nSUMMARY:{text}\nDTSTART:{text}\nORGANIZER{text}:x")
