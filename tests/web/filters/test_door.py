"""The door to ManageSieve: over TLS with the directory's own authority, and closed to who cannot be checked."""

import dataclasses
import socket
from pathlib import Path

import pytest

from app.demo.certificate import Authority
from tests.web.filters.conftest import Owner
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


def test_tls_is_checked_before_a_password_leaves(owner: Owner, authority: Authority, tmp_path: Path):
    owner.moved(sieve_security="starttls", tls_ca=authority.file.read_text())
    assert owner.browser.get("/filters").status_code == 200
    owner.moved(tls_ca=Authority(tmp_path).file.read_text())
    answer = owner.browser.get("/filters")
    assert answer.status_code == 502 and "could not be checked" in answer.get_data(as_text=True)


def test_a_server_that_does_not_greet_is_asked_by_one_at_a_time(owner: Owner):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0)
        owner.moved(sieve_port=silent.getsockname()[1])
        met = []
        for _ in range(2):
            held = owner.app.extensions["postern"]
            settings, held.settings = held.settings, dataclasses.replace(held.settings, first_byte_seconds=0.1)
            met.append(owner.browser.get("/filters").status_code)
            held.settings = settings
        assert met == [503, 503]
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_who_only_forwards_has_no_filters(signed_in: Pages):
    answer = signed_in.get("/filters")
    assert answer.status_code == 200 and 'data-testid="filters-none"' in answer.get_data(as_text=True)
