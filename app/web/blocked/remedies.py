"""What the page of a stopped message offers to do about it, and what was done about it in the last day."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.blocklog.query import Block
from app.directory.errors import DirectoryError
from app.directory.resolve import domains
from app.policy import actions, senders
from app.policy.actions import UNDO, Action
from app.policy.errors import PolicyAway
from app.policy.senders import Decision
from app.web.blocked.asked import place_text
from app.web.blocked.situation import Situation, situation
from app.web.brand import brand
from app.web.policy import policy
from app.web.profile import aliases
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.session import Current

_MOST = 200  # actions of a day that are looked through for those about one message


@dataclass(frozen=True, slots=True)
class Remedies:
    """`done`: what can still be taken back; `away`: rules could not be asked; `writes`: whether one can write to
    somebody from here; `faults` by field, and what was chosen, where a form comes back."""

    now: Situation
    done: tuple[Action, ...] = ()
    away: bool = False
    writes: bool = True
    faults: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)


def remedies(me: Current, row: Block) -> Remedies:
    """Those of a row of the account's own. Never raises for SQL: without it, what needs none is still offered."""
    now = datetime.now(UTC)
    try:
        with policy() as engine:
            decision = senders.decide(
                engine, now, account_id=me.account.id, site=me.account.site, sender=row.sender, ip=row.client_ip
            )
            latest = actions.of_account(engine, me.account.id, since=now - UNDO, limit=_MOST)
    except PolicyAway:
        return Remedies(_situation(me, row, Decision()), away=True, writes=may_write(me))
    place = place_text(*row.place)
    done = tuple(each for each in latest if each.detail.get("row") == place and actions.undoable(each, now))
    return Remedies(_situation(me, row, decision), done, writes=may_write(me))


def may_write(me: Current) -> bool:
    """Whether a message can be sent from here: not by who only forwards, nor where the brand has it off."""
    return me.account.server is not None and brand().has("compose")


def own_domains(me: Current) -> Collection[str]:
    """The domains of the account's site, as far as they can be asked for."""
    known = {each.rpartition("@")[2] for each in (me.account.address, *aliases(me))}
    try:
        return known | set(domains(resources().directory, site=me.account.site))
    except DirectoryError as error:
        logger.warning("the directory does not answer", extra=described(error))
        return known


def _situation(me: Current, row: Block, decision: Decision) -> Situation:
    settings = resources().settings
    return situation(
        row,
        decision,
        account_id=me.account.id,
        own=own_domains(me),
        release=bool(settings.amavis_release) and (row.stored_ref or "").startswith("amavis:"),
        report=bool(settings.report_to),
    )
