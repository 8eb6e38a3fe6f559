"""Mail that a rule sends on: targets outside of the site agree first, and its owner is told of new ones, once."""

import dataclasses

import pytest

from tests.smtpsink import Sink
from tests.web.filters.conftest import Owner
from tests.web.filters.test_editor import NEW, form

pytestmark = pytest.mark.servers


def test_nobody_outside_gets_mail_by_a_rule_or_a_text_who_has_not_agreed(owner: Owner):
    rule = form(a_does=["redirect-copy"], a_value=["me@elsewhere.example"])
    text = {"text": 'require "copy";\nredirect :copy "me@elsewhere.example";\n', "do": "save"}
    for answer in (owner.post(NEW, rule), owner.post("/filters/text", text)):
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and "me@elsewhere.example has not agreed yet" in page
    assert owner.names() == set()
    owner.trusts("other@elsewhere.example")
    assert owner.post(NEW, rule).status_code == 422
    owner.trusts("me@elsewhere.example")
    assert owner.post(NEW, rule).status_code == 303
    owner.trusts()
    assert owner.post("/filters/text", text).status_code == 303, "what was there stays"


def test_new_targets_outside_are_told_to_the_owner_once(owner: Owner, monkeypatch: pytest.MonkeyPatch):
    held = owner.app.extensions["postern"]
    with Sink({}) as sink:
        set_up = dataclasses.replace(
            held.settings, public_url="https://mail.isp.example", notice_from="webmail@one.example",
            notice_url=f"smtp+plain://127.0.0.1:{sink.port}",
        )  # fmt: skip
        monkeypatch.setattr(held, "settings", set_up)
        inside = form(a_does=["redirect-copy"], a_value=["bob@two.example"])
        assert owner.post(NEW, inside).status_code == 303
        assert sink.taken == []
        owner.trusts("me@elsewhere.example", "third@elsewhere.example")
        outside = form(a_does=["redirect-copy"], a_value=["Me@Elsewhere.example"])
        assert owner.post(NEW, outside).status_code == 303
        assert [each.recipients for each in sink.taken] == [[owner.address]]
        assert b"me@elsewhere.example" in sink.taken[0].content
        assert owner.post(NEW, outside | {"name": "Again"}).status_code == 303
        text = 'require "copy";\nredirect :copy "me@elsewhere.example";\nredirect :copy "third@elsewhere.example";\n'
        assert owner.post("/filters/text", {"text": text, "do": "save"}).status_code == 303
        assert len(sink.taken) == 2 and b"third@elsewhere.example" in sink.taken[1].content
        assert b"me@elsewhere.example" not in sink.taken[1].content
