"""Forwarding by the Sieve script, as a rule of the shape that other programs show, too."""

from dataclasses import replace

from app.mail.difference import sides
from app.mail.errors import MailError
from app.sieve.errors import BadRule
from app.sieve.failures import BadScript, SieveError
from app.sieve.forward import Forward
from app.sieve.managesieve import ManageSieve
from app.sieve.needs import needs
from app.sieve.script import Script
from app.web.away import foreign
from app.web.away.way import NotPut, Standing
from app.web.filters import kept
from app.web.filters.door import sieve
from app.web.filters.kept import Changed, Kept
from app.web.filters.passing import Forbidden
from app.web.filters.text import ELSEWHERE, shown, unkept
from app.web.session import Current

LOCKED = "Nothing can be put into the script that runs now. Nothing was changed."


def standing(me: Current) -> Standing:
    """How the script has it. Raises NoSieve, the tree of app/sieve/failures.py."""
    with sieve() as client:
        found = kept.fetched(client)
    return _standing(me, found)


def _standing(me: Current, found: Kept) -> Standing:
    at, forward = _forward(found.script)
    on = forward is not None and forward.enabled
    others = foreign.parts(found.script, b"redirect", besides=at)
    return Standing(
        (forward.target,) if forward and on else (),
        forward.copy if forward and on else "copy" in found.extensions,
        kept.made(me, found),
        chooses="copy" in found.extensions,
        closed=None if found.editable else found,
        others=others,
    )


def put(me: Current, target: str, *, copy: bool, made: str) -> None:
    """Forwards to an address, with "" to none. Raises NotPut, NoSieve."""
    try:
        with sieve() as client:
            _put(client, me, target, copy=copy, made=made)
    except (BadRule, Forbidden) as error:
        raise NotPut(error.words, 422) from None
    except BadScript as error:
        raise NotPut(f"The mail server does not take it: {error.text}", 422) from None
    except (SieveError, MailError) as error:
        raise NotPut(*unkept(error)) from None


def _put(client: ManageSieve, me: Current, target: str, *, copy: bool, made: str) -> None:
    found = kept.fetched(client)
    if not found.editable:
        raise NotPut(LOCKED, 409)
    at, before = _forward(found.script)
    if not target:
        after = found.script if at is None else found.script.remove(at)
    else:
        forward = replace(before or Forward(target), target=target, copy=copy, enabled=True)
        if lacking := sorted(needs(forward) - found.extensions):
            raise NotPut(f"Your mail server does not know how to do that ({', '.join(lacking)}).", 422)
        after = found.script.put(at, forward)
    if bytes(after) == found.text:
        return
    try:
        kept.put(client, me, found, made, bytes(after))
        kept.warn(found.script, after)
    except Changed:
        raise NotPut(ELSEWHERE, 409, sides(shown(bytes(after)), shown(found.text))) from None


def _forward(script: Script) -> tuple[int | None, Forward | None]:
    for at in script.shown:
        rule = script.blocks[at].rule
        if isinstance(rule, Forward):
            return at, rule
    return None, None
