from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.composed import composed
from app.mail.formatted import formatted, text_of
from app.mail.plain import html_text
from app.mail.signature import Signature, composed_text, exchanged_html, exchanged_text

ALICE, OFFICE = Signature("Alice"), Signature("Office\n2nd floor", "<b>Office</b><br>2nd floor")
NONE = Signature()


@pytest.mark.parametrize(
    ("text", "old", "new", "after"),
    [
        ("Hi\n\n-- \nAlice", ALICE, OFFICE, "Hi\n\n-- \nOffice\n2nd floor"),
        ("\n\n-- \nAlice\n\n> -- \n> Alice", ALICE, OFFICE, "\n\n-- \nOffice\n2nd floor\n\n> -- \n> Alice"),
        ("Hi\n\n-- \nAlice B", ALICE, OFFICE, "Hi\n\n-- \nAlice B"),
        ("Hi\n\n-- \nAlice\n", ALICE, NONE, "Hi\n\n\n"),
        ("Hi", NONE, ALICE, "Hi\n\n-- \nAlice"),
        ("Hi\n> q", NONE, ALICE, "Hi\n> q"),
        ("Hi", NONE, NONE, "Hi"),
    ],
)
def test_a_signature_is_exchanged_where_it_is_unchanged(text: str, old: Signature, new: Signature, after: str) -> None:
    assert exchanged_text(text, old, new) == after


def test_in_html_it_is_known_by_its_words() -> None:
    html = f"<div>Hi</div>{OFFICE.element}<div>On Monday</div>"
    assert exchanged_html(html, OFFICE, ALICE) == f"<div>Hi</div>{ALICE.element}<div>On Monday</div>"
    edited = html.replace("2nd", "3rd")
    assert exchanged_html(edited, OFFICE, ALICE) == edited
    assert exchanged_html("<div>Hi</div>", NONE, ALICE) == f"<div>Hi</div><div><br></div>{ALICE.element}"
    assert exchanged_html(html, ALICE, NONE) == html


def test_both_say_the_same_words() -> None:
    assert text_of(ALICE.element) == ALICE.lines
    assert text_of(OFFICE.element) == OFFICE.lines
    assert NONE.element == NONE.lines == ""


@given(st.text(), st.text(max_size=20))
def test_whatever_was_typed_stays(text: str, name: str) -> None:
    signature = Signature(name)
    before = f"{text}\n\n{signature.lines}" if name else text
    assert exchanged_text(exchanged_text(before, signature, OFFICE), OFFICE, signature).strip() == before.strip()


@given(st.text(st.sampled_from("ab -\n>"), max_size=30), st.text(st.sampled_from("ab -\n>"), max_size=30))
def test_a_text_as_html_has_the_same_words(before: str, after: str) -> None:
    text = f"{before}\n{ALICE.lines}\n{after}"
    assert html_text(composed_text(text, ALICE)).split() == html_text(composed(text)).split()


def test_a_hostile_signature_ends_nothing_but_itself() -> None:
    evil = Signature("x", "</div></div><script>x</script><div class=signature>y")
    assert evil.element == formatted(evil.element)
    html = composed("a") + evil.element + composed("b")
    assert exchanged_html(formatted(html), evil, NONE).endswith("<div>b</div>")


def test_no_number_of_signatures_inside_each_other_takes_long() -> None:
    begin = '<div class="signature">'
    html = formatted(begin * 100 + "a word<br>" * 9000 + "</div>" * 100)
    began = time.process_time()
    assert exchanged_html(html, OFFICE, NONE) == html and html.count(begin) == 100
    assert time.process_time() - began < 2
