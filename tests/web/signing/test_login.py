"""Signing in and out on a real Redis, with an account that has no mailbox and needs no mail server."""

import dataclasses
import re
import threading
import time

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import insert, update

from app.directory.tables import AccountRow, DomainRow, SiteRow
from app.web.brand import Brands
from app.web.signing.login import Form
from config.default import Settings
from tests.web.conftest import FORWARDER, PASSWORD, new_app
from tests.web.pages import Pages, field

pytestmark = pytest.mark.servers


def browser_of(app: Flask) -> Pages:
    return app.test_client()  # type: ignore[return-value]


def test_the_right_password_signs_in(browser: Pages) -> None:
    response = browser.sign_in(FORWARDER, PASSWORD)
    assert response.status_code == 303
    assert response.headers["Location"] == "/blocked"
    assert "Expires" not in response.headers["Set-Cookie"]
    assert browser.get("/settings/sessions").status_code == 200


@pytest.mark.parametrize(
    "typed", ["FORWARD@One.Example", "forward@two.example", "forward%one.example", " forward+x@one.example "]
)
def test_all_ways_to_write_the_address_sign_in(browser: Pages, typed: str) -> None:
    assert browser.sign_in(typed, PASSWORD).status_code == 303


def test_signing_in_gives_a_new_secret_and_the_old_one_is_worth_nothing(browser: Pages, app: Flask) -> None:
    browser.get("/login")
    planted = browser.cookie()
    browser.sign_in(FORWARDER, PASSWORD)
    assert browser.cookie() != planted
    thief = browser_of(app)
    thief.set_cookie("postern", planted or "")
    assert thief.get("/settings/sessions").status_code == 303


def test_a_second_sign_in_ends_the_first_session_of_the_browser(browser: Pages, app: Flask, redis: Redis) -> None:
    browser.sign_in(FORWARDER, PASSWORD)
    first = browser.cookie()
    # the sign-in page leads back to the mail while signed in; another tab may still hold it
    token = field(browser.get("/settings/sessions"), "csrf_token")
    browser.post("/login", data={"csrf_token": token, "address": FORWARDER, "password": PASSWORD})
    assert browser.cookie() != first
    thief = browser_of(app)
    thief.set_cookie("postern", first or "")
    assert thief.get("/settings/sessions").status_code == 303
    assert len(redis.keys("s:*")) == 1


WRONG = [
    (FORWARDER, "wrong"),
    ("nobody@one.example", PASSWORD),
    ("nobody@unknown.example", PASSWORD),
    ("forward", PASSWORD),
    (f"{FORWARDER}\r\nX", PASSWORD),
    (FORWARDER, f"{PASSWORD}\r\na1 LOGOUT"),
    (f"{FORWARDER}\x00", PASSWORD),
    (f'"{FORWARDER}"', PASSWORD),
    ("x" * 400, PASSWORD),
    (FORWARDER, "x" * 1025),
    ("", PASSWORD),
    (FORWARDER, ""),
    ("' OR 1=1 --", "x"),
]


@pytest.mark.parametrize(("address", "password"), WRONG)
def test_everything_else_gets_one_and_the_same_answer(browser: Pages, address: str, password: str) -> None:
    response = browser.sign_in(address, password)
    page = response.get_data(as_text=True)
    assert response.status_code == 401
    assert "The address or the password is not right." in page
    assert password == "" or f'value="{password}"' not in page
    assert browser.get("/settings/sessions").status_code == 303


def test_no_failure_is_answered_before_its_time(node_settings: Settings) -> None:
    app = new_app(dataclasses.replace(node_settings, failure_seconds=0.6))
    for address in (FORWARDER, "nobody@one.example", "x\ny"):
        began = time.monotonic()
        assert browser_of(app).sign_in(address, "wrong").status_code == 401
        assert time.monotonic() - began >= 0.6


def test_failures_of_one_account_are_limited_from_any_network(app: Flask) -> None:
    for number in range(10):
        browser = browser_of(app)
        options = {"environ_base": {"REMOTE_ADDR": f"127.0.0.{number + 1}"}}
        assert browser.submit("/login", {"address": FORWARDER, "password": "wrong"}, **options).status_code == 401
    response = browser_of(app).sign_in(FORWARDER, PASSWORD)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 600
    assert "Too many attempts" in response.get_data(as_text=True)


