"""poppassd, spoken to a server of the tests' own that knows one password and says what it wants."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from app.demo.certificate import Authority, Certificate
from app.demo.process import free_port
from app.password.backend import Change
from app.password.errors import BackendAway, OldRefused, Rejected, Unsettled
from app.password.poppassd import Poppassd

ANN = Change("ann@one.example", "ann", "new pass’word", "old")
pytestmark = pytest.mark.servers


@dataclass
class Peer:
    """`dies` at a command: it hangs up in place of an answer; `answers` in place of its own."""

    port: int
    passwords: dict[str, str]
    answers: dict[str, str] = field(default_factory=dict)
    dies: str = ""
    heard: list[str] = field(default_factory=list)

    def serve(self, line: socket.socket) -> None:
        user = ""
        with line, line.makefile("rwb") as stream:
            self._say(stream, "200 poppassd hello")
            for raw in stream:
                command, _, rest = raw.decode().rstrip("\r\n").partition(" ")
                self.heard.append(f"{command} {rest}".strip())
                if command == self.dies:
                    return
                user = rest if command == "user" else user
                self._say(stream, self.answers.get(command) or self._answer(command, rest, user))

    def _answer(self, command: str, rest: str, user: str) -> str:
        if command == "pass" and self.passwords.get(user) != rest:
            return "500 Old password is incorrect."
        if command == "newpass":
            self.passwords[user] = rest
        return "300 go on" if command == "user" else "200 done"

    def _say(self, stream, text: str) -> None:  # type: ignore[no-untyped-def]
        with suppress(OSError):
            stream.write(f"{text}\r\n".encode())
            stream.flush()


@contextmanager
def listening(certificate: Certificate | None = None, **more: object) -> Iterator[Peer]:
    listener = socket.create_server(("127.0.0.1", 0))
    peer = Peer(listener.getsockname()[1], {"ann": "old"}, **more)  # type: ignore[arg-type]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate:
        context.load_cert_chain(certificate.chain, certificate.key)

    def take() -> None:
        with suppress(OSError):
            while True:
                line = listener.accept()[0]
                with suppress(OSError):
                    peer.serve(context.wrap_socket(line, server_side=True) if certificate else line)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    with closing(listener):
        yield peer
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_the_password_is_changed() -> None:
    with listening() as peer:
        Poppassd("127.0.0.1", peer.port).change(ANN)
        assert peer.passwords == {"ann": "new pass’word"}
        assert peer.heard == ["user ann", "pass old", "newpass new pass’word", "quit"]


def test_a_former_password_that_it_does_not_know_changes_nothing() -> None:
    with listening() as peer:
        with pytest.raises(OldRefused):
            Poppassd("127.0.0.1", peer.port).change(Change("ann@one.example", "ann", "new", "wrong"))
        assert peer.passwords == {"ann": "old"}


def test_what_it_says_of_a_new_one_is_told() -> None:
    with listening(answers={"newpass": "500 Too short."}) as peer, pytest.raises(Rejected) as found:
        Poppassd("127.0.0.1", peer.port).change(ANN)
    assert found.value.words == "Too short."


@pytest.mark.parametrize("at", ["user", "pass"])
def test_a_line_that_ends_before_the_new_one_left_has_changed_nothing(at: str) -> None:
    with listening(dies=at) as peer, pytest.raises(BackendAway):
        Poppassd("127.0.0.1", peer.port).change(ANN)


def test_a_line_that_ends_after_it_leaves_it_open() -> None:
    with listening(dies="newpass") as peer, pytest.raises(Unsettled):
        Poppassd("127.0.0.1", peer.port).change(ANN)
    with listening(answers={"newpass": "what?"}) as peer, pytest.raises(Unsettled):
        Poppassd("127.0.0.1", peer.port).change(ANN)


def test_nothing_of_a_password_is_a_command() -> None:
    with listening() as peer:
        for new in ("x\r\nquit", "x\ny", " x", "x "):
            with pytest.raises(Rejected):
                Poppassd("127.0.0.1", peer.port).change(Change("ann@one.example", "ann", new, "old"))
        with pytest.raises(BackendAway):
            Poppassd("127.0.0.1", peer.port).change(Change("ann@one.example", "ann\r\nquit", "new", "old"))
        with pytest.raises(BackendAway):  # it wants the former one
            Poppassd("127.0.0.1", peer.port).change(Change("ann@one.example", "ann", "new"))
        assert peer.heard == []


def test_one_that_is_away_has_changed_nothing() -> None:
    with pytest.raises(BackendAway):
        Poppassd("127.0.0.1", free_port()).change(ANN)


def test_inside_tls_it_is_the_host_that_was_asked_for(authority: Authority, certificate: Certificate) -> None:
    with listening(certificate) as peer:
        with pytest.raises(BackendAway):
            Poppassd("127.0.0.1", peer.port, context=ssl.create_default_context()).change(ANN)
        trusted = ssl.create_default_context(cafile=str(authority.file))
        Poppassd("127.0.0.1", peer.port, context=trusted).change(ANN)
        assert peer.passwords == {"ann": "new pass’word"}


def test_a_look_hears_its_greeting_and_leaves(certificate: Certificate, authority: Authority) -> None:
    with listening() as peer:
        assert Poppassd("127.0.0.1", peer.port).look() == f"poppassd at 127.0.0.1:{peer.port}"
        assert peer.heard == ["quit"]
    with listening(certificate) as peer:
        trusted = ssl.create_default_context(cafile=str(authority.file))
        assert Poppassd("127.0.0.1", peer.port, context=trusted).look()
        with pytest.raises(BackendAway, match="certificate"):
            Poppassd("127.0.0.1", peer.port, context=ssl.create_default_context()).look()
    with pytest.raises(BackendAway, match="refused"):
        Poppassd("127.0.0.1", free_port()).look()
