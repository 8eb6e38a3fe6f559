"""A script that runs somebody's own script and ours, one after the other (RFC 6609), so that theirs is not touched."""

from __future__ import annotations

from typing import Final

from app.sieve import write
from app.sieve.errors import BadRule
from app.sieve.rule import check_line

SOGO: Final = "sogo"  # SOGo writes its whole script anew: what is put there is lost with its next save
LONGEST: Final = 128  # the script names that every server takes (RFC 5804 §1.6), in characters


def wrapper(theirs: str, ours: str, ours_first: bool, newline: bytes = write.CRLF) -> bytes:
    """A `stop` in the first ends the second too. Theirs may be missing, so that it can be deleted elsewhere."""
    for name in (theirs, ours):
        check_line(name, "script", LONGEST)
        if not name or "/" in name:
            raise BadRule("script", "A script of this name cannot be included.")
    lines = [f"include :personal :optional {write.quoted(theirs)};", f"include :personal {write.quoted(ours)};"]
    script = ['require ["include"];', *(reversed(lines) if ours_first else lines), ""]
    return "\n".join(script).encode().replace(b"\n", newline)
