"""Which way of changing a password some settings name, and whose password goes which way."""

import dataclasses
from pathlib import Path

import pytest

from app.directory.engine import open_engine
from app.password.command import Command
from app.password.doveadm import Doveadm
from app.password.ldap import Ldap
from app.password.poppassd import Poppassd
from app.password.sql import Sql
from app.web.settings.backend import is_own, made
from config.default import load
from config.setting import SettingError
from tests.web.conftest import KEY

ENGINE = open_engine("sqlite://")
STATEMENT = "UPDATE users SET crypt = :crypt WHERE username = :address"
LDAP = {"password_url": "ldaps://l", "password_ldap_filter": "(mail={address})", "password_ldap_base": "o=x"}
SETTER = {"password_bind_dn": "cn=x", "password_secret": "y"}
SOURCES = "mx1:/var/log/mail.log"


def way(**settings: str) -> object:
    named = {f"POSTERN_{name.upper()}": value for name, value in settings.items()}
    return made(load({"POSTERN_SECRET_KEY": KEY, "POSTERN_BLOCKLOG_SOURCES": SOURCES, **named}), ENGINE, True)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"password_url": "sql:"}, Sql),
        ({"password_url": "sql:", "password_statement": STATEMENT}, Sql),
        ({"password_url": "command:/bin/true {login}"}, Command),
        ({"password_url": "poppassd://127.0.0.1"}, Poppassd),
        ({"password_url": "poppassds://mail.example.org"}, Poppassd),
        ({"password_url": "ldaps://ldap.example.org", "password_dn": "mail={address},o=x"}, Ldap),
        (LDAP, Ldap),
        ({**LDAP, "password_ldap_filter": "(uid={local})"}, Ldap),
        ({"password_url": "doveadm+https://mail.example.org", "password_dict": "x:", "password_secret": "y"}, Doveadm),
    ],
)
def test_a_url_names_a_way(settings: dict[str, str], kind: type) -> None:
    found = way(**settings)
    assert type(found) is kind
    assert way(**settings) is found, "made once a process"


def test_without_a_url_there_is_none() -> None:
    assert way() is None


def test_a_statement_is_not_our_own_directory() -> None:
    own, others = way(password_url="sql:"), way(password_url="sql:", password_statement=STATEMENT)
    assert isinstance(own, Sql) and is_own(own) and isinstance(others, Sql) and not is_own(others)
    settings = dataclasses.replace(load({"POSTERN_SECRET_KEY": KEY}), password_url="sql:")
    assert made(settings, ENGINE, False) is None, "an ISP's own schema needs a statement"


def test_only_tls_leaves_this_machine_and_is_checked(tmp_path: Path) -> None:
    far = way(password_url="poppassds://mail.example.org:1106")
    assert isinstance(far, Poppassd) and far.context is not None and far.context.check_hostname
    assert (far.host, far.port) == ("mail.example.org", 1106)
    near = way(password_url="poppassd://127.0.0.1")
    assert isinstance(near, Poppassd) and near.context is None and near.port == 106


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"password_url": "imaps://x"}, "PASSWORD_URL"),
        ({"password_url": "command:set"}, "PASSWORD_URL"),
        ({"password_url": "command:/bin/{login}"}, "PASSWORD_URL"),
        ({"password_url": "poppassd://mail.example.org"}, "unencrypted"),
        ({"password_url": "doveadm+http://mail.example.org", "password_dict": "x:"}, "unencrypted"),
        ({"password_url": "ldaps://ldap.example.org"}, "PASSWORD_DN"),
        ({"password_url": "ldaps://l", "password_dn": "o=x", "password_bind_dn": "cn=x"}, "PASSWORD_SECRET"),
        ({**LDAP, "password_dn": "mail={address}"}, "LDAP_FILTER"),
        ({**LDAP, "password_ldap_base": ""}, "LDAP_BASE"),
        ({**LDAP, "password_ldap_search_dn": "cn=x"}, "LDAP_SEARCH_SECRET"),
        ({**LDAP, "password_ldap_filter": "(mail=ann)"}, "LDAP_FILTER"),
        ({**LDAP, "password_ldap_filter": "uid={local}"}, "LDAP_FILTER"),
        ({**LDAP, **SETTER, "password_ldap_filter": "(uid={local})"}, "of other domains"),
        ({"password_url": "ldaps://l", **SETTER, "password_dn": "uid={local},o=x"}, "of other domains"),
        ({"password_url": "doveadm+https://mail.example.org"}, "PASSWORD_DICT"),
        ({"password_url": "sql:", "password_statement": "DELETE FROM users"}, "PASSWORD_STATEMENT"),
        ({"password_url": "sql:", "password_statement": "UPDATE u SET p = :hash WHERE n=:local"}, ":local and :domain"),
        ({"password_url": "sql:", "password_statement": "UPDATE u SET p = :hash WHERE d = :domain"}, "together"),
        ({"password_scheme": "md5"}, "PASSWORD_SCHEME"),
    ],
)
def test_settings_that_do_not_do_end_the_start_with_their_name(settings: dict[str, str], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        way(**settings)
