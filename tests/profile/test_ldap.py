"""Suggestions from a real LDAP server: in time or not at all, checked by TLS, and what is typed is never syntax."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.demo.certificate import Authority
from app.demo.process import free_port
from app.profile import ldap
from app.profile.ldap import Ldap, Source, opened, written
from app.profile.suggest import Suggestion
from tests.profile.slapd import BASE, PASSWORD, READER, Slapd

FILTER = "(&(mail=*)(|(cn={typed}*)(sn={typed}*)(mail={typed}*)))"
PEOPLE = {
    "Ann Öz": "ann@one.example",
    "Anton (Toni) B*": "anton@one.example",
    "Zoë Müller": "zoe@two.example",
    "Odd\u2028 Name": "odd@one.example",
    **{f"Many P{number}": f"many{number}@one.example" for number in range(30)},
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    """A directory that only its reader may read; started from a thread that lives as long."""
    folder = tmp_path_factory.mktemp("slapd") / "one"
    server = Slapd(folder, PEOPLE, certificate=authority.issue("localhost"), anonymous=False).start()
    yield server
    server.remove()


@pytest.fixture
def source(slapd: Slapd, authority: Authority) -> Source:
    return Source(
        "localhost", slapd.tls_port, "tls", BASE, FILTER, READER, PASSWORD, ca_file=str(authority.file)
    )


class Told(list[Exception]):
    """What the worker's log would hear."""


def answered(directory: Ldap) -> None:
    """Returns once no question is under way."""
    end = time.monotonic() + 10
    while directory._places._value < ldap._AT_ONCE:
        assert time.monotonic() < end
        time.sleep(0.01)


def asked(source: Source, typed: str, domain: str = "one.example") -> list[str]:
    """Addresses, waited for as long as it takes: how soon they come is another test's."""
    told = Told()
    directory = Ldap(source, told.append)
    found = directory.suggestions(typed, domain)
    answered(directory)
    found = found or directory.suggestions(typed, domain)
    directory.close()
    if told:
        raise told[0]
    return sorted(each.address for each in found)


pytestmark = pytest.mark.servers


@pytest.mark.parametrize("security", ["tls", "starttls", "plain"])
def test_people_are_found_by_the_beginning_of_name_or_address(source: Source, slapd: Slapd, security: str) -> None:
    port = slapd.tls_port if security == "tls" else slapd.port
    there = replace(source, security=security, port=port)  # type: ignore[arg-type]
    assert asked(there, "an") == ["ann@one.example", "anton@one.example"]
    assert asked(there, "ZOË") == ["zoe@two.example"] and asked(there, "nobody") == []
    assert len(asked(there, "many")) == 8


def test_a_person_is_a_suggestion_and_no_name_breaks_a_line(source: Source) -> None:
    directory = Ldap(source, lambda error: None)
    directory.suggestions("od", "")
    answered(directory)
    assert directory.suggestions("od", "") == (Suggestion("Odd Name", "odd@one.example", "directory"),)
    directory.close()


@pytest.mark.parametrize(
    "typed",
    ["**", "a*b", "an*", "x)(mail=*", "x)(|(mail=*", "*)(objectClass=*", "\\2a", "\x00\x00", "an\r\n", "((((", "*"],
)
def test_nothing_typed_is_syntax(source: Source, typed: str) -> None:
    assert asked(source, typed) == (["ann@one.example", "anton@one.example"] if typed.strip() == "an" else [])


def test_what_looks_like_syntax_is_found_where_somebody_is_called_so(source: Source) -> None:
    assert asked(source, "Anton (Toni) B*") == ["anton@one.example"]


def test_what_is_remembered_is_the_answer_to_this_question_alone(source: Source) -> None:
    directory = Ldap(replace(source, filter="(&(mail=*@{domain})(cn={typed}*))"), lambda error: None)

    def answer(typed: str, domain: str) -> list[str]:
        directory.suggestions(typed, domain)
        answered(directory)
        return [each.address for each in directory.suggestions(typed, domain)]

    assert answer("zoë", "one.example") == [] and answer("zoë", "two.example") == ["zoe@two.example"]
    assert answer("ZOË ", "two.example") == ["zoe@two.example"] and answer("zoe", "two.example") == []
    assert len(directory._kept) == 3
    directory.close()


