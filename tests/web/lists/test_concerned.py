"""Whom a rule shuts off from all mail is told: everybody of a small domain, the administrators of a large one."""

from __future__ import annotations

import dataclasses
import time

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import Engine, update

from app.directory.tables import AccountRow
from app.store.letters import Waiting, take
from app.web.lists import concerned
from tests.smtpsink import Sink
from tests.web.admin.world import ISP_ADMIN, SITE_ADMIN, enter
from tests.web.lists.test_senders import EVERY_PAGE, PAGE, SITE_PAGE, add, text

pytestmark = pytest.mark.servers
ALL = {"what": "@one.example", "about": "recipient", "sure": "yes"}


@pytest.fixture(autouse=True)
def letters(app: Flask) -> None:
    """A site that sends mails of its own; nothing listens there, as no request may need it."""
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(
        held.settings, public_url="https://mail.isp.example", notice_from="webmail@one.example",
        notice_url="smtp+plain://127.0.0.1:1",
    )  # fmt: skip


def waiting(redis: Redis) -> list[Waiting]:
    found = []
    while (each := take(redis, int(time.time()))) is not None:
        found.append(each)
    return sorted(found, key=lambda each: each.address)


def people(log: Engine, *, role: str | None = None) -> list[str]:
    with log.connect() as rows:
        asked = AccountRow.__table__.select().where(AccountRow.site_id == 1, AccountRow.enabled)
        return sorted(f"{row.username}@one.example" for row in rows.execute(asked) if role in (None, row.role))


def test_everybody_of_the_domain_is_told_by_a_courier(log: Engine, app: Flask, redis: Redis) -> None:
    with log.begin() as rows:
        rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 1).values(enabled=False))
    told = text(add(enter(app, SITE_ADMIN), SITE_PAGE, **ALL))
    assert f"Its {len(people(log))} accounts are told by mail." in told
    found = waiting(redis)
    assert [each.address for each in found] == people(log) and "forward@one.example" not in people(log)
    assert "All mail to addresses under one.example is refused from now on." in found[0].text
    assert "An administrator changed this on" in found[0].text and "concerned" not in found[0].text


def test_of_a_large_one_its_administrators(
    log: Engine, app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concerned, "MOST", 1)
    many = len(people(log))
    told = text(add(enter(app, ISP_ADMIN), EVERY_PAGE, **ALL))
    assert "too many to be told by mail; the site’s administrators are" in told
    found = waiting(redis)
    assert [each.address for each in found] == people(log, role="site_admin") != []
    assert f"{many} accounts are concerned" in found[0].text


def test_other_rules_and_domains_of_others_are_told_to_nobody(log: Engine, app: Flask, redis: Redis) -> None:
    browser = enter(app, SITE_ADMIN)
    for wish in (
        {"what": "other.example", "about": "recipient"}, {"what": "gmail.com"}, {"what": "10.0.0.0/8"},
        {"what": "@one.example", "about": "recipient", "action": "nogrey"},
    ):  # fmt: skip
        assert "by mail" not in text(add(browser, SITE_PAGE, **{"sure": "yes", **wish}))
    assert waiting(redis) == []


def test_where_the_site_sends_no_letters_the_page_says_so(log: Engine, app: Flask, redis: Redis) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, notice_from=None)
    told = text(add(enter(app, SITE_ADMIN), SITE_PAGE, **ALL))
    assert "could be told by mail: tell them." in told and waiting(redis) == []


def test_who_shuts_out_the_widest_networks_in_their_own_list_is_told(log: Engine, app: Flask) -> None:
    held = app.extensions["postern"]
    with Sink({}) as sink:
        held.settings = dataclasses.replace(held.settings, notice_url=f"smtp+plain://127.0.0.1:{sink.port}")
        browser = enter(app, SITE_ADMIN)
        for what, letters in (("192.0.2.0/24", 0), ("10.0.0.0/16", 0), ("11.0.0.0/8", 1), ("2001:db8::/32", 2)):
            add(browser, PAGE, what=what, sure="yes")
            assert len(sink.taken) == letters, what
        add(browser, PAGE, what="12.0.0.0/8", sure="yes", action="allow")
        assert len(sink.taken) == 2 and b"11.0.0.0/8, a large part of the Internet, is refused" in sink.taken[0].content