def test_the_owner_is_not_locked_out_by_a_stranger(app: Flask) -> None:
    assert browser_of(app).sign_in(FORWARDER, PASSWORD).status_code == 303
    stranger = {"environ_base": {"REMOTE_ADDR": "127.0.0.9"}}
    codes = [
        browser_of(app).submit("/login", {"address": FORWARDER, "password": "wrong"}, **stranger).status_code
        for _ in range(12)
    ]
    assert codes == [401] * 10 + [429] * 2
    assert browser_of(app).sign_in(FORWARDER, PASSWORD).status_code == 303


def test_an_unknown_address_is_limited_like_a_known_one(app: Flask) -> None:
    codes = [browser_of(app).sign_in("nobody+x@one.example", "x").status_code for _ in range(5)]
    codes += [browser_of(app).sign_in("NOBODY@one.example", "x").status_code for _ in range(6)]
    assert codes == [401] * 10 + [429]


def test_failures_of_one_network_are_limited_over_all_accounts(node_settings: Settings) -> None:
    app = new_app(dataclasses.replace(node_settings, network_failures=4))
    codes = [browser_of(app).sign_in(f"user{number}@one.example", "x").status_code for number in range(6)]
    assert codes == [401] * 4 + [429] * 2


def test_an_exempt_network_has_no_count_of_its_own(node_settings: Settings) -> None:
    from config.default import LOOPBACK_NETWORKS

    app = new_app(dataclasses.replace(node_settings, network_failures=4, throttle_exempt=LOOPBACK_NETWORKS))
    codes = {browser_of(app).sign_in(f"user{number}@one.example", "x").status_code for number in range(8)}
    assert codes == {401}


def test_successes_are_not_counted(app: Flask) -> None:
    assert {browser_of(app).sign_in(FORWARDER, PASSWORD).status_code for _ in range(12)} == {303}


def test_attempts_at_the_same_time_are_counted_too(node_settings: Settings) -> None:
    app = new_app(dataclasses.replace(node_settings, failure_seconds=0.3, threads=256))
    browsers = [browser_of(app) for _ in range(20)]
    tokens = [browser.token() for browser in browsers]
    codes: list[int] = []

    def attempt(browser: Pages, token: str) -> None:
        data = {"csrf_token": token, "address": FORWARDER, "password": "wrong"}
        codes.append(browser.post("/login", data=data).status_code)

    threads = [threading.Thread(target=attempt, args=pair) for pair in zip(browsers, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [401] * 10 + [429] * 10


def test_a_flood_of_sign_ins_leaves_threads_for_readers(node_settings: Settings) -> None:
    app = new_app(dataclasses.replace(node_settings, threads=8))
    reader = browser_of(app)
    reader.sign_in(FORWARDER, PASSWORD)
    places = app.extensions["postern"].sign_ins
    assert [places.take(network) for network in ("a", "b", "c")] == [True, True, False]  # a quarter of 8
    response = browser_of(app).sign_in(FORWARDER, PASSWORD)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert reader.get("/settings/sessions").status_code == 200
    places.give_back("a")
    assert browser_of(app).sign_in(FORWARDER, PASSWORD).status_code == 303


def test_one_network_s_sign_ins_leave_places_for_others(node_settings: Settings) -> None:
    app = new_app(dataclasses.replace(node_settings, threads=16))
    places = app.extensions["postern"].sign_ins
    assert [places.take("127.0.0.1") for _ in range(3)] == [True, True, False]  # half of a quarter of 16
    assert browser_of(app).sign_in(FORWARDER, PASSWORD).status_code == 503
    other = {"environ_base": {"REMOTE_ADDR": "127.0.0.9"}}
    form = {"address": FORWARDER, "password": PASSWORD}
    assert browser_of(app).submit("/login", form, **other).status_code == 303


def test_a_refused_sign_in_gives_its_place_back(node_settings: Settings) -> None:
    app = new_app(dataclasses.replace(node_settings, threads=4))
    assert {browser_of(app).sign_in(FORWARDER, "wrong").status_code for _ in range(3)} == {401}


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/settings/sessions", "/settings/sessions"),
        ("//evil.example", "/blocked"),
        ("https://evil.example", "/blocked"),
        ("/\\evil.example", "/blocked"),
        ("javascript:alert(1)", "/blocked"),
    ],
)
def test_after_signing_in_one_is_led_to_local_paths_only(browser: Pages, asked: str, led: str) -> None:
    assert browser.sign_in(FORWARDER, PASSWORD, next=asked).headers["Location"] == led


