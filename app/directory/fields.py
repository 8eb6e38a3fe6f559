"""Readers of single fields as administrators write them: from text to a value, or ValueError with half a sentence.

The sentence goes on after the field's name and what it held, such as "must be yes or no".
"""

import re
import ssl
from collections.abc import Callable
from zoneinfo import ZoneInfo, available_timezones

from app.directory.address import ascii_domain, local_part, parse_address
from app.directory.endpoint import checked_port
from app.directory.forwarding import targets_of
from app.directory.password import can_verify
from app.directory.tables import CATCH_ALL

ALL_DOMAINS = "*"  # in an address's field `domain`

_LOCALE_FORM = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_WORDS = {"1": True, "0": False, "yes": True, "no": False, "true": True, "false": False}
# What mailboxes are really called: box12345, user@domain, user%domain, DOMAIN\user, o'brien+x@domain. Mail servers make
# paths of files, patterns and words of command lines of it, each in their own way. So each part begins with a letter, a
# digit or _, and none ends with a dot: nothing is hidden, leads elsewhere ("..") or is an option. Never in it: "/" (a
# path, and a list's separator), "*" (Dovecot's separator of a master user, LIST's and Sieve's pattern), double quotes,
# "$", "|", ":", commas, brackets (syntax of Exim, LDAP, SQL, Sieve) and blanks. "%" is LIST's pattern too: one, before
# a domain, and in no path.
_PART = r"\w(?:[\w.+=&'!#?^~-]*[\w+=&'!#?^~-])?"
_LOGIN = re.compile(rf"{_PART}(?:[@\\]{_PART})*(?:%{_PART})?")
_SERVER = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_PAGE = re.compile(r"https?://[^\s\"'<>\\]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Read = Callable[[str], str]


def text_up_to(limit: int) -> Read:
    """Any text of one line."""

    def parse(text: str) -> str:
        if _CONTROL.search(text):
            raise ValueError("holds control characters")
        if len(text) > limit:
            raise ValueError(f"is longer than {limit} characters")
        return text

    return parse


def one_of(*words: str) -> Read:
    """One of some words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.lower()

    return parse


def name_up_to(limit: int) -> Read:
    """A name that an administrator gives, kept in lower case."""
    return lambda text: text_up_to(limit)(text).lower()


def yes_or_no(text: str) -> bool:
    """A truth."""
    if text.lower() not in _WORDS:
        raise ValueError("must be yes or no")
    return _WORDS[text.lower()]


def port(text: str) -> int:
    """A port."""
    return checked_port(int(text) if text.isascii() and text.isdecimal() else 0)


def count(text: str) -> int:
    """How many of something, 0 too."""
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ValueError("must be a whole number from 0 to 999999")
    return int(text)


def page_address(text: str) -> str:
    """The address of a page."""
    if not _PAGE.fullmatch(text):
        raise ValueError("is not the address of a page, such as https://isp.example/filters")
    return text_up_to(300)(text)


def mail_address(text: str) -> str:
    """One address, with its domain."""
    found = parse_address(text)
    if found.domain is None:
        raise ValueError("is no address with a domain")
    return found.address


def forwarded(text: str) -> str:
    """Where mail is sent on to: addresses as the pages take them, and as many as there is room for."""
    try:
        return ", ".join(targets_of(text_up_to(10_000)(text), most=len(text)))
    except ValueError as error:
        raise ValueError(f"is not where mail can be sent on to: {str(error).removesuffix('.')}") from None


def time_zone(text: str) -> str:
    """A name of the IANA's time zones."""
    if available_timezones():  # a machine without any zones (no tzdata) cannot judge
        try:
            ZoneInfo(text)
        except (ValueError, OSError, KeyError):
            raise ValueError("is not a time zone such as Europe/Berlin") from None
    return text_up_to(40)(text)


def locale(text: str) -> str:
    """A language."""
    if not _LOCALE_FORM.fullmatch(text):
        raise ValueError("is not a language such as en or pt-BR")
    return text_up_to(12)(text)


def local_or_catch_all(text: str) -> str:
    """A local part, or the catch-all's star."""
    return CATCH_ALL if text == CATCH_ALL else local_part(text)


def domain_or_all(text: str) -> str:
    """A domain, or a star for all of the site."""
    return ALL_DOMAINS if text == ALL_DOMAINS else ascii_domain(text)


def certificates(text: str) -> str:
    """Certificates in PEM, with one line end behind the last."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError, TypeError):  # TypeError: not ASCII
        raise ValueError("holds no certificate in PEM form") from None
    return text.strip() + "\n"


def server_name(text: str) -> str:
    """The name of a mail server. Deliveries go to login@name.internal (docs/mta-*.md)."""
    if not _SERVER.fullmatch(text):
        raise ValueError("is no name of a server, such as mail1: letters, digits, - and _, with single dots between")
    return text


def mailbox_login(text: str) -> str:
    """The name of a mailbox on its mail server."""
    if not _LOGIN.fullmatch(text_up_to(255)(text)):
        raise ValueError(
            "is no name of a mailbox, such as box12345, user@domain, user%domain or DOMAIN\\user: each part begins "
            "with a letter or a digit, none ends with a dot, and there are no blanks, slashes, stars or quotes"
        )
    return text


def known_hash(text: str) -> str:
    """A password hash that can be checked on this machine."""
    if not can_verify(text):
        raise ValueError("is of a scheme that cannot be checked here")
    return text_up_to(255)(text)
