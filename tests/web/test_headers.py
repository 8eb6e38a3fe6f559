"""Headers of every answer, and requests that no page sees."""

import dataclasses
import re

import pytest
from flask import Flask

from app.web.headers import POLICY, host_allowed
from config.default import Settings
from tests.web.conftest import new_app
from tests.web.pages import Pages
from tests.web.serving.test_csrf import address


def test_a_page_has_the_whole_set(visitor: Pages) -> None:
    headers = visitor.get("/login").headers
    policy = headers["Content-Security-Policy"]
    for rule in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'",
                 "frame-ancestors 'none'", "require-trusted-types-for 'script'"):  # fmt: skip
        assert rule in policy
    assert "unsafe" not in policy
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Cookie" in headers["Vary"]
    assert "Strict-Transport-Security" not in headers
    assert "Server-Timing" not in headers


ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE")


def _hold(browser: Pages) -> set[int]:
    """Asks for every address by every method; the statuses that came."""
    seen = set()
    for path in sorted({address(rule) for rule in browser.application.url_map.iter_rules()} - {"/logout"}):
        for method in METHODS:
            response = browser.open(path, method=method)
            seen.add(response.status_code)
            lasting = method == "OPTIONS" and path.startswith(("/static/", "/brand/"))  # never cached (RFC 9110 §9.3.7)
            policy = response.headers["Content-Security-Policy"]
            framed = path.endswith("/frame") and "sandbox" in policy  # by itself, another opener's policy shows nothing
            always = {**ALWAYS, "Cross-Origin-Opener-Policy": "unsafe-none"} if framed else ALWAYS
            wrong = {name for name, value in always.items() if response.headers.get(name) != value}
            wrong -= {"Cache-Control"} if lasting else set()
            assert not wrong and "frame-ancestors" in policy, f"{method} {path}: {wrong} {policy}"
            assert "default-src" in policy and "unsafe-eval" not in policy, f"{method} {path}: {policy}"
            assert "sandbox" in policy or "unsafe" not in policy, f"{method} {path}: {policy}"
            assert lasting or "Cookie" in response.headers["Vary"], f"{method} {path}"
            assert response.status_code < 500 or response.headers["Retry-After"], f"{method} {path}"
    return seen


@pytest.mark.servers
def test_every_address_has_the_whole_set_by_every_method_to_whoever_asks(app: Flask, signed_in: Pages) -> None:
    assert _hold(app.test_client()) >= {200, 303, 400, 401, 404, 405}  # type: ignore[arg-type]
    assert _hold(signed_in) >= {200, 400, 404, 405}


def test_the_nonce_is_another_one_for_each_answer(visitor: Pages) -> None:
    nonces = {
        re.findall(r"nonce-([^']+)", visitor.get("/login").headers["Content-Security-Policy"])[0] for _ in range(5)
    }
    assert len(nonces) == 5
    assert all(len(nonce) >= 22 for nonce in nonces)
    assert POLICY.count("{nonce}") == 2


def test_over_https_the_browser_is_told_to_stay_there(visitor: Pages) -> None:
    headers = visitor.get("/login", base_url="https://localhost").headers
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_the_cookie_is_a_host_cookie_over_https_and_plain_on_loopback(visitor: Pages) -> None:
    secure = visitor.get("/login", base_url="https://localhost").headers["Set-Cookie"]
    assert secure.startswith("__Host-postern=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(secure.split("; "))
    assert "Domain" not in secure
    plain = visitor.get("/login").headers["Set-Cookie"]
    assert plain.startswith("postern=")
    assert "Secure" not in plain


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "", "evil.example:80", "127.0.0.1.evil", "[::2]"]
    + ["localhost:80@evil.example", "localhost:evil.example", "[::1]evil.example", "localhost:80,evil.example"]
    + ["localhost\\evil.example", "localhost:80/evil.example", "evil.example\tlocalhost", "localhost:123456"],
)
def test_an_unlisted_host_gets_no_page(visitor: Pages, host: str) -> None:
    response = visitor.get("/login", headers={"Host": host})
    assert response.status_code == 400
    assert "Set-Cookie" not in response.headers
    assert host == "" or host not in response.get_data(as_text=True)


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LOCALHOST"])
def test_loopback_names_are_listed_with_any_port(visitor: Pages, host: str) -> None:
    assert visitor.get("/login", headers={"Host": host}).status_code == 200


def test_a_leading_dot_lists_all_names_below() -> None:
    trusted = (".campus.example", "mail.example")
    assert host_allowed("a.campus.example", trusted)
    assert host_allowed("mail.example", trusted)
    assert not host_allowed("campus.example", trusted)
    assert not host_allowed(".campus.example", trusted)
    assert not host_allowed("evilcampus.example", trusted)
    assert not host_allowed("x.mail.example", trusted)


@pytest.fixture
def mail_example(settings: Settings) -> Flask:
    return new_app(dataclasses.replace(settings, trusted_hosts=("mail.example", "localhost")))


@pytest.mark.parametrize(
    ("host", "peer"), [("mail.example", "127.0.0.1"), ("mail.example", "192.0.2.7"), ("localhost", "192.0.2.7")]
)
def test_http_outside_loopback_is_refused(mail_example: Flask, host: str, peer: str) -> None:
    browser = mail_example.test_client()
    response = browser.get("/login", headers={"Host": host}, environ_base={"REMOTE_ADDR": peer})
    assert response.status_code == 403
    assert "not encrypted" in response.get_data(as_text=True)
    assert "Set-Cookie" not in response.headers
    assert browser.get("/login", base_url=f"https://{host}", environ_base={"REMOTE_ADDR": peer}).status_code == 200


def test_http_is_served_where_the_operator_allows_it(settings: Settings) -> None:
    allowed = new_app(dataclasses.replace(settings, trusted_hosts=("mail.example",), allow_plaintext=True))
    assert allowed.test_client().get("/login", headers={"Host": "mail.example"}).status_code == 200


@pytest.mark.parametrize("told", ["cross-site", "same-site", "nonsense"])
def test_a_post_that_another_site_asked_for_is_refused(visitor: Pages, told: str) -> None:
    token = visitor.token()
    response = visitor.post("/login", data={"csrf_token": token}, headers={"Sec-Fetch-Site": told})
    assert response.status_code == 403
    assert "Another site" in response.get_data(as_text=True)


def test_an_old_browser_is_judged_by_its_origin(visitor: Pages) -> None:
    token = visitor.token()
    foreign = visitor.post("/logout", data={"csrf_token": token}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert "Another site" in foreign.get_data(as_text=True)
