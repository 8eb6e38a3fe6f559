"""An account's script as a page was made from it, and how it is put back: compared first, never over what another
program wrote meanwhile, and with a copy of what somebody wrote by hand. This is the one way to the mail server, so that
nothing that a page does makes mail go where it may not (passing.py).
"""

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from flask import flash

from app.sieve.errors import BadRule
from app.sieve.failures import NoScript
from app.sieve.managesieve import ManageSieve, Scripts
from app.sieve.refusal import clashes
from app.sieve.script import Script
from app.sieve.targets import included
from app.sieve.wrapper import SOGO, wrapper
from app.store.seal import derive
from app.web.filters import passing
from app.web.mailboxes import answering, pane
from app.web.resources import resources
from app.web.session import Current

OWN = "webmail"
ORDER = "webmail-order"  # the script that runs somebody's own and ours, one after the other
_LOOKED_AT = 20  # names that a script of that kind may include
_MOST_RUN = 20  # scripts that are looked at, as one includes another


class Changed(Exception):
    """The script is not the one any more that the form was made from; nothing was written."""

    def __init__(self, kept: "Kept") -> None:
        super().__init__()
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Kept:
    """The script that runs, or will: `name` and `text` as they are on the server (b"" where there is none yet).
    `beside`: the name of another one that runs too, and whether this one is the first."""

    name: str
    text: bytes
    script: Script
    scripts: Scripts
    extensions: frozenset[str]
    beside: tuple[str, bool] | None = None

    @property
    def digest(self) -> str:
        """By which a form knows that the script is still as it was shown."""
        return hashlib.sha256(self.name.encode() + b"\0" + self.text).hexdigest()

    @property
    def foreign_owner(self) -> bool:
        """Whether another program writes the whole script anew whenever it likes."""
        return self.name == SOGO

    @property
    def editable(self) -> bool:
        """Whether rules can be put into it as it is."""
        return self.script.editable and not self.foreign_owner


def fetched(client: ManageSieve) -> Kept:
    """The active script; that of ours where ours only includes others; or an empty one that is to be."""
    scripts = client.scripts()
    name = scripts.active or OWN
    text = client.script(name) if name in scripts.names else b""
    other = _included(text, scripts) if name == ORDER and OWN in scripts.names else None
    if other is not None:
        name, text = OWN, client.script(OWN)
    return Kept(name, text, Script.read(text), scripts, client.extensions, other)


def _included(text: bytes, scripts: Scripts) -> tuple[str, bool] | None:
    """Which script runs beside ours, and whether ours is the first; None where the text says anything else."""
    others = [each for each in scripts.names if each not in (OWN, ORDER)][:_LOOKED_AT]
    with suppress(BadRule):
        pairs = ((each, first) for each in others for first in (True, False))
        return next((pair for pair in pairs if text == wrapper(pair[0], OWN, pair[1])), None)
    return None


def made(me: Current, kept: Kept) -> str:
    """What a form holds to say which script it was made from, for this account only."""
    return f"{kept.digest}.{_mac(resources().ring.current, me, kept.digest)}"


def is_made_from(me: Current, kept: Kept, given: str) -> bool:
    """Whether a form was made from the script as it is now."""
    digest, _, mac = given.partition(".")
    good = any(hmac.compare_digest(mac.encode(), _mac(key, me, digest).encode()) for key in resources().ring.secrets)
    return good and hmac.compare_digest(digest.encode(), kept.digest.encode())


def _mac(secret: bytes, me: Current, digest: str) -> str:
    return hmac.digest(derive(secret, "scripts in forms"), f"{me.account.id} {digest}".encode(), "sha256").hex()[:40]


def put(client: ManageSieve, me: Current, kept: Kept, given: str, text: bytes, *, copy: bool = False) -> None:
    """Puts the text in the place of the script. `kept`: as it was fetched a moment ago; `given`: what the form holds;
    `copy`: the script as it is stays beside.

    Raises Changed, passing.Forbidden, and the tree of app/sieve/failures.py; nothing is written then."""
    if not is_made_from(me, kept, given):
        raise Changed(kept)
    client.check(text)
    script = Script.read(text)
    news = passing.checked(me, _running(client, kept, kept.script), _included_by(client, kept, script))
    if copy:
        copied(client, me, kept)
    client.store(kept.name, text)
    if kept.scripts.active is None:
        client.activate(kept.name)
    if answering.noted(me, script):
        pane.drop(me)
    passing.told(me, news)


def warn(before: Script, after: Script) -> None:
    """Says on the next page that a rule which refuses is at odds with what is new, where that page does not show it."""
    odds = [sum(len(each.above + each.below) for each in clashes(one.blocks).values()) for one in (before, after)]
    if odds[0] < odds[1]:
        flash("One of your filters refuses mail, and conflicts with this. See it in your filters.", "warning")


def _running(client: ManageSieve, kept: Kept, script: Script) -> list[Script]:
    """The scripts that run now: none, where this one is only stored."""
    return [] if kept.scripts.active is None else _included_by(client, kept, script)


def _included_by(client: ManageSieve, kept: Kept, script: Script) -> list[Script]:
    """A script, and those of the account that run as well once it does. Raises Forbidden: too many."""
    found, names = [script], {kept.name}
    for each in found:  # it grows
        for name in included(each.source):
            if name in kept.scripts.names and name not in names:
                if len(found) >= _MOST_RUN:
                    raise passing.Forbidden(f"A script may run {_MOST_RUN - 1} others, and this one runs more.")
                names.add(name)
                found.append(Script.read(client.script(name)))
    return found


def copied(client: ManageSieve, me: Current, kept: Kept) -> str:
    """Keeps a copy of the script as it is, under a name of the day, for further ones of the moment; returns it."""
    now = datetime.now(me.zone)
    base = f"{kept.name[:100]}.bak-{now:%Y%m%d}"
    if base in kept.scripts.names:
        with suppress(NoScript):
            if client.script(base) == kept.text:
                return base
        base = f"{base}-{now:%H%M%S}-{secrets.token_hex(2)}"
    client.store(base, kept.text)
    return base


def as_ours(client: ManageSieve, me: Current, kept: Kept, given: str) -> None:
    """With consent: rules may be put into a script that was written by hand. Raises as `put`."""
    put(client, me, kept, given, bytes(kept.script.adopt()), copy=True)


def beside(client: ManageSieve, me: Current, kept: Kept, given: str, *, ours_first: bool) -> None:
    """With consent: a script written by hand stays as it is, and another runs it and ours. Raises as `put`."""
    if not is_made_from(me, kept, given):
        raise Changed(kept)
    order = wrapper(kept.name, OWN, ours_first)
    before = _running(client, kept, kept.script)
    news = passing.checked(me, before, _included_by(client, replace(kept, name=ORDER), Script.read(order)))
    copied(client, me, kept)
    if OWN not in kept.scripts.names:
        client.store(OWN, b"")
    client.check(order)
    client.store(ORDER, order)
    client.activate(ORDER)
    passing.told(me, news)
