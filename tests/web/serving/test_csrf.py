"""The map of addresses: every POST is protected, no GET changes anything, everything needs signing in."""

import dataclasses
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from werkzeug.routing import Rule

from app.web import PUBLIC, ROUTES
from config.default import Settings
from tests.web.conftest import new_app
from tests.web.pages import Pages, field

VALUES: dict[str, Any] = {
    "mailbox": "INBOX", "uidvalidity": 1, "uid": 1, "section": "1", "filename": "x", "digest": "0", "brand": "postern",
    "number": "1", "row": "1-1", "account_id": "1", "token": "x", "level": "site",
}  # fmt: skip


def address(rule: Rule) -> str:
    built = rule.build({name: VALUES[name] for name in rule.arguments}, append_unknown=False)
    assert built is not None
    return built[1]


RAW = "application/octet-stream"  # what is put as a file has no form
CHANGES = ("POST", "PUT", "DELETE")


def rules(app: Flask, method: str) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ())]


def changes(app: Flask) -> list[tuple[str, Rule]]:
    """Every address that changes something, with its method."""
    return [(method, rule) for method in CHANGES for rule in rules(app, method)]


def kind(method: str) -> dict[str, str]:
    return {} if method == "POST" else {"content_type": RAW}


def test_the_route_table_is_the_whole_map(lone_app: Flask) -> None:
    assert {rule.endpoint for rule in lone_app.url_map.iter_rules()} == {endpoint for _, endpoint, _, _ in ROUTES}
    assert len({endpoint for _, endpoint, _, _ in ROUTES}) == len(ROUTES)


def test_every_route_takes_one_method_and_only_sign_in_takes_two(lone_app: Flask) -> None:
    for rule in lone_app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        both = rule.endpoint == "login.sign_in" and methods == {"GET", "POST"}
        assert both or methods in ({"GET"}, *({each} for each in CHANGES))


def test_what_anybody_may_see_is_a_short_list() -> None:
    assert {
        "login.sign_in", "brand.picture", "static", "health.live", "health.ready", "health.metrics",
        "blocked.link", "blocked.follow",  # of a digest: its token is signed, and for one action on one row
    } == PUBLIC  # fmt: skip


def test_every_page_but_these_leads_to_signing_in(lone_app: Flask) -> None:
    for rule in rules(lone_app, "GET"):
        if rule.endpoint in PUBLIC:
            continue
        response = lone_app.test_client().get(address(rule))
        assert response.status_code in {303, 401}, rule
        if response.status_code == 303:
            assert response.headers["Location"].startswith("/login")


def test_every_change_without_a_token_is_refused(lone_app: Flask) -> None:
    found = changes(lone_app)
    assert len(found) >= 6
    for method, rule in found:
        response = lone_app.test_client().open(address(rule), method=method, **kind(method))
        refused = response.status_code in {400, 401} or response.headers.get("Location") == "/login?why=old"
        assert refused, f"{rule} took a {method} without a token"


def test_every_change_from_another_site_is_refused_even_with_a_token(lone_app: Flask) -> None:
    for method, rule in changes(lone_app):
        browser: Pages = lone_app.test_client()  # type: ignore[assignment]
        token = browser.token()
        headers = {"Sec-Fetch-Site": "cross-site", "X-CSRFToken": token}
        data = {"csrf_token": token} if method == "POST" else b""
        response = browser.open(address(rule), method=method, data=data, headers=headers, **kind(method))
        assert response.status_code == 403, rule


@pytest.mark.servers
def test_a_page_of_before_a_change_of_keys_still_posts(node_settings: Settings) -> None:
    old, new = node_settings.secret_keys[0], b"n" * 16 + b"0123456789abcdef"
    browser: Pages = new_app(node_settings).test_client()  # type: ignore[assignment]
    token = browser.token()
    for keys, accepted in (((new, old), True), ((old, new), True), ((new,), False)):
        other: Pages = new_app(dataclasses.replace(node_settings, secret_keys=keys)).test_client()  # type: ignore[assignment]
        other.set_cookie("postern", browser.cookie() or "")
        response = other.post("/login", data={"csrf_token": token})
        assert (response.headers.get("Location") != "/login?why=old") is accepted


@pytest.mark.servers
def test_every_change_of_somebody_signed_in_needs_the_token_of_their_own_page(signed_in: Pages, app: Flask) -> None:
    foreign = app.test_client().token()  # type: ignore[attr-defined]
    for method, rule in changes(app):
        for token in (None, foreign, ""):
            data = ({} if token is None else {"csrf_token": token}) if method == "POST" else b""
            headers = {} if token is None else {"X-CSRFToken": token}
            response = signed_in.open(address(rule), method=method, data=data, headers=headers, **kind(method))
            assert response.status_code == 400 or response.headers.get("Location") == "/login?why=old", rule
    assert signed_in.get("/settings/sessions").status_code == 200


@pytest.mark.servers
def test_no_get_signs_out_or_revokes(signed_in: Pages, app: Flask, redis: Redis) -> None:
    before = {key: redis.get(key) for key in redis.keys("s:*")}
    for rule in rules(app, "GET"):
        signed_in.get(address(rule))
    for path in ("/logout", "/settings/sessions/revoke", "/settings/sessions/everywhere", "/mail/INBOX/actions"):
        assert signed_in.get(path).status_code in {404, 405}
    assert {key: redis.get(key) for key in redis.keys("s:*")} == before


@pytest.mark.servers
def test_a_token_outlives_nothing_but_its_cookie(signed_in: Pages) -> None:
    token = field(signed_in.get("/settings/sessions"), "csrf_token")
    signed_in.post("/logout", data={"csrf_token": token})
    assert signed_in.post("/settings/sessions/everywhere", data={"csrf_token": token}).status_code == 400
