"""Every attack of the corpus through the sanitiser, judged by another parser than the sanitiser's own."""

from __future__ import annotations

import html5lib
import pytest

from app.mail.rewrite import rewrite
from app.mail.sanitize import frame_html
from app.mail.small import linked, small_html
from app.mail.text import text_html
from tests.hostile.corpus import ATTACKS
from tests.hostile.harmless import judge

CID = {"x": "data:image/png;base64,iVBORw0KGgo="}


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in ATTACKS.items()])
def test_no_attack_passes_the_sanitiser(html: str):
    cleaned = frame_html(html, images=CID)
    judge(cleaned.html)
    assert "hit.invalid" not in cleaned.html.replace("hit.invalid", "", _in_text(cleaned.html))
    judge(frame_html(html, images=CID, remote=True).html, remote=True)


def _in_text(html: str) -> int:
    """How often the address stands where it is only read: in text, titles and links that nobody follows by itself."""
    count = 0
    for element in html5lib.parseFragment(html).iter():
        texts = [element.text, element.tail, *(element.get(name) for name in ("title", "alt", "href", "class", "id"))]
        count += sum((text or "").count("hit.invalid") for text in texts)
    return count


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in ATTACKS.items()])
def test_no_attack_passes_when_it_was_written_anew_first(html: str):
    judge(frame_html(rewrite(html)[0]).html)
    judge(frame_html(frame_html(html).html).html)


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in ATTACKS.items()])
def test_no_attack_passes_as_plain_text_or_as_something_small(html: str):
    judge(str(text_html(html)).replace('<blockquote class="quote">', "<blockquote>"))
    judge(linked(html))
    for element in html5lib.parseFragment(small_html(html)).iter():
        assert not any(name.startswith("on") or name in ("src", "style") for name in element.attrib)
        assert not (element.get("href") or "https:").lower().startswith(("javascript", "data", "vbscript"))


def test_cleaning_twice_changes_nothing():
    for name, html in ATTACKS.items():
        body = frame_html(html).html.rpartition("</style>")[2]
        assert _tree(frame_html(body).html) == _tree(body), name


def _tree(html: str) -> list[tuple[object, ...]]:
    return [(each.tag, sorted(each.attrib.items()), each.text) for each in html5lib.parseFragment(html).iter()]
