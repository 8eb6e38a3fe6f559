"""mailto: addresses (RFC 6068): whom a link on some page writes to, and with what.

They come from strangers. Only what is shown to the writer before anything is sent is taken; files that a link names
(`attach`) and all other fields are left out, and no line break gets into a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

LONGEST: Final = 60_000  # characters of an address; a browser sends fewer
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ID: Final = re.compile(r"<?([!-;=?-~]{1,400}@[!-;=?-~]{1,400})>?")


@dataclass(frozen=True, slots=True)
class Mailto:
    """Lines as a person would have typed them. `in_reply_to`: a Message-ID with its brackets, "" for none."""

    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    body: str = ""
    in_reply_to: str = ""


def read(url: str) -> Mailto:
    """A mailto: URL; empty fields where it has none. Never raises. Of fields that come twice all recipients count, of
    others the first."""
    scheme, _, rest = url[:LONGEST].partition(":")
    if scheme.strip().lower() != "mailto":
        return Mailto()
    path, _, query = rest.partition("#")[0].partition("?")
    found: dict[str, list[str]] = {"to": [_line(path)]}
    for pair in query.replace("&amp;", "&").split("&"):
        name, _, value = pair.partition("=")
        found.setdefault(unquote(name).strip().lower(), []).append(value)
    people = {name: ", ".join(filter(None, map(_line, found.get(name, ())))) for name in ("to", "cc", "bcc")}
    answered = _ID.fullmatch(_line(found.get("in-reply-to", [""])[0]))
    return Mailto(
        **people,
        subject=_line(found.get("subject", [""])[0]),
        body=_CONTROLS.sub("", unquote(found.get("body", [""])[0]).replace("\r\n", "\n").replace("\r", "\n")),
        in_reply_to=f"<{answered[1]}>" if answered else "",
    )


def _line(value: str) -> str:
    return _BREAKS.sub(" ", unquote(value)).strip()
