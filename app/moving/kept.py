"""What a former webmail kept for one person, as a value: whoever reads one makes this of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.mail.listed import decode_name
from app.mail.plain import html_text
from app.mail.small import small_html
from app.mail.special import Use
from app.profile.contact import Contact
from app.profile.identities import Identity
from app.profile.texts import Text

LONGEST: Final = 1000  # characters of a folder's name


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was written to."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Kept:
    """`login`: how the person signed in there, at the mail server `host` ("" where it is not told). Identities without
    an address are under the account's own. `special` names folders as IMAP spells them, in modified UTF-7 decoded."""

    login: str
    host: str = ""
    identities: tuple[Identity, ...] = ()
    contacts: tuple[Contact, ...] = ()
    people: tuple[Person, ...] = ()
    texts: tuple[Text, ...] = ()
    special: Mapping[Use, str] = field(default_factory=dict)


def signature(told: str, *, is_html: bool) -> tuple[str, str]:
    """(text, HTML) of a signature, as an identity keeps them. HTML is cleaned as what somebody writes."""
    if not is_html:
        return told.replace("\r\n", "\n").strip("\n"), ""
    html = small_html(told)
    text = html_text(html).strip()
    return text, html if text else ""


def folders(told: Iterable[tuple[Use, str]]) -> dict[Use, str]:
    """Special folders by their names in modified UTF-7; what is no name, or the inbox, is none of them."""
    names = ((use, *decode_name(raw.encode("utf-8", "replace"))) for use, raw in told if len(raw) <= LONGEST)
    return {use: name for use, name, sound in names if sound and name and name != "INBOX"}
