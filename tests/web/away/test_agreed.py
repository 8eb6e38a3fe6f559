"""Who agreed is known until it is taken back; a code leaves by the site's server, or by the person's own."""

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask

from app.profile.tables import Base
from app.store import code
from app.web.away import agreed
from app.web.away.agreed import Asked, NotSent
from app.web.profile import keep_setting
from app.web.session import Current, current
from tests.smtpsink import Sink
from tests.web.conftest import FORWARDER, PASSWORD
from tests.web.filters.conftest import Owner
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


@pytest.fixture
def me(app: Flask, browser: Pages) -> Iterator[Current]:
    Base.metadata.create_all(app.extensions["postern"].database)
    assert browser.sign_in(FORWARDER, PASSWORD).status_code == 303
    with browser:
        browser.get("/settings/sessions")
        yield current()


def test_the_last_twenty_that_agreed_are_known(app: Flask, me: Current):
    ring = app.extensions["postern"].ring
    for number in range(agreed.MOST + 1):
        target = f"a{number}@else.example"
        me.redis.flushall()  # ten codes a day
        given = code.issue(me.redis, ring.current, me.account.id, target)
        assert agreed.agree(me, target, f" {given[:4]} {given[4:]} ")
    assert len(agreed.agreed(me)) == agreed.MOST and "a0@else.example" not in agreed.agreed(me)
    agreed.forget(me, "a1@else.example")
    assert "a1@else.example" not in agreed.agreed(me)
    keep_setting(me, agreed.AGREED, {"x": 1})
    assert agreed.agreed(me) == ()


def test_who_has_no_mail_server_and_whose_site_sends_nothing_gets_no_code(me: Current):
    with pytest.raises(NotSent):
        agreed.ask(me, "bob@else.example", copy=True)
    assert agreed.asked(me) is None and not me.redis.keys("code:*")


def test_where_the_site_sends_no_mail_a_code_leaves_by_the_persons_own_server(owner: Owner):
    with Sink({owner.mail.login: owner.mail.password}) as sink:
        owner.moved(submission_host="127.0.0.1", submission_port=sink.port, submission_security="plain")
        with owner.browser:
            owner.page("/settings/sessions")
            assert agreed.ask(current(), "bob@else.example", copy=True) == Asked("bob@else.example", True)
            assert agreed.asked(current()) == Asked("bob@else.example", True)
            agreed.cancel(current())
            assert agreed.asked(current()) is None
    (sent,) = sink.taken
    assert (sent.sender, sent.recipients, sent.login) == (owner.address, ["bob@else.example"], owner.mail.login)
    assert b"Auto-Submitted: auto-generated" in sent.content


def test_a_refused_code_is_told(app: Flask, me: Current, monkeypatch: pytest.MonkeyPatch):
    held = app.extensions["postern"]
    with Sink({}) as sink:
        sink.refuse["bob@else.example"] = "550 5.1.1 nobody"
        more = {"public_url": "https://mail.isp.example", "notice_from": "webmail@one.example",
                "notice_url": f"smtp+plain://127.0.0.1:{sink.port}"}  # fmt: skip
        monkeypatch.setattr(held, "settings", dataclasses.replace(held.settings, **more))
        with pytest.raises(NotSent):
            agreed.ask(me, "bob@else.example", copy=True)
    assert sink.taken == [] and agreed.asked(me) is None
