"""ManageSieve against a real Pigeonhole, and against servers that say what they should not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from app.demo.certificate import Authority
from app.directory.account import Endpoint
from app.mail.errors import Untrusted
from app.mail.tls import secured
from app.sieve import managesieve
from app.sieve.failures import Away, BadName, BadScript, CannotDo, Late, NoScript, OverQuota, SignInFailed, TooLarge
from app.sieve.managesieve import Login, ManageSieve, opened
from tests.conftest import MailAccount

RULE = b'require ["fileinto"];\r\n# rule:[A]\r\nif header :contains "subject" "x"\r\n{\r\n\tfileinto "Junk";\r\n}\r\n'


@contextmanager
def signed_in(account: MailAccount, *, password: str = "") -> Iterator[ManageSieve]:
    sock = socket.create_connection(("127.0.0.1", account.server.sieve_port), 2)
    with closing(opened(sock, Login(account.login, password or account.password))) as client:
        yield client


@pytest.mark.servers
class TestPigeonhole:
    def test_a_script_survives_to_the_byte(self, mail_account: MailAccount):
        odd = b"# caf\xe9, not UTF-8\n" + RULE + b"# no line end \x80\t"
        with signed_in(mail_account) as client:
            for text in (b"", RULE, RULE.replace(b"\r\n", b"\n"), odd, b"# OK\r\n# {3}\r\nkeep;\n"):
                client.store("mine", text)
                assert client.script("mine") == text

    def test_lists_names_and_the_active_one(self, mail_account: MailAccount):
        with signed_in(mail_account) as client:
            assert client.scripts() == managesieve.Scripts((), None)
            for name in ("mine", "Käse und Brot", 'with "quotes" \\ and more', "ACTIVE"):
                client.store(name, RULE)
            client.activate("Käse und Brot")
            found = client.scripts()
            assert sorted(found.names) == sorted(["mine", "Käse und Brot", 'with "quotes" \\ and more', "ACTIVE"])
            assert found.active == "Käse und Brot"
            client.remove("ACTIVE")
            assert "ACTIVE" not in client.scripts().names

    def test_a_broken_script_is_refused_with_its_lines(self, mail_account: MailAccount):
        with signed_in(mail_account) as client:
            with pytest.raises(BadScript) as refused:
                client.check(b"keep;\r\n\r\nnonsense;\r\n")
            assert [each.line for each in refused.value.faults][0] == 3
            assert "nonsense" in refused.value.faults[0].text
            with pytest.raises(BadScript):
                client.store("mine", b"if {")
            assert client.scripts().names == ()
            client.check(RULE)

    def test_tells_what_scripts_may_require(self, mail_account: MailAccount):
        with signed_in(mail_account) as client:
            assert {"fileinto", "vacation", "copy"} <= client.extensions

    def test_what_is_not_there_and_what_is_no_name(self, mail_account: MailAccount):
        with signed_in(mail_account) as client:
            with pytest.raises(NoScript):
                client.script("nothing")
            for name in (
                "",
                "a\r\nDELETESCRIPT b",
                "../../other/sieve",
                ".hidden",
                "a/b",
                "x" * 129,
                "\ud800",
                "a\x00b",
            ):
                with pytest.raises(BadName):
                    client.script(name)
            with pytest.raises(TooLarge):
                client.store("mine", b"#" * 1_048_577)

    def test_a_wrong_password_and_a_login_that_says_more_are_refused(self, mail_account: MailAccount):
        with pytest.raises(SignInFailed), signed_in(mail_account, password="wrong"):
            pass
        with pytest.raises(SignInFailed), signed_in(mail_account, password="a\0b"):
            pass

    def test_a_master_user_opens_the_scripts_of_others(self, mail_account: MailAccount):
        with signed_in(mail_account) as client:
            client.store("mine", RULE)
        sock = socket.create_connection(("127.0.0.1", mail_account.server.sieve_port), 2)
        with closing(opened(sock, Login("master", "master-password", behalf=mail_account.login))) as client:
            assert client.script("mine") == RULE

    def test_tls_begins_where_it_is_asked_for(self, mail_account: MailAccount, authority: Authority):
        endpoint = Endpoint("127.0.0.1", mail_account.server.sieve_port, "starttls", ca=authority.file.read_text())
        login = Login(mail_account.login, mail_account.password)

        def starttls(sock: socket.socket) -> socket.socket:
            return secured(sock, endpoint, seconds=2)

        with closing(
            opened(socket.create_connection((endpoint.host, endpoint.port)), login, starttls=starttls)
        ) as client:
            client.check(RULE)
        sock = socket.create_connection((endpoint.host, endpoint.port))
        other = Endpoint(endpoint.host, endpoint.port, "starttls", pin="00" * 32)
        with pytest.raises(Untrusted):
            opened(sock, login, starttls=lambda sock: secured(sock, other, seconds=2))


GREETING = b'"IMPLEMENTATION" "x"\r\n"SASL" "PLAIN"\r\n"SIEVE" "fileinto"\r\n"VERSION" "1.0"\r\nOK\r\n'


@contextmanager
def server_that(says: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """A peer at the other end of a socket."""
    ours, theirs = socket.socketpair()

    def run() -> None:
        with theirs, suppress(OSError):
            says(theirs)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join()


def told(*answers: bytes) -> Callable[[socket.socket], None]:
    def says(peer: socket.socket) -> None:
        peer.sendall(GREETING)
        for answer in (b"OK\r\n", *answers):
            peer.recv(65536)
            peer.sendall(answer)
        peer.recv(65536)

    return says


LOGIN = Login("a", "b")


def test_quota_is_an_error_of_its_own():
    with server_that(told(b'NO (QUOTA/MAXSIZE) "too large"\r\n')) as sock, pytest.raises(OverQuota):
        opened(sock, LOGIN).store("mine", b"keep;")


def test_a_short_script_may_come_quoted():
    with server_that(told(b'"keep; # \\"x\\""\r\nOK\r\n')) as sock:
        assert opened(sock, LOGIN).script("mine") == b'keep; # "x"'


def test_a_warning_does_not_put_answers_out_of_step():
    warned = b"OK (WARNINGS) {14}\r\nline 1: OK no\r\n\r\n"
    with server_that(told(warned, b'"keep;"\r\nOK\r\n')) as sock:
        client = opened(sock, LOGIN)
        client.check(b"keep;")
        assert client.script("mine") == b"keep;"


def test_names_may_come_as_literals():
    with server_that(told(b'{5}\r\na"b\\c ACTIVE\r\n"other"\r\nOK\r\n')) as sock:
        assert opened(sock, LOGIN).scripts() == managesieve.Scripts(('a"b\\c', "other"), 'a"b\\c')


def test_an_old_server_is_asked_by_storing():
    asked = []

    def says(peer: socket.socket) -> None:
        peer.sendall(GREETING.replace(b'"VERSION" "1.0"\r\n', b""))
        for _ in range(3):
            asked.append(peer.recv(65536).split()[0])
            peer.sendall(b"OK\r\n")

    with server_that(says) as sock:
        opened(sock, LOGIN).check(b"keep;")
    assert asked == [b"AUTHENTICATE", b"PUTSCRIPT", b"DELETESCRIPT"]


@pytest.mark.parametrize(
    "answer",
    [b"BYE\r\n", b"{99999999999}\r\n", b"NO (\r\n", b"garbage\r\nOK\r\n", b"", b"{3}\r\n\xff\xfe\xfdOK \xff\r\n"],
)
def test_what_is_no_answer_is_away(answer: bytes):
    with server_that(told(answer)) as sock, pytest.raises(Away):
        opened(sock, LOGIN, seconds=0.3, silence=0.3).script("mine")


def test_time_that_runs_out_is_the_server_s_but_over_a_script_that_somebody_wrote():
    for ask, late in ((lambda client: client.scripts(), True), (lambda client: client.check(b"keep;"), False)):
        with server_that(told(b"")) as sock:
            client = opened(sock, LOGIN)
            client._line._silence = 0.1  # from here on: to sign in may take longer on a busy machine
            with pytest.raises(Away) as raised:
                ask(client)
            assert isinstance(raised.value, Late) is late


def test_an_answer_without_end_is_given_up():
    def says(peer: socket.socket) -> None:
        peer.sendall(GREETING)
        peer.recv(65536)
        peer.sendall(b"OK\r\n")
        while True:
            peer.sendall(b"x" * 65536 + b"\r\n")

    with server_that(says) as sock, pytest.raises(Away, match="bounds"):
        opened(sock, LOGIN).script("mine")


def test_a_list_of_thousands_of_scripts_takes_no_thread_for_seconds():
    listed = b"".join(b'"%0100d"\r\n' % number for number in range(20_000))
    began = time.thread_time()
    with server_that(told(listed + b"OK\r\n")) as sock, pytest.raises(Away, match="bounds"):
        opened(sock, LOGIN).scripts()
    assert time.thread_time() - began < 1


def test_a_server_that_drips_does_not_hold_a_thread():
    def says(peer: socket.socket) -> None:
        for byte in GREETING:
            peer.sendall(bytes([byte]))
            threading.Event().wait(0.02)

    with server_that(says) as sock, pytest.raises(Away):
        opened(sock, LOGIN, seconds=0.2)


def test_no_password_goes_to_a_server_that_has_no_tls_or_no_plain():
    def says(peer: socket.socket) -> None:
        peer.sendall(GREETING.replace(b"PLAIN", b"SCRAM-SHA-1"))
        assert peer.recv(65536) == b""

    with server_that(says) as sock, pytest.raises(CannotDo):
        opened(sock, LOGIN)
    with server_that(says) as sock, pytest.raises(CannotDo):
        opened(sock, LOGIN, starttls=lambda plain: plain)


def test_what_is_slipped_in_before_tls_is_refused():
    def says(peer: socket.socket) -> None:
        peer.sendall(b'"SASL" "PLAIN"\r\n"STARTTLS"\r\nOK\r\n')
        peer.recv(65536)
        peer.sendall(b'OK\r\n"SASL" "PLAIN"\r\nOK\r\n')

    with server_that(says) as sock, pytest.raises(Away, match="plain text"):
        opened(sock, LOGIN, starttls=lambda plain: plain)
