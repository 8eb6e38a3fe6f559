"""The settings around the change of a mail password: where it is changed, and what a new one has to be.

They are settings of a node as all others; default.py takes them in, and reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from config import values
from config.setting import setting

FAMILIES = {
    "ldaps": "ldap", "ldap": "ldap", "ldap+plain": "ldap", "doveadm+https": "doveadm", "doveadm+http": "doveadm",
    "poppassds": "poppassd", "poppassd": "poppassd",
}  # fmt: skip


def password_url(value: str) -> str:
    """Which back-end, and where it is."""
    scheme = values.text(value).partition(":")[0]
    if value != "sql:" and not re.match(r"command:/\S", value) and scheme not in FAMILIES:
        raise ValueError("sql:, doveadm+https://host, ldaps://host, poppassd://host or command:/path")
    return value


def account_filter(value: str) -> str:
    """A filter of LDAP (RFC 4515) with a place for the account's name."""
    named = re.search(r"\{(address|local|login)\}", value)
    if not named or not value.startswith("(") or value.count("(") != value.count(")"):
        raise ValueError("a filter in brackets that holds {address}, {login} or {local}, e.g. (mail={address})")
    return value


@dataclass(frozen=True, kw_only=True)
class PasswordSettings:
    """The part of Settings that is about a new password."""

    password_url: str | None = setting(
        "the site's own way to set a password, by a URL (docs/passwords.md); unset: passwords are not changed here",
        password_url,
    )
    password_secret: str | None = setting(
        "doveadm_api_key of Dovecot, or the password of POSTERN_PASSWORD_BIND_DN", values.secret, secret=True
    )
    password_statement: str | None = setting(
        "sql: one UPDATE with :hash or :crypt, and :address, :login, or :local and :domain; unset: our own directory",
        values.statement,
    )
    password_database_url: str | None = setting(
        "sql: the database of that statement; unset: the directory's", values.database_url, secret=True
    )
    password_scheme: str = setting(
        "how passwords are hashed for SQL and doveadm: argon2id, bcrypt or sha512-crypt",
        values.word("argon2id", "bcrypt", "sha512-crypt"),
        "argon2id",
    )
    password_dn: str | None = setting("LDAP: somebody's entry, e.g. mail={address},ou=people,dc=example,dc=org")
    password_ldap_filter: str | None = setting(
        "LDAP: in its place a search that meets somebody's entry, e.g. (mail={address})", account_filter
    )
    password_ldap_base: str | None = setting("LDAP: below which entry that searches, e.g. dc=example,dc=org")
    password_ldap_search_dn: str | None = setting("LDAP: who searches; unset: nobody, anonymously")
    password_ldap_search_secret: str | None = setting("their password", values.secret, secret=True)
    password_bind_dn: str | None = setting("LDAP: who sets passwords anew for administrators; unset: not offered")
    password_dict: str | None = setting("doveadm: the dict of Dovecot's passdb, e.g. proxy::passdb")
    password_dict_key: str = setting("doveadm: the key in it", values.text, "shared/passdb/{login}")
    password_dict_value: str = setting("doveadm: the value", values.text, '{"password":"{hash}"}')
    password_login: str = setting("poppassd: the name of an account there", values.text, "{login}")
    password_reset: bool = setting(
        "1 where the command sets a password anew for administrators, with the first line empty", values.flag, False
    )
    password_length: int = setting("characters that a new password has at least", values.whole(8, 64), 10)
    password_strength: int = setting(
        "how hard it must be to guess, of zxcvbn's 1 to 4; 0: not asked", values.whole(1, 4, or_zero=True), 3
    )
