"""Tells by mail whom an administrator's rule shuts off from all mail: the one person, or the people of a whole domain;
and who shuts out, in their own list, a part of the Internet so large that a few like it are all of it.

Other rules are told by nobody: one about a sender's domain or network stands in everybody's list of senders, with how
often it acted, and its refusals in their log. A letter about each would be a letter a day, and read by nobody.
"""

from datetime import datetime
from ipaddress import ip_network

from app.directory.account import Account
from app.directory.errors import DirectoryError
from app.directory.resolve import resolve
from app.directory.sites import Listed, accounts, site_of
from app.policy.rule import Rule
from app.policy.value import Kind
from app.web.lists.whose import Whose
from app.web.notice import announce
from app.web.resources import resources

MOST = 200  # people who are told one by one; beyond, a slip of the mouse would be a mass mailing
_ADMINS = 20
_WIDEST = {4: 8, 6: 32}


def announced(its: Whose, made: Rule) -> str:
    """What the page adds about who was told."""
    if its.realm is None:
        return _own(its, made)
    if made.action != "deny" or made.kind is not Kind.recipient:
        return ""
    try:
        return _one(its, made) if "@" in made.value else _domain(its, made.value, made.created_at)
    except DirectoryError:
        return " Nobody was told by mail, as the directory does not answer: tell them."


def _own(its: Whose, made: Rule) -> str:
    """No rule of somebody's own is about all mail, but of the widest networks 220 are."""
    network = ip_network(made.value) if made.kind is Kind.network else None
    if made.action == "deny" and network is not None and network.prefixlen <= _WIDEST[network.version]:
        words = f"Mail from {made.value}, a large part of the Internet, is refused"
        announce.denials(its.me.account, [words], made.created_at)
    return ""


def _one(its: Whose, made: Rule) -> str:
    account = resolve(resources().directory, made.value)
    if account is None or (its.site and account.site != its.site):
        return ""
    told = announce.shut_out(account, "everybody", made.created_at)
    return " They are told by mail." if told else " They could not be told by mail: tell them."


def _domain(its: Whose, domain: str, now: datetime) -> str:
    if resources().directory.query is not None:  # which finds one address at a time
        return " Nobody was told by mail: tell them."
    site = site_of(resources().directory, domain)
    if site is None or (its.site and site != its.site):
        return ""
    people = [each for each in accounts(resources().directory, site) if each.enabled]
    whom = people if len(people) <= MOST else [each for each in people if each.role == "site_admin"][:_ADMINS]
    if not announce.shut_off([_account(each, site, its) for each in whom], domain, len(people), now):
        return f" Nobody of its {len(people):,} accounts could be told by mail: tell them." if people else ""
    if len(whom) == len(people):
        return f" Its {len(people):,} accounts are told by mail."
    return f" Its {len(people):,} accounts are too many to be told by mail; the site’s administrators are."


def _account(each: Listed, site: str, its: Whose) -> Account:
    """As far as a letter needs to know; the clock is that of who acts."""
    return Account(each.id, each.address, site, time_zone=its.me.account.time_zone)
