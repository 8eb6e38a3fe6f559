"""The list of one's own sessions, ending one, ending all."""

import re

import pytest
from flask import Flask
from redis import Redis

from app.web.signing.sessions import device, public_id
from tests.web.conftest import FORWARDER, PASSWORD, add_account
from tests.web.pages import Pages, field


def rows(browser: Pages) -> list[str]:
    """The ids of the sessions that can be revoked."""
    return re.findall(r'name="session" value="([^"]+)"', browser.get("/settings/sessions").get_data(as_text=True))


def another(app: Flask, agent: str = "Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/140.0") -> Pages:
    browser: Pages = app.test_client()  # type: ignore[assignment]
    data = {"address": FORWARDER, "password": PASSWORD}
    assert browser.submit("/login", data, headers={"User-Agent": agent}).status_code == 303
    return browser


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_as_people_name_it(agent: str, words: str) -> None:
    assert device(agent) == words


@pytest.mark.servers
def test_the_page_lists_this_browser_and_the_others(app: Flask, signed_in: Pages) -> None:
    another(app)
    page = signed_in.get("/settings/sessions").get_data(as_text=True)
    assert page.count('data-testid="session-row"') == 2
    assert page.count('data-current="true"') == 1
    assert "Firefox on Linux" in page
    assert "127.0.0.1" in page
    assert len(rows(signed_in)) == 1


@pytest.mark.servers
def test_a_hostile_user_agent_is_only_text(app: Flask, signed_in: Pages) -> None:
    another(app, "<script>alert(1)</script>\"'>" + "x" * 5000)
    page = signed_in.get("/settings/sessions").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "x" * 300 not in page


@pytest.mark.servers
def test_revoking_ends_that_session_only(app: Flask, signed_in: Pages) -> None:
    other, third = another(app), another(app)
    wanted = public_id_of(other)
    token = field(signed_in.get("/settings/sessions"), "csrf_token")
    signed_in.post("/settings/sessions/revoke", data={"csrf_token": token, "session": wanted})
    assert other.get("/settings/sessions").status_code == 303
    assert third.get("/settings/sessions").status_code == 200
    assert signed_in.get("/settings/sessions").status_code == 200


@pytest.mark.servers
def test_what_a_session_that_has_ended_asked_for_is_said_not_to_be_done(app: Flask, signed_in: Pages) -> None:
    other = another(app)
    theirs = field(other.get("/settings/sessions"), "csrf_token")
    token = field(signed_in.get("/settings/sessions"), "csrf_token")
    signed_in.post("/settings/sessions/revoke", data={"csrf_token": token, "session": public_id_of(other)})
    answer = other.post("/settings/sessions/revoke", data={"csrf_token": theirs, "session": public_id_of(signed_in)})
    assert answer.headers["Location"] == "/login?why=undone"
    assert "what you did last was not done" in other.get("/login?why=undone").get_data(as_text=True)
    assert signed_in.get("/settings/sessions").status_code == 200


def public_id_of(browser: Pages) -> str:
    import base64

    from app.store.session import digest

    return public_id(digest(base64.urlsafe_b64decode((browser.cookie() or "") + "=")))


@pytest.mark.servers
@pytest.mark.parametrize("wanted", ["", "nonsense", "0" * 24, "*"])
def test_a_session_that_is_not_there_cannot_be_revoked(signed_in: Pages, wanted: str) -> None:
    token = field(signed_in.get("/settings/sessions"), "csrf_token")
    response = signed_in.post("/settings/sessions/revoke", data={"csrf_token": token, "session": wanted})
    assert response.status_code == 404


@pytest.mark.servers
def test_nobody_revokes_a_session_of_somebody_else(app: Flask, signed_in: Pages) -> None:
    add_account(app, 2, "mallory")
    mallory: Pages = app.test_client()  # type: ignore[assignment]
    mallory.sign_in("mallory@one.example", PASSWORD)
    victim = public_id_of(signed_in)
    token = field(mallory.get("/settings/sessions"), "csrf_token")
    response = mallory.post("/settings/sessions/revoke", data={"csrf_token": token, "session": victim})
    assert response.status_code == 404
    assert signed_in.get("/settings/sessions").status_code == 200
    assert not rows(mallory)
    mallory.post("/settings/sessions/everywhere", data={"csrf_token": token})
    assert signed_in.get("/settings/sessions").status_code == 200
    assert mallory.get("/settings/sessions").status_code == 303


@pytest.mark.servers
def test_signing_out_everywhere_ends_all_and_one_may_sign_in_again(app: Flask, signed_in: Pages, redis: Redis) -> None:
    other = another(app)
    token = field(signed_in.get("/settings/sessions"), "csrf_token")
    response = signed_in.post("/settings/sessions/everywhere", data={"csrf_token": token})
    assert response.headers["Location"] == "/login?why=everywhere"
    assert "Clear-Site-Data" in response.headers
    assert signed_in.cookie() is None
    assert other.get("/settings/sessions").status_code == 303
    assert not redis.keys("s:*")
    again = another(app)
    assert again.get("/settings/sessions").status_code == 200
