"""A rule tried before it is saved: which of the latest messages of the inbox it would have taken, and doing it to them.

Nothing is changed by trying: headers of 500 messages are fetched, in two commands, and compared here. For what a rule
asks of bodies the mail server searches these messages, one command for each test.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import request

from app.mail.connection import Connection
from app.mail.errors import CannotDo, MailError, Refused, ServerSilent
from app.mail.header import addresses, decode, fields
from app.mail.holding import fits, holding
from app.mail.latest import Latest, latest
from app.sieve.block import AnyRule
from app.sieve.match import Mail, Reading, holds, reads, searched
from app.sieve.rule import Action, Rule
from app.web.filters.words import action_words, actions_words
from app.web.mailboxes import pane
from app.web.reading import actions
from app.web.session import Current, imap

MOST = 500
SHOWN = 50
MOST_TESTS = 8  # of bodies: each is a search
SECONDS = 10.0  # for all of these searches
ODDS_SECONDS = 2.0
SEARCHED = "The texts were searched by your mail server, which may find a little more or less than the rule will."
SLOW = "Your mail server took too long to search the texts."
UNABLE = "Your mail server cannot search the texts for these letters."
INBOX = "INBOX"
Bodies = dict[tuple[str, ...], frozenset[int]]
_READING = Reading(decode, lambda raw: [each.address for each in addresses(raw)])


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that the rule would have taken."""

    uid: int
    sender: str
    subject: str
    arrived: datetime


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `unknown`: of so many messages it could not be told · `act`: what can be done to those now, in
    words, with its action and target as a list's form names them · `of`: the rule's digest, for the form · `notes`:
    what else is to be said of it."""

    looked: int
    hits: tuple[Hit, ...]
    unknown: int
    uidvalidity: int
    words: str
    act: str = ""
    target: str = ""
    uids: tuple[int, ...] = ()
    of: str = ""
    notes: tuple[str, ...] = ()


def tried(rule: Rule, others: Sequence[AnyRule] = ()) -> Trial:
    """`others`: rules that keep this one from acting, or are kept by it, where a message meets both. Raises the tree of
    app/mail/errors.py."""
    with imap() as client:
        uidvalidity, found = latest(client, INBOX, MOST, reads(rule).union(*map(reads, others)))
        notes, bodies = searched_bodies(client, rule, found)
    mails = {each.uid: _mail(each, bodies) for each in found}
    told = [(each, holds(rule, mails[each.uid])) for each in found]
    taken = [each for each, verdict in told if verdict]
    unknown = sum(verdict is None for _, verdict in told)
    act, target, words = _act(rule)
    uids = tuple(each.uid for each in taken)
    hits = tuple(map(_hit, taken[:SHOWN]))
    notes += _at_odds(others, [mails[uid] for uid in uids])
    return Trial(len(found), hits, unknown, uidvalidity, words, act, target, uids, _digest(rule), notes)


def _mail(each: Latest, bodies: Bodies) -> Mail:
    found = {texts: each.uid in uids for texts, uids in bodies.items()}
    return Mail(fields(each.header), each.size, each.arrived, _READING, found=found)


def searched_bodies(client: Connection, rule: Rule, found: Sequence[Latest]) -> tuple[tuple[str, ...], Bodies]:
    """Which messages hold what a rule looks for in bodies, by the texts of each test, as far as the mail server tells;
    and what is to be said of that."""
    asked = [texts for texts in searched(rule) if fits(texts)][:MOST_TESTS] if found else []
    low, high = min((each.uid for each in found), default=0), max((each.uid for each in found), default=0)
    end = time.monotonic() + SECONDS
    bodies: Bodies = {}
    for texts in asked:
        try:
            bodies[texts] = holding(client, low, high, texts, seconds=max(end - time.monotonic(), 0.01))
        except ServerSilent:
            return (SLOW,), bodies
        except (Refused, CannotDo):
            return (UNABLE,), bodies
    return ((SEARCHED,) if asked else ()), bodies


def _at_odds(others: Sequence[AnyRule], taken: Sequence[Mail]) -> tuple[str, ...]:
    """Of how many of the messages others have the mail server give up on all rules."""
    end = time.monotonic() + ODDS_SECONDS
    found = [any(holds(other, mail) for other in others) for mail in taken if time.monotonic() < end]
    if not any(found):
        return ()
    names = " or ".join(f"“{each.name}”" for each in others)
    whose, them = ("1 of them", "it") if sum(found) == 1 else (f"{sum(found):,} of them", "them")
    return (
        f"{whose} would stay in your inbox: {names} meets {them}, too, and a mail server cannot refuse a message and do"
        " something else with it. Move the rule that refuses above the others.",
    )


def _hit(each: Latest) -> Hit:
    told = dict(reversed(fields(each.header)))
    who = addresses(told.get("from", b""), 1)
    sender = (who[0].name or who[0].address) if who else ""
    return Hit(each.uid, sender, decode(told.get("subject", b""), 300), each.arrived)


def _act(rule: Rule) -> tuple[str, str, str]:
    """The first thing that a rule does and that can be done to messages that are there: action, target, words."""
    for action in rule.actions:
        name, target = _named(action)
        if name:
            return name, target, action_words(action)
    return "", "", actions_words(rule.actions)


def _named(action: Action) -> tuple[str, str]:
    if action.kind == "fileinto" and not action.copy:
        return ("move", action.values[0]) if action.values[0] != INBOX else ("", "")
    if action.kind == "discard":
        return "trash", ""
    if action.kind in ("addflag", "setflag"):
        return {"\\Seen": "read", "\\Flagged": "flag"}.get(action.values[0], ""), ""
    return "", ""


def is_of(rule: Rule) -> bool:
    """Whether the messages that the form names are those that were shown for this very rule. Raises BadRequest."""
    actions.number(request.form.get("uidvalidity"))
    return bool(actions.uids()) and request.form.get("tried") == _digest(rule)


def _digest(rule: Rule) -> str:
    return hashlib.sha256(repr((rule.join, rule.conditions, rule.actions)).encode(errors="replace")).hexdigest()


def applied(me: Current, rule: Rule) -> str:
    """Does to the messages that the form names what the rule does, by the list's own way and with its undo; what went
    wrong in words, or "". The rule is saved already, so nothing is raised."""
    act, target, _ = _act(rule)
    uidvalidity, uids = actions.number(request.form.get("uidvalidity")), actions.uids()
    if not act:
        return "The rule was saved. Nothing that it does can be done to messages that are already there."
    try:
        with imap() as client:
            actions.done(client, me, act, INBOX, uidvalidity, uids, target)
    except MailError:
        return "The rule was saved. The messages could not be moved, or not all of them: look in your inbox."
    finally:
        pane.wrote(me)
    return ""
