"""LDAP's own operation for it (RFC 3062): the directory hashes the password, by its own rules and policy.

Done by the account itself with its former password; for an administrator by an entry that may do so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.password.backend import Change
from app.password.errors import BackendAway, OldRefused, Rejected, Unsettled

INVALID_CREDENTIALS, UNWILLING, CONSTRAINT = 49, 53, 19  # RFC 4511 §4.1.9, appendix A.2
Opened = Callable[[str, str], Any]


@dataclass(frozen=True)
class Ldap:
    """`opened` makes a connection of ldap3 that is bound as a DN, `closed` ends one; `dn` is the template of an
    account's entry, and `setter` of one that may set all passwords."""

    opened: Opened
    closed: Callable[[Any], None]
    dn: str
    setter: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def without_old(self) -> bool:
        """Whether there is an entry that may set passwords anew."""
        return self.setter is not None

    def change(self, change: Change) -> None:
        """See Backend."""
        entry = entry_of(self.dn, change)
        who = (entry, change.old) if change.old is not None else self.setter
        if who is None:
            raise BackendAway("LDAP has nobody who may set passwords anew")
        try:
            line = self.opened(*who)
        except Exception as error:  # ldap3 lets errors of many kinds through
            if change.old is not None and "invalidCredentials" in str(error):
                raise OldRefused("the directory refuses the former password") from None
            raise BackendAway(type(error).__name__) from error
        try:
            _modify(line, entry, change)
        finally:
            self.closed(line)


def _modify(line: Any, entry: str, change: Change) -> None:
    try:
        line.extend.standard.modify_password(entry, change.old, change.new)
    except Exception as error:
        raise Unsettled(type(error).__name__) from error
    code, words = line.result["result"], str(line.result.get("message") or "")
    if code == CONSTRAINT:
        raise Rejected(words)
    if code == INVALID_CREDENTIALS:
        raise OldRefused("the directory refuses the former password")
    if code == UNWILLING:
        raise OldRefused(words) if "old password" in words else Rejected(words)
    if code != 0:
        raise BackendAway(f"the directory answers {line.result['description']}")


def entry_of(template: str, change: Change) -> str:
    """The account's entry: its names as values of a DN and never as syntax (RFC 4514 §2.4)."""
    from ldap3.utils.dn import escape_rdn

    return change.filled(template, written=escape_rdn)
