"""One run of `flask --app wsgi blocklog digest`: whoever's digest is due gets it, once, however many nodes run this.

A period is claimed in SQL before its digest is sent. What certainly did not leave is given back, for the next run; a
process that dies in between leaves it claimed, as twice is worse than a day's list that is on the website anyway.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from click import ClickException
from click.exceptions import Exit
from sqlalchemy import Engine

from app.blocklog import query
from app.blocklog.errors import LogError
from app.blocklog.query import Block
from app.courier.letter import Letter, NotSent, Post, open_post, set_up
from app.directory import resolve
from app.directory.account import Account
from app.directory.errors import DirectoryError
from app.policy.errors import PolicyAway, PolicyError
from app.profile import settings as kept
from app.profile.errors import ProfileError
from app.web.blocked import hidden
from app.web.blocked.asked import SHOWN, STOPPED
from app.web.blocked.remedies import decided_all, offered, own_domains
from app.web.blocked.situation import Situation
from app.web.digest import link
from app.web.digest.due import SENT, SETTING, Wish, sent, since, wish
from app.web.digest.link import LASTS, Link
from app.web.digest.words import Digest, Line, html, plain
from app.web.resources import resources

ROWS = 50
MOST = 1000  # that are counted: of more it says so


@dataclass
class Counts:
    """What a run did."""

    sent: int = 0
    empty: int = 0
    failed: int = 0


def command(tell: Callable[[str], None]) -> None:
    """`flask --app wsgi blocklog digest`. Ends with one line where it cannot go on."""
    if not set_up(resources().settings):
        raise ClickException("POSTERN_PUBLIC_URL, POSTERN_NOTICE_FROM and a submission server are needed for digests")
    try:
        counts = run(datetime.now(UTC), tell)
    except (ValueError, ProfileError, LogError, PolicyError, DirectoryError) as error:
        raise ClickException(f"{type(error).__name__}: {error}") from None
    tell(f"sent: {counts.sent}, nothing stopped: {counts.empty}, failed: {counts.failed}")
    if counts.failed:
        raise Exit(1)


def run(now: datetime, tell: Callable[[str], None]) -> Counts:
    """Sends what is due. Raises ProfileAway, LogError, PolicyAway, DirectoryError: whoever had theirs, had it."""
    held, counts = resources(), Counts()
    with open_post(held.settings) as post:
        for account, wanted in _wanted(held.database):
            before = kept.read(held.database, account.id, SENT)
            begun = since(before, wanted.every, now, account.zone)
            if begun is None:
                continue
            mine = sent(wanted.every, now, account.zone)
            if not kept.exchange(held.database, account.id, SENT, before, mine):
                continue
            try:
                _send(post, account, begun, now, counts)
            except (NotSent, LogError, PolicyAway) as error:
                kept.exchange(held.database, account.id, SENT, mine, before)
                counts.failed += 1
                tell(f"not sent: {error}")
                if not isinstance(error, NotSent):
                    raise
    return counts


def _wanted(engine: Engine) -> Iterator[tuple[Account, Wish]]:
    """Who wants one, as the directory has them now. A disabled account gets none."""
    for account_id, value in kept.everybody(engine, SETTING):
        wanted = wish(value)
        if wanted is None:
            continue
        account = resolve.refresh(resources().directory, Account(account_id, wanted.address, ""))
        brand = resources().brands.by_id.get((account.brand if account else None) or "")
        if account is not None and (brand is None or brand.has("blocked")):
            yield account, wanted


def _send(post: Post, account: Account, begun: datetime, now: datetime, counts: Counts) -> None:
    digest = made(account, begun, now)
    if digest is None:
        counts.empty += 1
        return
    brand = resources().brands.by_id.get(account.brand or "")
    letter = Letter(digest.address, digest.subject, plain(digest), html(digest))
    post.send(letter, brand.name if brand else "Postern", now)
    counts.sent += 1


def made(account: Account, begun: datetime, now: datetime) -> Digest | None:
    """The digest of that time; None where nothing was stopped. Raises LogError, PolicyAway."""
    asked: dict[str, Any] = {"since": begun, "until": now, "policies": SHOWN, "outcomes": STOPPED}
    unseen = hidden.sound(kept.read(resources().database, account.id, hidden.SETTING))
    rows = query.day_page(resources().blocklog, account.id, limit=MOST + 1, without=unseen, **asked)
    if not rows:
        return None
    own = own_domains(account)
    decisions = decided_all(resources().database, account, rows[:ROWS], now)
    lines = tuple(
        Line(row, _links(account, row, offered(account, row, decision, own), now))
        for row, decision in zip(rows, decisions, strict=False)
    )
    site = resources().settings.public_url or ""
    return Digest(account.address, lines, len(rows) - len(lines), begun, now, account.zone, site, len(rows) > MOST)


def _links(account: Account, row: Block, its: Situation, now: datetime) -> tuple[tuple[str, str], ...]:
    """What can be done from the mail: not what wants a second look, such as a sender who may be forged."""
    held = resources()
    if its.doubt is not None:
        return ()
    site, found = held.settings.public_url or "", []
    for action in sorted(its.offers & link.ACTIONS):
        one = Link(account.id, account.address, row.blocked_at, row.id, action, now + LASTS)
        found.append((action, f"{site}/digest/{link.token(held.ring, one)}"))
    return tuple(found)
