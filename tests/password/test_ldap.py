"""LDAP's Password Modify (RFC 3062) on a real slapd: by the account itself, and anew by who may."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.demo.certificate import Authority
from app.demo.process import free_port
from app.password.backend import Change
from app.password.errors import BackendAway, OldRefused, Rejected, Unsettled
from app.password.ldap import ANYBODY, Ldap, Search, entry_of, filter_of
from app.profile.ldap import Source, close, opened
from tests.profile.slapd import BASE, PASSWORD, READER, Slapd

pytestmark = pytest.mark.servers
DN = f"mail={{address}},{BASE}"
FOUND = Search("(&(objectClass=inetOrgPerson)(mail={address}))", "dc=one,dc=example", (READER, PASSWORD))
PEOPLE = {"Ann": "ann@one.example", "Odd, One": "o+d,d=x@one.example", "Brackets *": "b*)(r\\x@one.example"}
ACCESS = """\
access to attrs=userPassword by self write by anonymous auth by * none
access to * by anonymous auth by * read"""


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    folder = tmp_path_factory.mktemp("slapd") / "passwords"
    server = Slapd(folder, PEOPLE, certificate=authority.issue("localhost"), access=ACCESS).start()
    yield server
    server.remove()


@pytest.fixture
def bound(slapd: Slapd, authority: Authority) -> Any:
    """What binds as an entry, over TLS."""

    def bind(dn: str, password: str) -> Any:
        where = Source("localhost", slapd.tls_port, "tls", "", "", dn, password, ca_file=str(authority.file))
        return opened(where)

    return bind


@pytest.fixture
def anew(bound: Any) -> Ldap:
    return Ldap(bound, close, DN, (READER, PASSWORD))


def signs_in(bound: Any, address: str, password: str) -> bool:
    try:
        close(bound(entry_of(DN, Change(address, "", "")), password))
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("address", PEOPLE.values())
def test_an_administrator_sets_one_anew_and_its_owner_changes_it(bound: Any, anew: Ldap, address: str) -> None:
    anew.change(Change(address, "x", "first one"))
    assert anew.without_old and signs_in(bound, address, "first one")
    own = Ldap(bound, close, DN)
    own.change(Change(address, "x", "sécond one", "first one"))
    assert signs_in(bound, address, "sécond one") and not signs_in(bound, address, "first one")
    with pytest.raises(OldRefused):
        own.change(Change(address, "x", "third one", "first one"))
    assert signs_in(bound, address, "sécond one")


@pytest.mark.parametrize("address", PEOPLE.values())
def test_an_entry_that_is_searched_for_changes_its_own(bound: Any, anew: Ldap, address: str) -> None:
    searching = Ldap(bound, close, FOUND, (READER, PASSWORD))
    searching.change(Change(address, "x", "first one"))
    own = Ldap(bound, close, FOUND)
    assert not own.without_old, "who searches sets nothing"
    own.change(Change(address, "x", "second one", "first one"))
    assert signs_in(bound, address, "second one")
    with pytest.raises(OldRefused):
        own.change(Change(address, "x", "third one", "first one"))


HOSTILE = ["*", "a*@one.example", "*)(mail=ann@one.example", "ann@one.example)(|(mail=*", "ann@one.example\\2a", ")(",
           "\\", "(", "nobody@one.example", "ann@one.example,ou=x"]  # fmt: skip


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_in_a_filter_is_a_value_and_meets_nobody_else(bound: Any, anew: Ldap, address: str) -> None:
    anew.change(Change("ann@one.example", "", "kept one"))
    with pytest.raises(BackendAway, match="no entry"):
        Ldap(bound, close, FOUND, (READER, PASSWORD)).change(Change(address, "", "taken over"))
    assert signs_in(bound, "ann@one.example", "kept one")
    with pytest.raises(BackendAway, match="cannot be written"):
        filter_of(FOUND.filter, Change("ann\0@one.example", "", ""))


@pytest.mark.parametrize(
    ("search", "said"),
    [
        (replace(FOUND, filter="(&(objectClass=inetOrgPerson)(!(mail={address}))(sn=*))"), "more entries than one"),
        (replace(FOUND, filter="(mail={address}"), "search"),
        (replace(FOUND, base="dc=elsewhere,dc=example"), "noSuchObject"),
        (replace(FOUND, who=(READER, "wrong")), "search"),
        (replace(FOUND, who=ANYBODY), "insufficientAccessRights"),
    ],
)
def test_a_search_that_meets_not_one_entry_changes_nothing(bound: Any, anew: Ldap, search: Search, said: str) -> None:
    anew.change(Change("ann@one.example", "", "kept one"))
    with pytest.raises(BackendAway, match=said):
        Ldap(bound, close, search, (READER, PASSWORD)).change(Change("ann@one.example", "", "new"))
    assert signs_in(bound, "ann@one.example", "kept one")


def test_where_nobody_may_set_one_anew_nobody_does(bound: Any) -> None:
    own = Ldap(bound, close, DN)
    assert not own.without_old
    with pytest.raises(BackendAway):
        own.change(Change("ann@one.example", "ann", "new"))


def test_somebody_who_may_not_change_passwords_changes_none(bound: Any, anew: Ldap) -> None:
    ann, odd, _ = PEOPLE.values()
    anew.change(Change(ann, "", "first one"))
    with pytest.raises((BackendAway, Rejected)):
        Ldap(bound, close, DN, (f"mail={ann},{BASE}", "first one")).change(Change(odd, "", "taken over"))
    assert not signs_in(bound, odd, "taken over")


@pytest.mark.parametrize("address", [f"x,{BASE}@one.example", "ann@one.example,ou=x", "ann+cn=x@one.example", "a\\"])
def test_a_name_is_a_value_and_never_syntax(bound: Any, anew: Ldap, address: str) -> None:
    with pytest.raises(BackendAway, match="noSuchObject|answers"):
        anew.change(Change(address, "", "new"))


def test_a_server_that_is_away_has_changed_nothing(authority: Authority) -> None:
    nobody = partial(Source, "localhost", free_port(), "plain", "", "")
    with pytest.raises(BackendAway):
        Ldap(lambda dn, password: opened(nobody(dn, password)), close, DN).change(Change("a@b", "", "new", "old"))


def test_a_line_that_ends_after_the_new_one_left_leaves_it_open(bound: Any, anew: Ldap) -> None:
    def cut(dn: str, password: str) -> Any:
        line = bound(dn, password)
        line.socket.close()
        return line

    with pytest.raises(Unsettled):
        Ldap(cut, close, DN, (READER, PASSWORD)).change(Change("ann@one.example", "", "new"))


def test_a_look_searches_and_signs_in_and_changes_nothing(bound: Any, anew: Ldap, authority: Authority) -> None:
    ann = Change("ann@one.example", "", "kept one")
    anew.change(ann)
    assert anew.look() == "LDAP, who sets passwords anew is let in"
    assert Ldap(bound, close, FOUND).look() == "LDAP, the search is answered"
    assert Ldap(bound, close, DN).look() == "LDAP"
    for wrong, said in (
        (Ldap(bound, close, DN, (READER, "wrong")), "invalidCredentials"),
        (Ldap(bound, close, replace(FOUND, who=(READER, "wrong"))), "invalidCredentials"),
        (Ldap(bound, close, replace(FOUND, base="dc=elsewhere")), "noSuchObject"),
        (Ldap(lambda *_: opened(Source("localhost", free_port(), "plain", "", "")), close, DN), "refused"),
    ):
        with pytest.raises(BackendAway, match=said):
            wrong.look()
    assert signs_in(bound, ann.address, "kept one")


def test_a_look_at_one_that_lets_nobody_in_anonymously_has_met_it(tmp_path: Path) -> None:
    server = Slapd(tmp_path / "slapd", PEOPLE, more="disallow bind_anon").start()
    try:
        assert Ldap(lambda *_: opened(Source("localhost", server.port, "plain", "", "")), close, DN).look() == "LDAP"
    finally:
        server.remove()
