"""A browser without a screen: keeps cookies, fills in forms, follows no redirect unasked."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from html import unescape


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_kw: object) -> None:
        return None


class Visitor:
    """Somebody at `base`, such as http://127.0.0.1:8000."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies = http.cookiejar.CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self.cookies)
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies, _NoRedirect)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a path; errors are answers too, a broken connection raises OSError."""
        return self._ask(path, None, headers or {})

    def head(self, path: str) -> Answer:
        return self._ask(path, None, {}, method="HEAD")

    def post(
        self, path: str, form: Mapping[str, str] | list[tuple[str, str]], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST a form, as the site's own page would."""
        body = urllib.parse.urlencode(form).encode()
        return self._ask(path, body, {"Origin": self.base, **(headers or {})})

    def upload(self, path: str, form: Mapping[str, str], content: bytes, headers: Mapping[str, str]) -> Answer:
        """POST a form with one file in the field `upload` (RFC 7578)."""
        head = '--b\r\nContent-Disposition: form-data; name="'
        parts = [f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in form.items()]
        file = f'{head}upload"; filename="file.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
        body = "".join([*parts, file]).encode() + content + b"\r\n--b--\r\n"
        return self._ask(
            path, body, {"Origin": self.base, "Content-Type": "multipart/form-data; boundary=b", **headers}
        )

    def put(self, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """PUT a file as it is, as the page's script does."""
        own = {"Origin": self.base, "Content-Type": "application/octet-stream", "X-Postern-Fragment": "file"}
        return self._ask(path, content, {**own, **headers}, method="PUT")

    def delete(self, path: str, headers: Mapping[str, str]) -> Answer:
        """DELETE, as the page's script does."""
        return self._ask(path, None, {"Origin": self.base, "X-Postern-Fragment": "file", **headers}, method="DELETE")

    def follow(self, answer: Answer) -> Answer:
        """GET where a redirect points to."""
        assert 300 <= answer.status < 400, f"{answer.status}: {answer.text[:500]}"
        return self.get(urllib.parse.urljoin("/", answer.location.removeprefix(self.base)))

    def token(self, path: str = "/login") -> str:
        """The forms' token of a page."""
        page = self.get(path)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        assert found, f"{path} has no form: {page.status} {page.text[:500]}"
        return unescape(found[1])

    def sign_in(self, address: str, password: str) -> Answer:
        """Sign in; the answer of the POST (a redirect when it worked)."""
        return self.post("/login", {"address": address, "password": password, "csrf_token": self.token()})

    def _ask(self, path: str, body: bytes | None, headers: Mapping[str, str], *, method: str | None = None) -> Answer:
        sent = {"Sec-Fetch-Site": "same-origin", **headers}
        ask = urllib.request.Request(self.base + path, data=body, headers=sent, method=method)
        try:
            with self.opener.open(ask, timeout=40) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())