def test_a_page_that_needs_signing_in_leads_there_and_back(browser: Pages) -> None:
    response = browser.get("/settings/sessions?x=1")
    assert response.status_code == 303
    assert response.headers["Location"] == "/login?next=/settings/sessions?x%3D1"
    assert field(browser.get(response.headers["Location"]), "next") == "/settings/sessions?x=1"


def test_a_script_that_is_not_signed_in_gets_401(browser: Pages) -> None:
    assert browser.get("/changes").status_code == 401
    assert browser.get("/settings/sessions", headers={"X-Postern-Fragment": "1"}).status_code == 401


def test_keeping_signed_in_sets_a_lasting_cookie(browser: Pages, redis: Redis) -> None:
    response = browser.sign_in(FORWARDER, PASSWORD, keep="1")
    assert "Max-Age=1209600" in response.headers["Set-Cookie"]
    assert 1209000 < redis.ttl(redis.keys("s:*")[0]) <= 1209600


def test_a_session_that_is_kept_for_one_day_is_a_kept_one_too(node_settings: Settings) -> None:
    browser = browser_of(new_app(dataclasses.replace(node_settings, session_keep=86400)))
    browser.sign_in(FORWARDER, PASSWORD, keep="1")
    assert "kept signed in" in browser.get("/settings/sessions").get_data(as_text=True)


def test_keeping_signed_in_is_not_possible_where_it_is_not_offered(node_settings: Settings) -> None:
    app = new_app(dataclasses.replace(node_settings, session_keep=0))
    browser = browser_of(app)
    assert "keep-signed-in" not in browser.get("/login").get_data(as_text=True)
    assert "Max-Age" not in browser.sign_in(FORWARDER, PASSWORD, keep="1").headers["Set-Cookie"]


def test_a_form_without_token_signs_nobody_in(app: Flask) -> None:
    browser = browser_of(app)
    response = browser.post("/login", data={"address": FORWARDER, "password": PASSWORD})
    assert response.status_code == 303
    assert response.headers["Location"] == "/login?why=old"
    assert browser.get("/settings/sessions").status_code == 303


def test_a_token_of_another_browser_signs_nobody_in(app: Flask) -> None:
    token, browser = browser_of(app).token(), browser_of(app)
    browser.get("/login")
    data = {"csrf_token": token, "address": FORWARDER, "password": PASSWORD}
    assert browser.post("/login", data=data).headers["Location"] == "/login?why=old"


def test_signing_out_ends_the_session_before_the_cookie(signed_in: Pages, app: Flask, redis: Redis) -> None:
    copied = signed_in.cookie()
    token = field(signed_in.get("/settings/sessions"), "csrf_token")
    response = signed_in.post("/logout", data={"csrf_token": token})
    assert response.status_code == 303
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert not redis.keys("s:*")
    assert signed_in.cookie() is None
    thief = browser_of(app)
    thief.set_cookie("postern", copied or "")
    assert thief.get("/settings/sessions").headers["Location"].startswith("/login")


def test_signing_out_needs_a_post_with_a_token(signed_in: Pages) -> None:
    assert signed_in.get("/logout").status_code == 405
    assert signed_in.post("/logout").status_code == 400
    assert signed_in.get("/settings/sessions").status_code == 200


@pytest.mark.parametrize("ago", [61, -3600])
def test_a_disabled_account_is_out_within_a_minute_whatever_clock_wrote_the_last_look(
    signed_in: Pages, app: Flask, redis: Redis, ago: int
) -> None:
    held = app.extensions["postern"]
    with held.directory.engine.begin() as connection:
        connection.execute(update(AccountRow).values(enabled=False))
    assert signed_in.get("/settings/sessions").status_code == 200
    age_record(redis, ago)
    assert signed_in.get("/settings/sessions").headers["Location"].endswith("why=disabled")
    assert not redis.keys("s:*")
    assert signed_in.sign_in(FORWARDER, PASSWORD).status_code == 401


def age_record(redis: Redis, seconds: int) -> None:
    """Makes the last look into the directory older."""
    import json

    for key in redis.keys("s:*"):
        record = json.loads(redis.get(key) or b"{}")
        record["checked"] -= seconds
        redis.set(key, json.dumps(record), keepttl=True)


