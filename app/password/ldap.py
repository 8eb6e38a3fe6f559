"""LDAP's own operation for it (RFC 3062): the directory hashes the password, by its own rules and policy.

Done by the account itself with its former password; for an administrator by an entry that may do so. Which entry is an
account's is written by a template of its name, or found by a search that meets exactly one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.password.backend import Change
from app.password.errors import BackendAway, OldRefused, Rejected, Unsettled

INVALID_CREDENTIALS, UNWILLING, CONSTRAINT = 49, 53, 19  # RFC 4511 §4.1.9, appendix A.2
SIZE_LIMIT = 4
Who = tuple[str, str]
Opened = Callable[[str, str], Any]
ANYBODY: Who = ("", "")  # asks anonymously
NOBODY = Change("nobody@postern.invalid", "nobody", "")


@dataclass(frozen=True, slots=True)
class Search:
    """How an account's entry is found: the template of a filter, below which entry, and who asks."""

    filter: str
    base: str
    who: Who = field(default=ANYBODY, repr=False)


@dataclass(frozen=True)
class Ldap:
    """`opened` makes a connection of ldap3 that is bound as a DN, `closed` ends one; `at` is the template of an
    account's entry, or how it is searched for, and `setter` an entry that may set all passwords."""

    opened: Opened
    closed: Callable[[Any], None]
    at: str | Search
    setter: Who | None = field(default=None, repr=False)

    @property
    def without_old(self) -> bool:
        """Whether there is an entry that may set passwords anew."""
        return self.setter is not None

    def change(self, change: Change) -> None:
        """See Backend."""
        entry = entry_of(self.at, change) if isinstance(self.at, str) else self._found(self.at, change)
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

    def look(self) -> str:
        """See Backend. Who searches does so for nobody's name, and who sets passwords anew signs in."""
        told = []
        try:
            if isinstance(self.at, Search):
                with closing(self.opened(*self.at.who), self.closed) as line:
                    _searched(line, self.at.base, filter_of(self.at.filter, NOBODY))
                told.append("the search is answered")
            if self.setter is not None:
                self.closed(self.opened(*self.setter))
                told.append("who sets passwords anew is let in")
            if not told:
                self._met()
        except BackendAway:
            raise
        except Exception as error:  # ldap3 lets errors of many kinds through
            raise BackendAway(str(error) or type(error).__name__) from error
        return ", ".join(("LDAP", *told))

    def _met(self) -> None:
        """That it answers: many let nobody in anonymously, which is an answer."""
        try:
            self.closed(self.opened(*ANYBODY))
        except ConnectionRefusedError as error:
            if "sign-in" not in str(error):
                raise

    def _found(self, search: Search, change: Change) -> str:
        """The one entry of the account. BackendAway where there is none, or more than one: no guess is made."""
        wanted = filter_of(search.filter, change)
        try:
            with closing(self.opened(*search.who), self.closed) as line:
                entries = _searched(line, search.base, wanted)
        except BackendAway:
            raise
        except Exception as error:  # ldap3 lets errors of many kinds through
            raise BackendAway(f"search: {type(error).__name__}") from error
        if len(entries) != 1 or not entries[0]:  # with an empty name one would bind anonymously
            raise BackendAway(f"the search met {'more entries than one' if len(entries) > 1 else 'no entry'}")
        return entries[0]


@contextmanager
def closing(line: Any, closed: Callable[[Any], None]) -> Iterator[Any]:
    """A connection for a block."""
    try:
        yield line
    finally:
        closed(line)


def _searched(line: Any, base: str, wanted: str) -> list[str]:
    """The entries that a filter meets, two at most. Referrals are no entries."""
    line.search(base, wanted, attributes=["1.1"], size_limit=2)  # 1.1: no attributes (RFC 4511 §4.5.1.8)
    if line.result["result"] not in (0, SIZE_LIMIT):
        raise BackendAway(f"the directory answers the search: {line.result['description']}")
    entries = [str(each["dn"]) for each in line.response or () if each.get("type") == "searchResEntry"]
    return entries * 2 if line.result["result"] == SIZE_LIMIT else entries


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


def filter_of(template: str, change: Change) -> str:
    """The filter of the account's search: its names as values and never as syntax (RFC 4515 §3)."""
    from ldap3.utils.conv import escape_filter_chars

    return change.filled(template, written=escape_filter_chars)