def test_a_filter_is_filled_in_once(source: Source) -> None:
    there = replace(source, filter="(&(mail=*@{domain})(cn={typed}*))")
    assert written(there, "{domain}*", "a)b") == "(&(mail=*@a\\29b)(cn={domain}\\2a*))"
    assert asked(there, "zo", "one.example") == [] and asked(there, "zo", "two.example") == ["zoe@two.example"]


def test_whoever_is_not_the_host_that_was_asked_for_learns_no_password(source: Source, slapd: Slapd) -> None:
    for wrong in (
        replace(source, host="127.0.0.1"),  # no name of the certificate
        replace(source, ca_file=None),
        replace(source, ca_file=None, security="starttls", port=slapd.port),  # type: ignore[arg-type]
    ):
        with pytest.raises(Exception, match="(?i)certificate|tls"):
            opened(wrong)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"password": "wrong"}, "refuses the sign-in"),
        ({"bind_dn": "no dn"}, "refuses the sign-in"),
        ({"bind_dn": ""}, "insufficientAccessRights"),
        ({"filter": "(cn={typed}"}, "."),
    ],
)
def test_what_the_directory_refuses_is_told(source: Source, wrong: dict[str, str], why: str) -> None:
    with pytest.raises(Exception, match=why):
        asked(replace(source, **wrong), "an")  # type: ignore[arg-type]


def waited(directory: Ldap, typed: str) -> float:
    began = time.monotonic()
    assert directory.suggestions(typed, "") == ()
    return time.monotonic() - began


def least(directory: Ldap, typed: str) -> float:
    """Of three that ask: a busy machine may hold one up, and not all."""
    times = []
    for _ in range(3):
        directory._late = 0  # else whoever comes after three that waited would not wait
        times.append(waited(directory, typed))
    return min(times)


@pytest.fixture
def silent() -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that takes connections and says nothing; and who came."""
    came: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        while True:
            try:
                came.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield listener.getsockname()[1], came
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for each in came:
        each.close()


def test_a_silent_directory_costs_nobody_more_than_a_moment(source: Source, silent: tuple[int, list[socket.socket]]):
    port, came = silent
    told = Told()
    directory = Ldap(replace(source, security="plain", port=port), told.append)
    opened_once = Ldap(replace(source, security="plain", port=free_port()), Told().append)  # ldap3 is loaded
    waited(opened_once, "an")
    opened_once.close()
    assert waited(directory, "an") < 1.5 and waited(directory, "ann") < 1.5  # 0.3 each; until it is given up 2
    assert least(directory, "anna") < 0.25  # two questions are under way
    assert len(came) <= 2
    answered(directory)
    assert told and least(directory, "anna") < 0.25 and len(came) <= 2
    directory.close()


def test_a_directory_that_is_away_is_asked_again_after_a_pause(source: Source, tmp_path: Path) -> None:
    now, told = [0.0], Told()
    server = Slapd(tmp_path / "two", {"Ann": "ann@one.example"})
    there = Source("127.0.0.1", server.port, "plain", BASE, FILTER)
    directory = Ldap(there, told.append, lambda: now[0])

    def answer(typed: str) -> list[str]:
        directory.suggestions(typed, "")
        answered(directory)
        return [each.address for each in directory.suggestions(typed, "")]

    assert answer("an") == [] and len(told) == 1
    server.start()
    assert answer("an") == [] and len(told) == 1  # in the pause nobody asks
    now[0] = 5.1
    assert answer("an") == ["ann@one.example"]
    server.stop()
    assert answer("an") == ["ann@one.example"]  # remembered
    server.start()  # the kept connection is closed meanwhile: a fresh one is opened
    assert answer("ann") == ["ann@one.example"] and len(told) == 1
    now[0] = 70
    server.remove()
    assert answer("an") == [] and len(told) == 2
    directory.close()


def test_who_has_no_directory_never_loads_ldap3() -> None:
    code = "import sys, app.web, app.profile.ldap\nprint('ldap3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
