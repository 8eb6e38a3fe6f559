"""What Postfix is told about some mails: by the switches of the intake, shut out servers, rules, and greylisting.

`connect`  among the client's restrictions: the switches, and servers that are shut out
`rules`    before the block lists: a class of restrictions where lists are to be skipped (config/postfix/postern.cf)
`greylist` behind them
`rcpt`     or no context: rules and greylisting in one, for a configuration without such classes
`content`  asked by Rspamd of a message and all of its recipients (content.py)
`host`     asked by postscreen of a connection: "reject" who is shut out, "permit" a network that everybody allows

`OK` and the classes skip what stands behind them: so `reject_unauth_destination` and `reject_unlisted_recipient` stand
before, the first of them among smtpd_relay_restrictions, where nothing of this has a say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from sqlalchemy import Engine, select

from app.policy import greylist
from app.policy.asking import reading
from app.policy.content import MOST, contents
from app.policy.decisions import Mail, decisions, switched_off
from app.policy.delegation import HOST, NOTHING, Request
from app.policy.errors import PolicyAway
from app.policy.routed import meant, swapped
from app.policy.senders import Decision
from app.policy.tables import HostBlockRow
from app.policy.value import server

DUNNO: Final = NOTHING
ALLOWED: Final = {"rcpt": "OK", "rules": "postern_allow"}
UNLISTED: Final = "postern_norbl"
DENIED: Final = "This address does not accept mail from you"
PAUSED: Final = "4.3.2 Mail service paused, please try again later"
SHUT_OUT: Final = "REJECT 5.7.1 Mail from this server is not accepted"
LATER: Final = "DEFER_IF_PERMIT 4.7.1 Greylisted, please try again later"

REMEMBERED: Final = 10_000  # mails that a rule let in at RCPT
LOCAL: Final = 64  # octets of a local part (RFC 5321 §4.5.3.1.1)

Owner = tuple[str, str]  # the ids of an account and its site; "" for none
Owners = Callable[[Collection[str]], Mapping[str, tuple[Owner, ...]]]
Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(slots=True)
class Answers:
    """Works out answers, several at once. `off`: switches of the intake that are, by name; `host_hits`, `rule_hits`:
    what shut out servers and rules of allowing did since somebody wrote that down. `unwritten`: why SQL took no attempt
    the last time; then nobody waits, who would do so for ever. `let_in`: what rules let in at RCPT, the latest: asked
    again after DATA, they let in the same mail."""

    engine: Engine
    owners: Owners
    trusted: Networks = ()
    times: greylist.Times = field(default_factory=greylist.Times)
    off: frozenset[str] = frozenset()
    host_hits: Counter[str] = field(default_factory=Counter)
    rule_hits: Counter[int] = field(default_factory=Counter)
    unwritten: str = ""
    let_in: dict[int, None] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, requests: Sequence[Request]) -> list[str]:
        """The answer to each. Raises PolicyAway, and the errors of `owners`."""
        now = self.clock()
        told = [DUNNO] * len(requests)
        places: dict[str, list[int]] = {each: [] for each in ("connect", "rules", "greylist", "rcpt", "content", HOST)}
        for number, each in enumerate(requests):
            places.get(each.policy_context or "rcpt", []).append(number)
        for number, answer in self._connects({at: requests[at] for at in places["connect"]}, now).items():
            told[number] = answer
        for number, answer in self._hosts({at: requests[at] for at in places[HOST]}, now).items():
            told[number] = answer
        asked = {at: requests[at] for name in ("rules", "greylist", "rcpt") for at in places[name]}
        for number, answer in self._recipients(asked, now).items():
            told[number] = answer
        for number, answer in self._messages({at: requests[at] for at in places["content"]}, now).items():
            told[number] = answer
        return told

    def trusts(self, request: Request) -> bool:
        """Whether a client is inside."""
        return _inside(request.client_address, self.trusted)

    def _connects(self, requests: Mapping[int, Request], now: datetime) -> dict[int, str]:
        told = {at: paused for at, each in requests.items() if (paused := self._paused(each))}
        rest = {at: each for at, each in requests.items() if at not in told and not each.sasl_username}
        return told | dict.fromkeys(self._shut_out(rest, now), SHUT_OUT)

    def _hosts(self, requests: Mapping[int, Request], now: datetime) -> dict[int, str]:
        """Nothing else that is set stops a client before it says for whom its mail is; postscreen's tests are spared to
        a network that the rules of everybody allow."""
        told = dict.fromkeys(self._shut_out(requests, now), "reject")
        rest = [at for at in requests if at not in told]
        if rest:
            mails = [Mail("", _plain(requests[at].client_address)) for at in rest]
            rules = zip(rest, decisions(self.engine, mails, now), strict=True)
            told |= {at: "permit" for at, each in rules if each.action == "allow"}
        return told

    def _shut_out(self, requests: Mapping[int, Request], now: datetime) -> set[int]:
        """Those whose server is; nobody inside."""
        ips = {at: _plain(each.client_address) for at, each in requests.items() if not self.trusts(each)}
        if not ips:
            return set()
        row = HostBlockRow
        alive = select(row.ip).where(row.ip.in_(sorted(set(ips.values()))), row.expires_at > now)
        with reading(self.engine) as connection:
            out = set(connection.scalars(alive))
        self.host_hits.update(ip for ip in ips.values() if ip in out)
        return {at for at, ip in ips.items() if ip in out}

    def _paused(self, request: Request) -> str:
        """By the switches. 421 hangs up."""
        if "allow_cnxns" in self.off:
            return f"421 {PAUSED}"
        who = "allow_authd" if request.sasl_username else "allow_trusted" if self.trusts(request) else "allow_other"
        return f"450 {PAUSED}" if who in self.off else ""

    def _recipients(self, requests: Mapping[int, Request], now: datetime) -> dict[int, str]:
        known = {at: each for at, each in requests.items() if each.recipient and each.protocol_state in ("RCPT", "")}
        if not known:
            return {}
        mails = self._mails(known.values())
        decided = dict(zip(known, decisions(self.engine, mails, now), strict=True))
        off = dict(zip(known, switched_off(self.engine, mails), strict=True))
        asked = dict(zip(known, mails, strict=True))
        told: dict[int, str] = {}
        wait: dict[int, greylist.Triplet] = {}
        for at, each in known.items():
            place = each.policy_context or "rcpt"
            told[at] = DUNNO if place == "greylist" else self._by_rule(place, asked[at], decided[at], "rbl" in off[at])
            grey = place != "rules" and told[at] == DUNNO and self._greylists(decided[at], off[at])
            if grey and (key := greylist.triplet(each.client_address, each.sender, each.recipient)):
                wait[at] = key
        late = self._late(list(wait.values()), now) if wait else set()
        return told | {at: LATER for at, key in wait.items() if key in late}

    def _messages(self, requests: Mapping[int, Request], now: datetime) -> dict[int, str]:
        several = {at: each.recipient.split(",") for at, each in requests.items()}
        known = {at: requests[at] for at, some in several.items() if all(some) and len(some) <= MOST}
        if not known:
            return {}
        mails = iter(self._mails([replace(each, recipient=one) for at, each in known.items() for one in several[at]]))
        messages = [[next(mails) for _ in several[at]] for at in known]
        authors = [each.author for each in known.values()]
        found = contents(self.engine, messages, authors, now, greylists="greylist_on" not in self.off)
        for some, answer in zip(messages, found, strict=True):
            self._count_allowed(some, answer)
        return dict(zip(known, found, strict=True))

    def _count_allowed(self, mails: Sequence[Mail], answer: str) -> None:
        """A message that a rule lets in, unless that let it in at RCPT."""
        number = answer.partition(" rule=allow:")[2]
        if number and not any(_mark(int(number), each) in self.let_in for each in mails):
            self.rule_hits[int(number)] += 1

    def _late(self, wait: list[greylist.Triplet], now: datetime) -> set[greylist.Triplet]:
        try:
            late = greylist.waiting(self.engine, wait, now, self.times)
        except PolicyAway as error:
            self.unwritten = str(error)
            return set()
        self.unwritten = ""
        return late

    def _by_rule(self, place: str, mail: Mail, decision: Decision, unlisted: bool) -> str:
        rule = decision.rule
        if rule is not None and decision.action == "deny":
            return f"REJECT 5.7.1 {DENIED} [rule {rule.rule_id}]"
        if rule is not None:
            self.rule_hits[rule.rule_id] += 1  # the log tells of refusals; who reads it counts those
            self.let_in[_mark(rule.rule_id, mail)] = None
            if len(self.let_in) > REMEMBERED:
                del self.let_in[next(iter(self.let_in))]
            return ALLOWED[place]
        return UNLISTED if unlisted and place == "rules" else DUNNO

    def _greylists(self, decision: Decision, off: Collection[str]) -> bool:
        return not decision.nogrey and "greylist" not in off and "greylist_on" not in self.off

    def _mails(self, requests: Collection[Request]) -> list[Mail]:
        """With whose they are. What goes to several accounts is no single one's: only their site's rules hold."""
        ways = [meant(each.recipient) for each in requests]
        owners = self.owners({_cut(each) for some in ways for each in some})
        mails = []
        for each, some in zip(requests, ways, strict=True):
            recipient = next((one for one in some if owners[_cut(one)][0][0]), some[0])
            found = owners[_cut(recipient)]
            sites = {site for _, site in found}
            account_id, site = found[0] if len(found) == 1 else ("", next(iter(sites)) if len(sites) == 1 else "")
            mails.append(Mail(swapped(each.sender), each.client_address, recipient, account_id, site))
        return mails


def _mark(rule_id: int, mail: Mail) -> int:
    return hash((rule_id, mail.ip, mail.sender.lower(), mail.recipient.lower()))


def _cut(recipient: str) -> str:
    """An address under which it is remembered whose it is, no longer than tells that the directory has none so long:
    50,000 details of 2,000 characters would be 100 MB."""
    local, at, domain = recipient.lower().rpartition("@")
    return f"{local[: LOCAL + 1]}{at}{domain[:254]}"


@lru_cache(maxsize=4096)
def _inside(ip: str, networks: Networks) -> bool:
    try:
        address = server(ip)
    except ValueError:
        return False
    return any(address in each for each in networks if each.version == address.version)


@lru_cache(maxsize=4096)
def _plain(ip: str) -> str:
    """An address as the table of shut out servers spells it."""
    try:
        return str(server(ip))
    except ValueError:
        return ip[:45]
