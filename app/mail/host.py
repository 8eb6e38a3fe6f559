"""Where a link leads, and whether its words say otherwise: the host as a browser reads it, and as a reader might.

No list of public suffixes is kept: two hosts are one site's when they share their last two labels (three where the last
two are a registry's, or of a place where everybody has pages). Every step is linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final
from urllib.parse import unquote

from app.mail.css import words

MAX_HOST: Final = 253
MOST_SAID: Final = 20  # hosts in the words of one link: who writes more is not believed
_AUTHORITY: Final = re.compile(r"https?:[/\\]{2,9}([^/?#\\]{0,2500})", re.IGNORECASE)
_PORT: Final = re.compile(r":[0-9]{0,9}\Z")
_UNSEEN: Final = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")
# In words: an address with its scheme or www., wherever it stands.
_WRITTEN: Final = re.compile(
    r"(?:https?:[/\\]{2}|(?<![\w.@-])(?=www\.))([^\s/?#\\<>\"'()\[\],;|]{1,300})", re.IGNORECASE
)
# As the whole of the words: a bare host, with or without what follows it.
_BARE: Final = re.compile(
    r"[\s\"'<(\[»«„“”]*+((?>(?:[\w-]{1,63}\.){1,9})([^\W\d_]{2,24}|xn--[a-z0-9-]{1,59}))"
    r"(?::[0-9]{1,5})?(?:[/?#]\S*+)?[\s\"'>)\]».,:;!?«„“”]*+",
    re.IGNORECASE,
)
# Bare words in which the last one is more often the kind of a file than a country, and endings that are sites'.
_FILES: Final = words("cs db gz hs js kt md ml pl ps py rb rs sh so ts vb")
_GENERIC: Final = words(
    """
    academy agency app arpa art bank biz blog cafe cat church city cloud club coffee com community company
    consulting coop credit dental dev digital edu email energy events example exchange expert express finance fund
    games gmbh gov group health help host hotel immo info insure int invest jobs law legal life live loan ltd
    market media mil mobi money museum name net network news online org page pay plus press pro reisen school
    services shop site social software solutions space sport store studio support systems team tech tel tips today
    tools top tours trade travel university vip website wiki work world xyz zone berlin bayern hamburg koeln paris
    london swiss wien
    """
)
_SHARED: Final = words(
    """
    appspot.com azurewebsites.net blogspot.com cloudfront.net firebaseapp.com github.io gitlab.io herokuapp.com
    netlify.app ngrok.io onrender.com pages.dev r2.dev vercel.app web.app weebly.com wixsite.com wordpress.com
    workers.dev
    """
)
_SECOND: Final = words(
    "ac asn co com edu gob gouv gov gv id judiciary ltd me mil ne net nhs nic nom or org plc police sch"
)
# Letters of other scripts, and of Latin, that look like an ASCII letter in most fonts.
_ALIKE: Final = frozenset(
    "авеіјкмнорсѕтухһԁԛԝзьӏґгпѵү"  # Cyrillic
    "αβγεικνορτυχωϲϳ"  # Greek
    "օոսցհնզյ"  # Armenian
    "ıɑɡɩʟɪᴀᴄᴏᴜᴠᴡᴢ"  # Latin
)
_INSIDE: Final = "\xb7\u30fb"  # marks that stand inside Catalan and Japanese words
# Scripts that are written together (UTS #39 §5.2, "highly restrictive").
_TOGETHER: Final = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)


def leads(address: str, text: str = "", *pieces: str) -> str:
    """The host to name beside a link, in punycode; "" where the link needs no words.

    It needs them where its text, or one of the pieces of it, is an address at another site; where its own address hides
    the host behind a name (``https://bank.example@…``); or where its host imitates ASCII letters. Never raises.
    """
    found = _AUTHORITY.match(address)
    if found is None:
        return ""
    named, _, rest = found[1].rpartition("@")
    host = normal(rest)
    said = list(islice(_said(text, pieces), MOST_SAID))
    if named or imitates(host) or len(said) == MOST_SAID or any(not same_site(each, host) for each in said):
        return host[:MAX_HOST]
    return ""


def _said(text: str, pieces: tuple[str, ...]) -> Iterator[str]:
    """The hosts that words look like."""
    for words_ in dict.fromkeys((text, *pieces)):
        if "." in words_ or not words_.isascii():
            yield from _hosts(_DOTS.sub(".", _UNSEEN.sub("", words_)))


def _hosts(text: str) -> Iterator[str]:
    bare = _BARE.fullmatch(text)
    if bare and _is_ending(bare[2].lower()):
        yield normal(bare[1])
    for found in _WRITTEN.finditer(text):
        # In words the eye reads the beginning: https://bank.example@evil.example is bank.example's.
        host = normal(found[1].partition("@")[0].rstrip(".:!…*_~"))
        if "." in host:
            yield host


def _is_ending(label: str) -> bool:
    """Whether a bare word's last label is a country's, a known site's ending or not ASCII: ``Node.js`` is no host."""
    return (len(label) == 2 and label not in _FILES) or label in _GENERIC or not label.isascii() or label[:4] == "xn--"


def normal(host: str) -> str:
    """A host as browsers ask for it: lower case, punycode, no port; what is none, as far as it can be shown."""
    host = _PORT.sub("", host)
    if "%" in host:
        host = unquote(host)
    host = host.rstrip(".")
    return host.lower() if host.isascii() else _punycode(host[: MAX_HOST + 1])


@lru_cache(maxsize=4096)
def _punycode(host: str) -> str:
    import idna  # its tables take memory; most workers' mail names ASCII hosts only

    try:
        return idna.encode(host, uts46=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, ValueError, IndexError):
        return ".".join(_label(label) for label in unicodedata.normalize("NFKC", host).lower().split("."))


def _label(label: str) -> str:
    """A label that IDNA refuses, written so that nothing in it looks like another letter."""
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def same_site(one: str, other: str) -> bool:
    """Whether two hosts are likely one owner's."""
    return one == other or _site(one) == _site(other)


def _site(host: str) -> str:
    labels = host.rsplit(".", 3)[-3:]
    if labels[-1].isdigit():
        return host
    last = ".".join(labels[-2:])
    second = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND
    return ".".join(labels[-3:]) if second or last in _SHARED else last


def imitates(host: str) -> bool:
    """Whether a host in punycode has a label of several scripts, or of foreign letters that all look like ASCII."""
    return "xn--" in host and _imitates(host[:MAX_HOST])


@lru_cache(maxsize=4096)
def _imitates(host: str) -> bool:
    labels = host.split(".")
    # Under an ending of its own script a whole foreign word is what it looks like.
    at_home = labels[-1].startswith("xn--")
    return any(_odd(label[4:], at_home) for label in labels if label.startswith("xn--"))


def _odd(encoded: str, at_home: bool) -> bool:
    try:
        label = encoded[:63].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return True
    foreign = [letter for letter in label if not letter.isascii()]
    if any(unicodedata.category(letter)[0] not in "LMN" and letter not in _INSIDE for letter in foreign):
        return True  # signs and invisible characters stand in no honest name
    foreign = [letter for letter in foreign if letter.isalpha()]
    scripts = {_script(letter) for letter in label if letter.isalpha()}
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        return True
    return bool(foreign) and not at_home and all(letter in _ALIKE for letter in foreign)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split(" ", 1)[0].split("-", 1)[0]
