"""One entry of an allow or deny list, as a form or a line of a file says it: whom it is about, and what speaks against.

Whoever lets in a forged sender, or shuts out half the Internet, is asked first whether they mean it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network

from app.blocklog.reason import cleaned
from app.policy.errors import BadValue
from app.policy.freemail import is_free
from app.policy.rule import Rule
from app.policy.senders import NOTE
from app.policy.value import Kind, canonical, read
from app.web.blocked.situation import changing
from app.web.lists.whose import Whose

ACTIONS = {"allow": "Allow", "deny": "Shut out", "nogrey": "Don’t delay"}
DAYS = {"7": "A week", "30": "30 days", "365": "A year", "0": "Always"}
FIELDS = ("what", "action", "days", "note", "about", "as", "sure", "locked")
_NARROW = {4: 24, 6: 48}  # networks with fewer bits hold many senders


@dataclass(frozen=True, slots=True)
class Entry:
    """What was typed, and the rule that it makes; else `faults` by field, `doubt` that wants a yes, and `domain`: about
    which the rule is better."""

    typed: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    rule: Rule | None = None
    doubt: str = ""
    domain: str = ""


def entry(whose: Whose, form: Mapping[str, str], now: datetime) -> Entry:
    """What a form asks for."""
    typed = {name: form.get(name, "").strip() for name in FIELDS}
    faults = {}
    if typed["action"] not in ACTIONS:
        faults["action"] = "Choose what to do."
    if typed["days"] not in DAYS:
        faults["days"] = "Choose for how long."
    try:
        kind, value = about(whose, typed["what"], typed["about"])
    except BadValue as error:
        return Entry(typed, {**faults, "what": f"This cannot be put into the list: {error}."})
    if faults:
        return Entry(typed, faults)
    own, domain = whose.own_domains(), _better(kind, value)
    if domain and typed["as"] not in ("address", "domain"):
        return Entry(typed, {"as": "Choose which of the two you mean."}, domain=domain)
    if domain and typed["as"] == "domain":
        kind, value = Kind.domain, domain
    if against := refused(kind, value, typed["action"]):
        return Entry(typed, {"what": against}, domain=domain)
    doubt = doubted(kind, value, typed["action"], own)
    if doubt and typed["sure"] != "yes":
        return Entry(typed, {"sure": "Tick this if you mean it."}, doubt=doubt, domain=domain)
    return Entry(typed, {}, rule(whose, kind, value, typed, now))


def rule(whose: Whose, kind: Kind, value: str, typed: Mapping[str, str], now: datetime, origin: str = "user") -> Rule:
    """The rule about it, by what else a form says; `days` and `action` are known to be right."""
    days, admin = int(typed["days"]), whose.realm is not None
    return Rule(
        whose.scope, typed["action"], kind, value, now,
        created_by=whose.me.account.id, expires_at=now + timedelta(days=days) if days else None,
        note=cleaned(typed.get("note", ""), NOTE), locked=admin and typed.get("locked") == "yes",
        origin="admin" if admin and origin == "user" else origin,
    )  # fmt: skip


def about(whose: Whose, typed: str, side: str) -> tuple[Kind, str]:
    """Whom it is about: a sender or its server; for administrators also a recipient. Raises BadValue."""
    if whose.realm is not None and side == "recipient":
        return Kind.recipient, canonical(Kind.recipient, typed.strip().removeprefix("@"))
    return read(typed)


def refused(kind: Kind, value: str, action: str) -> str:
    """Why there is no such rule; "" where there may be."""
    if kind is Kind.domain and action != "deny" and is_free(value):
        return f"Anybody can get an address at {value}. Name the address of the one you mean."
    return ""


def doubted(kind: Kind, value: str, action: str, own: Collection[str]) -> str:
    """What speaks against it; "" for nothing."""
    domain = value.rpartition("@")[2]
    if kind is Kind.recipient:
        return f"Nobody could write to {value} any more." if action == "deny" else ""
    if kind is Kind.network:
        network = ip_network(value)
        wide = network.prefixlen < _NARROW[network.version]
        return f"{value} is a large part of the Internet, with very many senders." if wide else ""
    if domain in own:
        return _OWN_OUT if action == "deny" else _OWN_IN
    if kind is Kind.domain and is_free(value):
        return f"Anybody can get an address at {value}: all of them would be shut out."
    return ""


def _better(kind: Kind, value: str) -> str:
    """The domain, where the address is likely to be another one next time."""
    local, _, domain = value.rpartition("@")
    return domain if kind is Kind.sender and changing(local) and not is_free(domain) else ""


_OWN_IN = (
    "This is a domain of your own provider. Mail that comes from outside and yet claims to be from it is mostly forged,"
    " and would be let in, too."
)
_OWN_OUT = "This is a domain of your own provider: people of your own site would be shut out."
