"""What the page of a stopped message offers to do about it, and what was done about it in the last day."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from app.blocklog.query import Block
from app.directory.account import Account
from app.directory.errors import DirectoryError
from app.directory.resolve import domains
from app.policy import actions, senders
from app.policy.actions import UNDO, Action
from app.policy.decisions import Mail, decisions
from app.policy.errors import PolicyAway
from app.policy.rule import Rule
from app.policy.senders import Decision
from app.web.blocked.asked import place_text
from app.web.blocked.hidden import TAKEN_BACK, hidden
from app.web.blocked.kept import gives_out
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
    somebody from here; `rule`: what stopped it, where that is a rule and still there; `faults` by field, and what was
    chosen, where a form comes back."""

    now: Situation
    done: tuple[Action, ...] = ()
    away: bool = False
    writes: bool = True
    faults: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    rule: Rule | None = None


def remedies(me: Current, row: Block) -> Remedies:
    """Those of a row of the account's own. Never raises for SQL: without it, what needs none is still offered."""
    now, own = datetime.now(UTC), own_domains(me.account, aliases(me))
    try:
        with policy() as engine:
            decision = decided(engine, me.account, row, now)
            latest = actions.of_account(engine, me.account.id, since=now - UNDO, limit=_MOST)
            rule = _named(engine, me.account, row)
    except PolicyAway:
        return Remedies(_for_them(me, offered(me.account, row, Decision(), own)), away=True, writes=may_write(me))
    place = place_text(*row.place)
    done = tuple(each for each in latest if each.detail.get("row") == place and actions.undoable(each, now, TAKEN_BACK))
    return Remedies(_for_them(me, offered(me.account, row, decision, own)), done, writes=may_write(me), rule=rule)


def _named(engine: Engine, account: Account, row: Block) -> Rule | None:
    if row.rule_id is None:
        return None
    return senders.named(engine, row.rule_id, account_id=account.id, site=account.site)


def _for_them(me: Current, its: Situation) -> Situation:
    if me.account.server is None:
        its = replace(its, offers=its.offers - {"notjunk", "junk"})
    if not its.address:
        return its
    return replace(its, offers=its.offers | {"unhide" if its.address in hidden(me) else "hide"})


def may_write(me: Current) -> bool:
    """Whether a message can be sent from here: not by who only forwards, nor where the brand has it off."""
    return me.account.server is not None and brand().has("compose")


def own_domains(account: Account, addresses: Iterable[str] = ()) -> Collection[str]:
    """The domains of the account's site, as far as they can be asked for, and those of its further `addresses`."""
    known = {each.rpartition("@")[2] for each in (account.address, *addresses)}
    try:
        return known | set(domains(resources().directory, site=account.site))
    except DirectoryError as error:
        logger.warning("the directory does not answer", extra=described(error))
        return known


def decided(engine: Engine, account: Account, row: Block, now: datetime) -> Decision:
    """What the rules would say of such a message now. Raises PolicyAway."""
    return senders.decide(engine, now, account_id=account.id, site=account.site, sender=row.sender, ip=row.client_ip)


def decided_all(engine: Engine, account: Account, rows: Sequence[Block], now: datetime) -> list[Decision]:
    """The same of many, asked once. Raises PolicyAway."""
    mails = [Mail(row.sender, row.client_ip, "", account.id, account.site) for row in rows]
    return decisions(engine, mails, now)


def offered(account: Account, row: Block, decision: Decision, own: Collection[str]) -> Situation:
    """What can be done, as the site has set it up."""
    settings = resources().settings
    return situation(
        row,
        decision,
        account_id=account.id,
        own=own,
        kept=gives_out(settings, row),
        report=bool(settings.report_to),
        asked=settings.rules_asked,
    )
