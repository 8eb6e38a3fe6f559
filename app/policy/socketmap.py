"""Postfix' socketmap (socketmap_table(5)): netstrings `13:hosts 1.2.3.4,` and `9:OK reject,` on a kept connection.

For postscreen, which asks its access list about the address of each client and waits for the answer, all clients with
it. So nobody but the policy service, whose answers are in time without SQL too, should be asked: with a map in SQL that
stands still, postscreen's watchdog ends it after 10 s, and no mail comes.
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = 300  # bytes of a question; an address has 45 at most
HOSTS: Final = "hosts"  # the name of the map


class BadQuestion(Exception):
    """What came is no question of Postfix about a client."""


def question(came: bytes) -> tuple[str, int] | None:
    """The key that is looked up, and where the question ends; None where more has to come. Raises BadQuestion."""
    head, colon, rest = came[:4].partition(b":")
    if not head.isdigit() or (not colon and len(came) > 3):
        raise BadQuestion
    if not colon:
        return None
    start, size = len(head) + 1, int(head)
    if size > LONGEST:
        raise BadQuestion
    if len(came) <= start + size:
        return None
    name, blank, key = came[start : start + size].decode(errors="replace").partition(" ")
    if came[start + size] != ord(",") or name != HOSTS or not blank:
        raise BadQuestion
    return key, start + size + 1


def reply(found: str) -> bytes:
    """What is told of it; "" for nothing."""
    text = f"OK {found}" if found else "NOTFOUND "
    return f"{len(text)}:{text},".encode()
