"""doveadm's HTTP API of a real Dovecot, whose passdb reads the dict that it writes."""

import http.server
import imaplib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from app.demo.certificate import Authority, Certificate
from app.demo.dovecot import Dovecot
from app.demo.process import free_port
from app.directory.password import hash_password
from app.password.backend import Change
from app.password.doveadm import Dict, Doveadm
from app.password.errors import BackendAway, Unsettled
from tests.password.dovecot import KEY, dict_options, put

pytestmark = pytest.mark.servers
HASHED = partial(hash_password, scheme="sha512-crypt")


@pytest.fixture(scope="module")
def dovecot(servers_folder: Path, certificate: Certificate) -> Iterator[Dovecot]:
    folder = servers_folder / "doveadm"
    server = Dovecot(folder, tls=certificate, options=dict_options(folder, free_port(), tls=True))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def doveadm(dovecot: Dovecot, authority: Authority) -> Doveadm:
    port = int(dovecot.options.partition("port = ")[2].split()[0])
    context = ssl.create_default_context(cafile=str(authority.file))
    return Doveadm("127.0.0.1", port, KEY, Dict(f"fs:posix:prefix={dovecot.folder}/dict/"), HASHED, context)


def signs_in(dovecot: Dovecot, login: str, password: str) -> bool:
    with imaplib.IMAP4("127.0.0.1", dovecot.imap_port) as client:
        try:
            return client.login(login, password)[0] == "OK"
        except imaplib.IMAP4.error:
            return False


def test_dovecot_takes_the_new_password_and_no_longer_the_former_one(dovecot: Dovecot, doveadm: Doveadm) -> None:
    put(dovecot.folder, "ann", "former one")
    assert signs_in(dovecot, "ann", "former one")
    doveadm.change(Change("ann@one.example", "ann", "new one"))
    assert signs_in(dovecot, "ann", "new one") and not signs_in(dovecot, "ann", "former one")


@pytest.mark.parametrize("login", ["../ann", "ann/x", "..", ".", "a\\b", "a\nb"])
def test_a_name_leads_to_no_other_key(dovecot: Dovecot, doveadm: Doveadm, login: str) -> None:
    put(dovecot.folder, "ann", "former one")
    with pytest.raises(BackendAway):
        doveadm.change(Change("ann@one.example", login, "taken over"))
    assert not signs_in(dovecot, "ann", "taken over")


def test_who_is_not_let_in_has_changed_nothing(doveadm: Doveadm) -> None:
    ann = Change("ann@one.example", "ann", "taken over")
    for wrong in (
        replace(doveadm, api_key="wrong"),
        replace(doveadm, kept_in=Dict("nonsense:")),
        replace(doveadm, context=ssl.create_default_context()),
        replace(doveadm, port=free_port()),
    ):
        with pytest.raises(BackendAway):
            wrong.change(ann)


ERROR = b'[["error",{"type":"exitCode","exitCode":75},"postern"]]'


@pytest.mark.parametrize("answer", [b"", b"[]", b"[[" * 20000, ERROR])
def test_only_an_answer_that_says_so_is_a_change(answer: bytes) -> None:
    class Odd(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if answer:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_told: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Odd) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        odd = Doveadm("127.0.0.1", server.server_port, "key", Dict("x:"), HASHED)
        with pytest.raises(BackendAway if answer else Unsettled):
            odd.change(Change("ann@one.example", "ann", "new"))
        server.shutdown()


def test_a_look_asks_for_the_commands_that_the_key_opens(doveadm: Doveadm) -> None:
    assert doveadm.look() == f"doveadm at 127.0.0.1:{doveadm.port}"
    for wrong, said in (
        (replace(doveadm, api_key="wrong"), "refuses the key"),
        (replace(doveadm, context=ssl.create_default_context()), "certificate"),
        (replace(doveadm, port=free_port()), "refused"),
    ):
        with pytest.raises(BackendAway, match=said):
            wrong.look()