def test_without_sql_the_signed_in_go_on_and_nobody_signs_in(
    signed_in: Pages, app: Flask, redis: Redis, node_settings: Settings
) -> None:
    held = app.extensions["postern"]
    held.directory.engine.dispose()
    path = node_settings.database_url.removeprefix("sqlite:///")
    import os

    os.rename(path, path + ".gone")
    os.mkdir(path)  # "unable to open database file"
    age_record(redis, 61)
    assert signed_in.get("/settings/sessions").status_code == 200
    response = browser_of(app).sign_in(FORWARDER, PASSWORD)
    assert response.status_code == 503
    assert "not right" not in response.get_data(as_text=True)
    assert FORWARDER in response.get_data(as_text=True)


def test_the_password_is_in_no_log_and_in_no_repr(
    browser: Pages, capsys: pytest.CaptureFixture[str], redis: Redis
) -> None:
    canary = "canary-7f3a\u00e9"
    browser.sign_in(FORWARDER, canary)
    browser.sign_in(f"{FORWARDER}\n", canary)
    browser.post("/login", data={"address": FORWARDER, "password": canary})
    log = capsys.readouterr()
    assert "canary-7f3a" not in log.err + log.out
    assert "canary" not in repr(Form("a", canary, None, False, None))
    assert not [key for key in redis.keys("*") if b"canary" in key or b"forward" in key]


@pytest.fixture
def choosing(app: Flask) -> Flask:
    """The default brand offers a choice of domains, the second of which is its usual one; xn--… is bücher.example."""
    held = app.extensions["postern"]
    usual = held.brands.by_id["postern"]
    chosen = dataclasses.replace(usual, choose_domain=True, default_domain="two.example")
    held.brands = Brands({**held.brands.by_id, "postern": chosen})
    with held.directory.engine.begin() as rows:
        rows.execute(insert(DomainRow).values(domain_id=3, name="xn--bcher-kva.example", site_id=1))
        rows.execute(insert(SiteRow).values(site_id=2, name="Two", primary_domain="else.example", brand="northgate"))
        rows.execute(insert(DomainRow).values(domain_id=4, name="else.example", site_id=2))
    return app


def options(page: str) -> list[tuple[str, bool, str]]:
    """Of the choice of domains: value, whether it is chosen, and what is shown."""
    found = re.findall(r'<option value="([^"]*)"( selected)?>([^<]*)</option>', page)
    return [(value, bool(selected), shown) for value, selected, shown in found]


def test_a_brand_offers_the_domains_of_its_sites_as_people_write_them(choosing: Flask) -> None:
    page = browser_of(choosing).get("/login").get_data(as_text=True)
    assert options(page) == [
        ("one.example", False, "one.example"),
        ("two.example", True, "two.example"),
        ("xn--bcher-kva.example", False, "bücher.example"),
    ]


@pytest.mark.parametrize("domain", ["one.example", "two.example", "xn--bcher-kva.example"])
def test_a_bare_name_belongs_to_the_domain_that_was_chosen(choosing: Flask, domain: str) -> None:
    assert browser_of(choosing).sign_in("forward", PASSWORD, domain=domain).status_code == 303


def test_a_whole_address_needs_no_choice_and_a_wrong_choice_stays_chosen(choosing: Flask) -> None:
    assert browser_of(choosing).sign_in(FORWARDER, PASSWORD, domain="else.example").status_code == 303
    for domain in ("one.example", "else.example", "evil\r\n.example", "x" * 300):
        response = browser_of(choosing).sign_in("nobody", PASSWORD, domain=domain)
        assert response.status_code == 401
        chosen = [value for value, selected, _ in options(response.get_data(as_text=True)) if selected]
        assert chosen == (["one.example"] if domain == "one.example" else [])


def test_the_page_names_an_account_of_another_script_in_its_own_letters(choosing: Flask) -> None:
    with choosing.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(SiteRow).where(SiteRow.site_id == 1).values(primary_domain="xn--bcher-kva.example"))
    browser = browser_of(choosing)
    assert browser.sign_in("forward@BÜCHER.example", PASSWORD).status_code == 303
    page = browser.get("/settings/sessions").get_data(as_text=True)
    assert "forward@bücher.example" in page and "xn--" not in page
