"""A test client that checks every page any test fetches: HTML, title, ids, labels, the nonce, headers."""

import re
import threading
from collections import Counter
from typing import Any

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HTML = "{http://www.w3.org/1999/xhtml}"
TEXT_INPUTS = frozenset({"text", "password", "email", "search", "checkbox", "radio", "file", "number", "date", "url"})
# html5lib 1.1 is older than these.
KNOWN_NOISE = frozenset({"expected-closing-tag-but-got-eof"})


class Pages(FlaskClient):
    """The application's test client; `sign_in` and `post` do what a browser does with forms."""

    checked = 0

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """As FlaskClient, and the answer is checked."""
        response = super().open(*args, **options)
        if not response.is_streamed:
            check(response, fragment="X-Postern-Fragment" in dict(options.get("headers") or {}))
            self.checked += 1
        return response

    def token(self, path: str = "/login") -> str:
        """The CSRF token of a page."""
        return field(self.get(path), "csrf_token")

    def submit(
        self, path: str, data: dict[str, Any] | None = None, *, page: str = "/login", **options: Any
    ) -> TestResponse:
        """POSTs a form with the token of `page`."""
        return self.post(path, data={"csrf_token": self.token(page), **(data or {})}, **options)

    def sign_in(self, address: str, password: str, **fields: str) -> TestResponse:
        """Fills in the sign-in form."""
        return self.submit("/login", {"address": address, "password": password, **fields})

    def cookie(self, name: str = "postern") -> str | None:
        """The value of a cookie."""
        found = self.get_cookie(name)
        return found.value if found else None


def settled() -> None:
    """Wait for what is written beside sign-ins (app/web/signing/used.py), before an engine itself is changed: a deque
    of listeners that grows while a thread goes through it is an error in that thread."""
    for thread in threading.enumerate():
        if thread.name.endswith("(_write)"):
            thread.join(20)


def field(response: TestResponse, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.get_data(as_text=True))
    assert found, f"no field {name} in the page"
    return found[1]


def check(response: TestResponse, *, fragment: bool = False) -> None:
    """All that holds for every answer."""
    headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Content-Security-Policy" in headers
    if "immutable" not in headers.get("Cache-Control", ""):
        assert "no-store" in headers["Cache-Control"] or "no-cache" in headers["Cache-Control"]
    if (
        response.mimetype == "text/html"
        and response.status_code not in range(300, 400)
        and "Content-Encoding" not in headers
    ):
        policy = headers["Content-Security-Policy"]
        (check_part if fragment or "sandbox" in policy else check_page)(response.get_data(as_text=True), policy)


def check_part(html: str, policy: str) -> None:
    """A fragment: ids, labels, no inline script without the nonce."""
    _check_tree(html5lib.parseFragment(html), policy)


def check_page(html: str, policy: str) -> None:
    """A whole page."""
    parser = html5lib.HTMLParser(strict=False)
    tree = parser.parse(html)
    errors = [(where, code) for where, code, _ in parser.errors if code not in KNOWN_NOISE]
    assert not errors, f"not HTML: {errors[:5]}"
    title = tree.find(f".//{HTML}title")
    assert title is not None and (title.text or "").strip(" ·"), "no title"
    assert tree.get("lang"), "no language"
    assert len(tree.findall(f".//{HTML}h1")) <= 1, "more than one h1"
    _check_tree(tree, policy)


def _check_tree(tree: Any, policy: str) -> None:
    elements = [each for each in tree.iter() if isinstance(each.tag, str)]
    ids = Counter(each.get("id") for each in elements if each.get("id"))
    assert not [name for name, count in ids.items() if count > 1], "an id twice"
    _check_scripts(elements, policy)
    _check_labels(elements)
    for form in (each for each in elements if each.tag == f"{HTML}form"):
        if (form.get("method") or "get").lower() == "post":
            names = [each.get("name") for each in form.iter() if isinstance(each.tag, str)]
            assert "csrf_token" in names, f"a form without token: {form.get('action')}"


def _check_scripts(elements: list[Any], policy: str) -> None:
    nonces = set(re.findall(r"'nonce-([^']+)'", policy))
    for each in elements:
        name = each.tag.removeprefix(HTML)
        if name in {"script", "style"} and "sandbox" not in policy:
            assert each.get("nonce") in nonces, f"{name} without the nonce"
        if "sandbox" not in policy:
            inline = [key for key in each.attrib if key.startswith("on") or key == "style"]
            assert not inline, f"{name} has {inline}, which the policy blocks"
        assert not (each.get("href") or "").lower().startswith("javascript:")


def _check_labels(elements: list[Any]) -> None:
    labelled = {each.get("for") for each in elements if each.tag == f"{HTML}label"}
    inside = {id(inner) for each in elements if each.tag == f"{HTML}label" for inner in each.iter()}
    for each in elements:
        kind = (each.get("type") or "text").lower()
        is_field = each.tag in {f"{HTML}select", f"{HTML}textarea"} or (
            each.tag == f"{HTML}input" and kind in TEXT_INPUTS
        )
        if is_field and not (each.get("id") in labelled or id(each) in inside or each.get("aria-label")):
            raise AssertionError(f"no label for {each.get('name') or each.get('id')}")
