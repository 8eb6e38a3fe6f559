"""The script as text on a real Dovecot: the server's complaints beside the lines, and nothing lost or rewritten."""

import dataclasses
import re
from html import unescape

import pytest

from tests.web.filters.conftest import Owner

pytestmark = pytest.mark.servers
TEXT = "/filters/text"
SCRIPT = b'# caf\xc3\xa9 <textarea>\nrequire "fileinto";\nif header :contains "subject" "x" { fileinto "Junk"; }'


def shown(page: str) -> str:
    found = re.search(r'data-testid="filters-text">\n(.*?)</textarea>', page, re.DOTALL)
    assert found
    return unescape(found[1])


def typed(text: str) -> dict[str, str]:
    """As a browser sends it."""
    return {"text": text.replace("\n", "\r\n"), "do": "save"}


def test_a_script_is_shown_and_saved_unchanged_to_the_byte(owner: Owner):
    owner.put(SCRIPT, "mine")
    text = shown(owner.page(TEXT))
    assert text.encode() == SCRIPT
    assert owner.post(TEXT, typed(text)).status_code == 303
    assert owner.script() == SCRIPT


def test_line_ends_stay_as_they_were(owner: Owner):
    for before in (SCRIPT, SCRIPT.replace(b"\n", b"\r\n")):
        owner.put(before, "mine")
        owner.post(TEXT, typed(shown(owner.page(TEXT)) + " # more"))
        assert owner.script() == before + b" # more"


def test_mistakes_are_told_with_their_lines_and_nothing_is_changed(owner: Owner):
    owner.put(SCRIPT, "mine")
    answer = owner.post(TEXT, typed("keep;\n\nnonsense <b>;\n"))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert re.findall(r'data-testid="filters-fault" data-line="(\d+)"', page)[0] == "3"
    assert "<code>nonsense &lt;b&gt;;</code>" in page
    assert shown(page) == "keep;\n\nnonsense <b>;\n"
    assert owner.script() == SCRIPT


def test_checking_saves_nothing(owner: Owner):
    owner.put(SCRIPT, "mine")
    answer = owner.post(TEXT, typed("keep;") | {"do": "check"})
    assert "finds nothing wrong" in answer.get_data(as_text=True)
    assert owner.script() == SCRIPT


def test_a_first_script_is_made_and_runs(owner: Owner):
    assert owner.post(TEXT, typed("stop;\n")).status_code == 303
    assert owner.script() == b"stop;\r\n"


def test_what_was_changed_elsewhere_is_shown_beside_and_kept_when_it_is_replaced(owner: Owner):
    owner.put(SCRIPT, "mine")
    page = owner.browser.get(TEXT).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|made)" value="([^"]+)"', page))
    owner.put(b"# theirs\nkeep;\n", "mine")
    answer = owner.browser.post(TEXT, data=hidden | typed("# ours\nkeep;\n"))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "# theirs" in page and shown(page) == "# ours\nkeep;\n"
    assert owner.script() == b"# theirs\nkeep;\n"
    again = dict(re.findall(r'name="(csrf_token|made|instead)" value="([^"]+)"', page))
    assert owner.browser.post(TEXT, data=again | typed("# ours\nkeep;\n")).status_code == 303
    assert owner.script() == b"# ours\nkeep;\n"
    owner.put(b"# theirs again\nkeep;\n", "mine")
    page = owner.browser.post(TEXT, data=again | typed("# ours\nkeep;\n")).get_data(as_text=True)
    again = dict(re.findall(r'name="(csrf_token|made|instead)" value="([^"]+)"', page))
    assert owner.browser.post(TEXT, data=again | typed("# ours\nkeep;\n")).status_code == 303
    copies = sorted(name for name in owner.names() if name.startswith("mine.bak-"))
    assert [owner.script(name) for name in copies] == [b"# theirs\nkeep;\n", b"# theirs again\nkeep;\n"]


def test_what_a_browser_would_change_is_only_shown(owner: Owner):
    owner.put(b"# caf\xe9\r\nkeep;\r\n", "mine")
    assert 'data-testid="filters-locked"' in owner.page(TEXT)
    assert owner.post(TEXT, typed("stop;")).status_code == 409
    assert owner.script() == b"# caf\xe9\r\nkeep;\r\n"


def test_what_no_form_could_send_is_only_shown(owner: Owner, monkeypatch: pytest.MonkeyPatch):
    held = owner.app.extensions["postern"]
    owner.put(b"# " + "é".encode() * 15_000, "mine")
    assert 'data-testid="filters-locked"' not in owner.page(TEXT)
    monkeypatch.setattr(held, "settings", dataclasses.replace(held.settings, request_bytes=100_000))
    assert 'data-testid="filters-locked"' in owner.page(TEXT)


def test_who_has_to_sign_in_again_finds_the_text_unsaved(owner: Owner):
    page = owner.browser.get(TEXT).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|made|carry_token)" value="([^"]+)"', page))
    owner.session_ends()
    own = {"Sec-Fetch-Site": "same-origin"}
    page = owner.browser.post(TEXT, data=hidden | typed("stop;"), headers=own).get_data(as_text=True)
    carried = re.search(r'name="carried" value="([^"]+)"', page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert carried and token
    signing = {"address": owner.address, "password": owner.mail.password, "csrf_token": token[1]}
    answer = owner.browser.post("/login", data={**signing, "carried": carried[1]})
    assert answer.status_code == 409 and shown(answer.get_data(as_text=True)) == "stop;"
    assert owner.names() == set()
