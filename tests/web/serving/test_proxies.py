"""Whose word about the browser's address is believed."""

import ipaddress
from typing import Any

import pytest

from app.web.serving.proxies import Proxies

BALANCERS = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def seen(peer: str, networks: Any = BALANCERS, **headers: str) -> dict[str, Any]:
    """The environment that the application gets."""
    got: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        got.update(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "a.example"}
    Proxies(application, networks)(
        environ | {f"HTTP_X_FORWARDED_{name}": value for name, value in headers.items()}, None
    )
    return got


def test_a_listed_balancer_is_believed() -> None:
    got = seen("10.0.0.1", FOR="192.0.2.7", PROTO="https", HOST="mail.example")
    assert (got["REMOTE_ADDR"], got["wsgi.url_scheme"], got["HTTP_HOST"]) == ("192.0.2.7", "https", "mail.example")


@pytest.mark.parametrize("peer", ["192.0.2.1", "127.0.0.1", "", "unix:", "11.0.0.1"])
def test_anybody_else_is_not(peer: str) -> None:
    got = seen(peer, FOR="203.0.113.9", PROTO="https", HOST="evil.example")
    assert (got["REMOTE_ADDR"], got["wsgi.url_scheme"], got["HTTP_HOST"]) == (peer, "http", "a.example")
    assert not [name for name in got if "FORWARDED" in name]


def test_without_a_list_nobody_is_believed() -> None:
    assert seen("10.0.0.1", (), FOR="192.0.2.7")["REMOTE_ADDR"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("1.1.1.1, 192.0.2.7", "192.0.2.7"),  # what stands before the last was written by the browser
        ("1.1.1.1, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("192.0.2.7:1234", "192.0.2.7"),
        ("[2001:db8::1]:99", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("192.0.2.7, nonsense", "10.0.0.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
    ],
)
def test_the_last_foreign_address_of_the_chain_is_the_browser(chain: str, client: str) -> None:
    assert seen("10.0.0.1", FOR=chain)["REMOTE_ADDR"] == client


def test_a_forgotten_balancer_is_named_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    wrapped = Proxies(lambda environ, start: [], ())
    for peer in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        wrapped({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "192.0.2.7"}, None)
    wrapped({"REMOTE_ADDR": "10.0.0.3"}, None)
    warned = [record.network for record in caplog.records if "POSTERN_PROXIES" in record.message]  # type: ignore[attr-defined]
    assert warned == ["10.0.0.1", "10.0.0.2"]


def test_on_a_unix_socket_the_balancer_is_believed() -> None:
    got: dict[str, Any] = {}
    environ = {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "192.0.2.7", "HTTP_X_FORWARDED_PROTO": "https"}
    Proxies(lambda environ, start: got.update(environ) or [], (), local=True)(environ, None)
    assert (got["REMOTE_ADDR"], got["wsgi.url_scheme"]) == ("192.0.2.7", "https")


def test_a_scheme_that_is_none_changes_nothing() -> None:
    assert seen("10.0.0.1", PROTO="javascript")["wsgi.url_scheme"] == "http"
    assert seen("10.0.0.1", PROTO="http, https")["wsgi.url_scheme"] == "https"
