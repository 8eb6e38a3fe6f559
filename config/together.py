"""Rules over more than one setting, and the URLs of mail servers, whose schemes the directory knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from app.directory.crypt import has_crypt
from app.mail.stream import RENEW_AFTER
from config.password import FAMILIES
from config.setting import SettingError

if TYPE_CHECKING:
    from config.default import Settings


def check_together(settings: Settings) -> None:
    """Raises SettingError for settings that do not go together."""
    if bool(settings.master_user) != bool(settings.master_password):
        raise SettingError(
            "POSTERN_MASTER_USER", "only one of the two", "POSTERN_MASTER_PASSWORD beside it, or neither"
        )
    if settings.account_per_node > settings.account_total:
        raise SettingError(
            "POSTERN_ACCOUNT_PER_NODE",
            str(settings.account_per_node),
            f"at most POSTERN_ACCOUNT_TOTAL ({settings.account_total})",
        )
    if settings.session_idle > settings.session_absolute:
        raise SettingError(
            "POSTERN_SESSION_IDLE",
            str(settings.session_idle),
            f"at most POSTERN_SESSION_ABSOLUTE ({settings.session_absolute})",
        )
    if settings.session_keep and settings.session_keep < settings.session_absolute:
        wants = f"at least POSTERN_SESSION_ABSOLUTE ({settings.session_absolute}), or 0"
        raise SettingError("POSTERN_SESSION_KEEP", str(settings.session_keep), wants)
    # A lease is renewed as its holder reads, and a holder may wait that long for the next byte.
    longest = max(settings.search_seconds, RENEW_AFTER + settings.silence_seconds)
    if settings.lease_timeout < longest:
        wants = f"at least {longest:g}: POSTERN_SEARCH_SECONDS, and POSTERN_SILENCE_SECONDS + {RENEW_AFTER:g}"
        raise SettingError("POSTERN_LEASE_TIMEOUT", str(settings.lease_timeout), wants)
    if settings.ldap_url and not settings.ldap_base:
        raise SettingError("POSTERN_LDAP_BASE", "nothing", "the entry below which POSTERN_LDAP_URL is searched")
    if bool(settings.notice_user) != bool(settings.notice_password):
        raise SettingError(
            "POSTERN_NOTICE_USER", "only one of the two", "POSTERN_NOTICE_PASSWORD beside it, or neither"
        )
    if settings.release_url:
        _check_release(settings)
    if settings.password_scheme != "argon2id" and not has_crypt():
        raise SettingError("POSTERN_PASSWORD_SCHEME", repr(settings.password_scheme), "argon2id: there is no libxcrypt")
    if settings.password_url:
        _check_password(settings, settings.password_url)
    bind = settings.policy_bind
    if not re.match(r"(?:unix:|localhost:|127\.[0-9.]+:|\[::1\]:)", bind) and not settings.allow_plaintext:
        raise SettingError("POSTERN_POLICY_BIND", repr(bind), "an address of this machine alone, or unix:/path")
    urls = {
        "imap_url": "imap",
        "submission_url": "smtp",
        "notice_url": "smtp",
        "sieve_url": "sieve",
        "ldap_url": "ldap",
    }
    for name, family in urls.items():
        if getattr(settings, name):
            _check_endpoint(f"POSTERN_{name.upper()}", getattr(settings, name), family, settings.allow_plaintext)


def _check_release(settings: Settings) -> None:
    """What keeps mail must know who asks, and the secret must cross no network in plain text."""
    if not settings.release_secret:
        raise SettingError("POSTERN_RELEASE_SECRET", "nothing", "what POSTERN_RELEASE_URL knows this node by")
    here = re.match(r"http://(?:localhost|127\.[0-9.]+|\[::1\])(?:[:/]|$)", settings.release_url or "")
    if not (settings.release_url or "").startswith("https://") and not here and not settings.allow_plaintext:
        raise SettingError("POSTERN_RELEASE_URL", repr(settings.release_url), "https, except on this machine")


def _check_password(settings: Settings, url: str) -> None:
    """What each back-end needs beside its URL."""
    from app.password.command import words_of
    from app.password.sql import checked

    scheme, _, rest = url.partition(":")
    family = FAMILIES.get(scheme, scheme)
    if family in ("ldap", "doveadm", "poppassd"):
        _check_endpoint("POSTERN_PASSWORD_URL", url, family, settings.allow_plaintext)
    if family == "ldap":
        _check_ldap(settings)
    if family == "doveadm" and not (settings.password_dict and settings.password_secret):
        raise SettingError("POSTERN_PASSWORD_DICT", "nothing", "a dict, and POSTERN_PASSWORD_SECRET beside it")
    name, read = {"command": ("URL", words_of), "sql": ("STATEMENT", checked)}.get(family, ("", str))
    text = rest if family == "command" else settings.password_statement
    try:
        if text and name:
            read(text)
    except ValueError as error:
        raise SettingError(f"POSTERN_PASSWORD_{name}", repr(text)[:200], str(error)) from None


def _check_ldap(settings: Settings) -> None:
    """Whose entry it is must be said, in one way; and never by what two domains have in common, where an
    administrator of one sets a password without the former one."""
    entry, search = settings.password_dn, settings.password_ldap_filter
    if not entry and not search:
        wants = "the entry of somebody, e.g. mail={address},ou=people, or POSTERN_PASSWORD_LDAP_FILTER"
        raise SettingError("POSTERN_PASSWORD_DN", "nothing", wants)
    if entry and search:
        raise SettingError("POSTERN_PASSWORD_LDAP_FILTER", repr(search), "no POSTERN_PASSWORD_DN beside it")
    if search and not settings.password_ldap_base:
        raise SettingError("POSTERN_PASSWORD_LDAP_BASE", "nothing", "an entry to search below, e.g. dc=example,dc=org")
    if settings.password_ldap_search_dn and not settings.password_ldap_search_secret:
        wants = "the password of POSTERN_PASSWORD_LDAP_SEARCH_DN"
        raise SettingError("POSTERN_PASSWORD_LDAP_SEARCH_SECRET", "nothing", wants)
    if settings.password_bind_dn and not settings.password_secret:
        raise SettingError("POSTERN_PASSWORD_SECRET", "nothing", "the password of POSTERN_PASSWORD_BIND_DN")
    whose, name = search or entry or "", "POSTERN_PASSWORD_LDAP_FILTER" if search else "POSTERN_PASSWORD_DN"
    alone = "{address}" not in whose and "{login}" not in whose and not ("{local}" in whose and "{domain}" in whose)
    if settings.password_bind_dn and alone:
        wants = "{address}, {login}, or {local} and {domain}: else administrators set passwords of other domains"
        raise SettingError(name, repr(whose), wants)


def _check_endpoint(name: str, url: str, family: Any, allow_plaintext: bool) -> None:
    from app.directory.endpoint import parse_endpoint

    try:
        parse_endpoint(url, family, allow_plaintext=allow_plaintext)
    except ValueError as error:
        raise SettingError(
            name, repr(re.sub(r"//[^/@]*@", "//…@", url)), f"a URL that can be used; this one {error}"
        ) from None
