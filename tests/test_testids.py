"""The public list of test ids and the templates say the same."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
LISTED = re.compile(r"`([a-z]+(?:-[a-z]+)+|notice|attachment|compose|reply|forward|recipient|suggestion|duplicate)`")
MADE_BY_SCRIPT = re.compile(r'(?:dataset\.testid = |"data-testid": )"([^"]+)"')
USED = re.compile(r'data-testid="([^"]+)"')
# Written with a name put in: the names that the macros are called with.
ACTIONS = re.compile(r'action\("([a-z]+)"')
CHOICES = re.compile(r'choice\("([a-z]+)"')
LINES = re.compile(r'line\("([a-z]+)"')
TABS = re.compile(r'tab\("([a-z]+)"')
POSTED = re.compile(r'posted\("([a-z]+)"')
VIEWS = ("view-all", "view-unread", "view-flagged")
MADE = {"action": ACTIONS, "outbox": CHOICES, "compose": LINES, "log": TABS, "remedy": POSTED}


def listed() -> set[str]:
    tables = [line for line in (ROOT / "docs/end-to-end.md").read_text().splitlines() if line.startswith("| `")]
    return {name for line in tables for name in LISTED.findall(line.split("|")[1])}


def used() -> set[str]:
    texts = [path.read_text() for path in TEMPLATES]
    names = {name for text in texts for name in USED.findall(text) if "{{" not in name}
    names |= {name for path in (ROOT / "static/js").glob("*.js") for name in MADE_BY_SCRIPT.findall(path.read_text())}
    made = {f"{kind}-{name}" for kind, call in MADE.items() for text in texts for name in call.findall(text)}
    return names | made | set(VIEWS)


def test_every_listed_test_id_is_in_a_template():
    assert listed() - used() == set()


def test_every_test_id_of_the_templates_is_listed():
    assert used() - listed() == set()


def test_the_list_is_not_empty():
    assert {"message-row", "mailbox-link", "search-input", "undo-button"} <= listed()


def test_a_test_id_made_from_a_name_is_made_where_the_list_expects_it():
    made = {name for path in TEMPLATES for name in USED.findall(path.read_text()) if "{{" in name}
    assert made == {f"{kind}-{{{{ name }}}}" for kind in (*MADE, "view")}
