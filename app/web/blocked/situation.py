"""What can be done about one stopped message, and whether a rule would have helped: decided from its row, the rules
and the settings alone, so that a page and whoever posts meet the same answer.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.query import Block
from app.mail.rescue import is_named
from app.policy.errors import BadValue
from app.policy.freemail import is_free
from app.policy.rule import Rule
from app.policy.senders import Decision
from app.policy.value import Kind, canonical

# What a rule about a sender can change. The rest is about the message, the mailbox, or a fault.
_RULED = frozenset(
    {
        *(Policy.rbl, Policy.rhsbl, Policy.spam, Policy.header, Policy.body, Policy.mime, Policy.rule, Policy.helo),
        *(Policy.client, Policy.sender, Policy.spf, Policy.dkim, Policy.dmarc, Policy.other),
    }
)
_FORGED = frozenset({Policy.spf, Policy.dkim, Policy.dmarc})
_KEPT = frozenset({Outcome.quarantined, Outcome.held})
_EARLY = frozenset({Stage.connect, Stage.helo, Stage.mail})
_CONTENT = frozenset({Stage.data, Stage.end_of_message, Stage.after_acceptance})


class Help(Enum):
    """Whether a rule would have helped this time, in the words of the page."""

    yes = "It would have helped this time: your list is asked when a server has mail for you."
    late = (
        "It may not help: the message was stopped for what it holds. Whether the filters that read messages heed your"
        " list is your provider’s choice."
    )
    early = (
        "It would not have helped this time: the server was stopped before it said whom its mail was for. Such a stop"
        " holds for everybody here; ask your provider about it."
    )
    locked = "It will not help: an entry of your provider’s comes first."
    unknown = (
        "Nobody can tell whether it would have helped this time: the log does not say when the message was stopped."
    )


class Doubt(Enum):
    """Why the sender may be somebody else."""

    failed = (
        "The sender’s domain did not vouch for this message, so it may be forged. Whoever forges this sender gets in,"
        " too, once you allow it."
    )
    own = (
        "The message came from outside, and yet claims to be from your own provider’s domain. Such messages are mostly"
        " forged."
    )


@dataclass(frozen=True, slots=True)
class Situation:
    """`offers`: words for what may be done. `address` and `domain`: what a rule may be about, "" where that makes no
    sense; `first`: which of them is proposed. `rule`: the account's own rule about this sender that holds now."""

    offers: frozenset[str]
    help: Help
    doubt: Doubt | None
    address: str
    domain: str
    first: str
    rule: Rule | None = None

    def values(self) -> dict[str, str]:
        """By the word of the form: what a rule may be about."""
        return {name: value for name, value in (("address", self.address), ("domain", self.domain)) if value}


def situation(
    row: Block, decision: Decision, *, account_id: str, own: Collection[str], kept: Collection[str], report: bool,
    asked: bool,
) -> Situation:  # fmt: skip
    """`own`: domains of the account's own site. `kept`: what can be done with what is kept of it (kept.py). `report`:
    whether there is somebody to report to. `asked`: whether the mail servers ask the rules; else none is offered."""
    address, domain = _address(row), _domain(row)
    mine = decision.rule if decision.rule and decision.rule.scope.id == account_id else None
    offers = _offers(row, decision, address, domain, kept=kept, report=report)
    offers = offers if asked else offers - {"allow", "nogrey"}
    if mine is not None:
        offers = offers - {mine.action} | {"unrule"}
    return Situation(
        offers,
        _helped(row, decision),
        _doubt(row, own),
        address,
        domain,
        "domain" if domain and (not address or changing(row.sender_local)) else "address",
        mine,
    )


def _offers(
    row: Block, decision: Decision, address: str, domain: str, *, kept: Collection[str], report: bool
) -> frozenset[str]:
    virus, named = row.policy is Policy.virus, bool(address or domain)
    junked = row.outcome is Outcome.junked and row.resolved_at is None
    told = {
        "allow": named and row.policy in _RULED and row.outcome is not Outcome.would_block,
        "nogrey": named and row.policy is Policy.greylist and not decision.nogrey,
        **dict.fromkeys(kept, not virus and row.outcome in _KEPT and row.resolved_at is None),
        "tell": bool(address) and not virus and row.outcome in (Outcome.refused, Outcome.discarded, Outcome.dropped),
        "junk": junked,
        "notjunk": junked and not virus and is_named(row.message_id),
        "report": report,
        "storage": row.policy is Policy.quota,
    }
    return frozenset(name for name, may in told.items() if may)


def _helped(row: Block, decision: Decision) -> Help:
    if decision.rule is not None and decision.rule.locked and decision.action == "deny":
        return Help.locked
    if row.stage in _EARLY:
        return Help.early
    if row.stage in _CONTENT:
        return Help.late
    return Help.yes if row.stage is Stage.rcpt else Help.unknown


def _doubt(row: Block, own: Collection[str]) -> Doubt | None:
    if row.sender_domain in own:
        return Doubt.own
    return Doubt.failed if row.policy in _FORGED else None


def _address(row: Block) -> str:
    try:
        return canonical(Kind.sender, row.sender)
    except BadValue:
        return ""


def _domain(row: Block) -> str:
    """A rule about everybody at a free-mail provider would be one about nobody in particular."""
    try:
        found = canonical(Kind.domain, row.sender_domain)
    except BadValue:
        return ""
    return "" if is_free(found) else found


def changing(local: str) -> bool:
    """Whether the part before the @ looks as if it were another one next time (mailing lists, bounces)."""
    return any(each in "+=" or each.isdigit() for each in local)
