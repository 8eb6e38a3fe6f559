"""What worker and keeper say to each other."""

from __future__ import annotations

import array
import gc
import json
import os
import socket
from dataclasses import replace

import pytest

from app.directory.account import Endpoint, Server
from app.keeper.protocol import Control, Login, Wanted, decode, encode, error_from, error_message
from app.mail import errors
from app.mail.login import MasterUser

LOGIN = Login(Server("3", Endpoint("imap.example", 993, "tls")), "id:1", "alice", "secret")
KEY = b"k" * 32


def wanted(login: Login = LOGIN, key: bytes = KEY) -> Wanted:
    return Wanted.parse(decode(encode(login.message("lease", key))))


def test_the_first_line_never_holds_a_password() -> None:
    master = replace(LOGIN, master=MasterUser("m", "master-secret"))
    for login in (LOGIN, master):
        assert b"secret" not in encode(login.message("lease", KEY))
        assert "secret" not in repr(login)


def test_every_part_of_the_key_tells_connections_apart() -> None:
    place = LOGIN.server.imap
    others = [
        replace(LOGIN, password="Secret"),
        replace(LOGIN, login="bob"),
        replace(LOGIN, master=MasterUser("m", "secret")),
        replace(LOGIN, server=Server("4", place)),
        *(
            replace(LOGIN, server=Server("3", replace(place, **change)))  # type: ignore[arg-type]
            for change in (
                {"host": "other"},
                {"port": 1},
                {"security": "plain"},
                {"ca": "x"},
                {"pin": "00"},
                {"name": "n"},
            )
        ),
    ]
    keys = {wanted(login).key for login in [LOGIN, *others]}
    assert len(keys) == len(others) + 1
    assert wanted(key=b"another").key != wanted().key
    assert wanted(replace(LOGIN, epoch="7", network="::1")).key == wanted().key


def test_a_master_users_digest_is_not_a_users() -> None:
    user = replace(LOGIN, password="m\0pw")
    master = replace(LOGIN, password="", master=MasterUser("m", "pw"))
    assert user.digest(KEY) != master.digest(KEY)


def test_a_sign_in_shows_the_users_own_password() -> None:
    login = replace(LOGIN, master=MasterUser("m", "mp"))
    assert login.secret(sign_in=True) == {"password": "secret", "master": None}
    assert login.secret() == {"password": "", "master": {"login": "m", "password": "mp", "separator": "*"}}


@pytest.mark.parametrize("kind", [errors.ServerAway, errors.Untrusted, errors.SignInRefused, errors.TooManyConnections])
def test_errors_come_over_as_they_were(kind: type[errors.MailError]) -> None:
    error = kind("text", code="CODE")
    if isinstance(error, errors.ServerAway):
        error.retry_after = 42.0
    back = error_from(decode(encode(error_message(error))))
    assert (type(back), back.text, back.code) == (kind, "text", "CODE")
    if isinstance(back, errors.ServerAway):
        assert back.retry_after == 42.0


@pytest.mark.parametrize("name", ["Exception", "annotations", "", "nonsense", None, 3])
def test_only_errors_of_the_tree_are_made_from_a_message(name: object) -> None:
    assert type(error_from({"error": name})) is errors.MailError


@pytest.mark.parametrize(
    "change", [{"login": 3}, {"endpoint": {}}, {"endpoint": {"host": "x", "evil": 1}}, {"digest": None}]
)
def test_what_is_no_request_is_refused(change: dict[str, object]) -> None:
    message = json.loads(encode(LOGIN.message("lease", KEY))) | change
    with pytest.raises((KeyError, TypeError, ValueError)):
        Wanted.parse(message)


def control_pair() -> tuple[Control, socket.socket]:
    ours, keeper = socket.socketpair()
    control = Control.__new__(Control)
    control.sock, control._buffer = ours, b""
    return control, keeper


def test_a_descriptor_comes_with_the_first_byte_and_is_not_inherited() -> None:
    control, keeper = control_pair()
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reading]))]
    keeper.sendmsg([b'{"granted"'], rights)
    keeper.sendall(b': true}\n{"next": 1}\n')
    message, descriptor = control.receive(1)
    assert message == {"granted": True}
    assert descriptor is not None and not os.get_inheritable(descriptor)
    assert control.receive(1) == ({"next": 1}, None)
    for number in (reading, writing, descriptor):
        os.close(number)
    control.close()
    keeper.close()


def test_a_descriptor_that_is_read_together_with_earlier_lines_stays_with_its_own() -> None:
    """As a worker reads that had no processor for a while: `wait` and what was granted in one piece."""
    control, keeper = control_pair()
    reading, writing = os.pipe()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reading]))]
    for _ in range(2):
        keeper.sendall(b'{"wait": true}\n')
    keeper.sendmsg([b'{"granted": true}\n'], rights)
    assert [control.receive(1) for _ in range(2)] == [({"wait": True}, None)] * 2
    message, descriptor = control.receive(1)
    assert message == {"granted": True} and descriptor is not None
    os.close(descriptor)
    keeper.sendall(b'{"wait": true}\n')
    keeper.sendmsg([b'{"granted": true}\n'], rights)
    assert control.receive(1) == ({"wait": True}, None)
    control.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1, "what nobody asked for any more is closed"
    for number in (reading, writing):
        os.close(number)
    keeper.close()


@pytest.mark.parametrize("data", [b"[1]\n", b"nonsense\n", b""])
def test_nonsense_and_the_end_raise_and_leave_no_descriptor(data: bytes) -> None:
    control, keeper = control_pair()
    reading, writing = os.pipe()
    gc.collect()  # what earlier tests left must not be closed in between
    before = len(os.listdir("/proc/self/fd"))
    if data:
        keeper.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reading]))])
    keeper.shutdown(socket.SHUT_WR)
    with pytest.raises((ValueError, OSError)):
        control.receive(1)
    assert len(os.listdir("/proc/self/fd")) == before
    for number in (reading, writing):
        os.close(number)
    control.close()
    keeper.close()
