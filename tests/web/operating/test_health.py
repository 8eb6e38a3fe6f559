"""Alive, ready, and figures."""

import dataclasses
import re
import time
from pathlib import Path

import pytest
from flask import Flask

from app.demo.redis import RedisServer
from app.web.operating import health
from config.default import Settings
from tests.web.conftest import FORWARDER, PASSWORD, fill_directory, new_app
from tests.web.pages import Pages

OUTSIDE = {"REMOTE_ADDR": "192.0.2.7"}


def test_a_node_is_alive_whatever_is_missing(visitor: Pages) -> None:
    response = visitor.get("/healthz", headers={"Host": "10.0.0.7:8000"}, environ_base=OUTSIDE)
    assert response.status_code == 200
    assert response.json == {"alive": True}
    assert "Set-Cookie" not in response.headers


@pytest.mark.servers
def test_a_node_is_ready_with_redis_and_sql(browser: Pages) -> None:
    response = browser.get("/readyz")
    assert (response.status_code, response.json) == (200, {"ready": True, "failing": []})


@pytest.mark.servers
def test_the_drain_file_takes_a_node_out(browser: Pages, node_settings: Settings) -> None:
    node_settings.drain_file.touch()
    response = browser.get("/readyz")
    assert (response.status_code, response.json) == (503, {"ready": False, "failing": ["drain"]})
    node_settings.drain_file.unlink()
    assert browser.get("/readyz").status_code == 200


@pytest.mark.servers
def test_after_sigterm_a_node_is_not_ready(browser: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    health.stopping.set()
    try:
        assert browser.get("/readyz").json == {"ready": False, "failing": ["stopping"]}
    finally:
        health.stopping.clear()


@pytest.mark.servers
def test_what_fails_is_told_to_trusted_networks_only(browser: Pages, node_settings: Settings) -> None:
    node_settings.drain_file.touch()
    assert browser.get("/readyz", environ_base=OUTSIDE).json == {"ready": False}


@pytest.mark.servers
def test_without_redis_a_node_is_not_ready_and_comes_back_by_itself(settings: Settings, server_folder: Path) -> None:
    server = RedisServer(server_folder).start()
    fill_directory(settings.database_url)
    browser: Pages = new_app(dataclasses.replace(settings, redis_url=server.url)).test_client()  # type: ignore[assignment]
    assert browser.get("/readyz").status_code == 200
    assert browser.sign_in(FORWARDER, PASSWORD).status_code == 303
    server.stop()
    time.sleep(health.ASK_SECONDS)
    assert browser.get("/readyz").json == {"ready": False, "failing": ["redis"]}
    page = browser.get("/settings/sessions")
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert "Not available for the moment" in page.get_data(as_text=True)
    assert browser.get("/healthz").status_code == 200


@pytest.mark.servers
def test_without_sql_a_node_is_not_ready(node_settings: Settings, tmp_path: Path) -> None:
    broken = f"sqlite:///{tmp_path}/folder"
    (tmp_path / "folder").mkdir()
    browser = new_app(
        dataclasses.replace(node_settings, database_url=broken, directory_database_url=broken)
    ).test_client()
    assert browser.get("/readyz").json == {"ready": False, "failing": ["sql"]}


@pytest.mark.servers
def test_a_node_on_a_database_without_tables_is_not_ready(node_settings: Settings, tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path}/empty.sqlite"
    settings = dataclasses.replace(node_settings, database_url=empty, directory_database_url=empty, imap_url=None)
    browser = new_app(settings).test_client()
    assert browser.get("/readyz").json == {"ready": False, "failing": ["sql"]}
    own = dataclasses.replace(settings, directory_query="SELECT 'x' AS login WHERE :address = ''")
    assert new_app(own).test_client().get("/readyz").json == {"ready": True, "failing": []}


@pytest.mark.servers
def test_figures_are_for_trusted_networks_and_name_nobody(signed_in: Pages) -> None:
    signed_in.get("/settings/sessions")
    signed_in.get("/nothing")
    response = signed_in.get("/metrics")
    text = response.get_data(as_text=True)
    assert response.status_code == 200
    assert 'postern_sign_ins_total{outcome="signed_in"}' in text
    assert 'postern_request_seconds_bucket{endpoint="settings.sessions"' in text
    assert re.search(r"^postern_sessions_active 1\.0$", text, re.MULTILINE)
    assert re.search(r"^postern_keeper_up 0\.0$", text, re.MULTILINE)
    assert FORWARDER not in text and "forward" not in text.replace("forwarding.s", "")  # the name of an endpoint
    assert signed_in.get("/metrics", environ_base=OUTSIDE).status_code == 404


@pytest.mark.servers
def test_figures_are_not_shown_through_a_balancer(node_settings: Settings) -> None:
    from config.default import LOOPBACK_NETWORKS

    for listed in ((), LOOPBACK_NETWORKS):  # also where the operator forgot to list the balancer
        browser = new_app(dataclasses.replace(node_settings, proxies=listed)).test_client()
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            assert browser.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404
        assert browser.get("/metrics").status_code == 200


@pytest.mark.servers
def test_pages_tell_the_signed_in_where_the_time_went(signed_in: Pages, app: Flask) -> None:
    timing = signed_in.get("/settings/sessions").headers["Server-Timing"]
    assert re.fullmatch(r"imap;dur=[\d.]+, sql;dur=[\d.]+, redis;dur=[\d.]+, app;dur=[\d.]+", timing)
    refused = app.test_client().sign_in(FORWARDER, "wrong")  # type: ignore[attr-defined]
    assert "Server-Timing" not in refused.headers
