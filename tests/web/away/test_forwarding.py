"""Forwarding on a real Dovecot: nothing is sent on before the target agreed, and then it is."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from app.directory.tables import SiteRow
from tests.smtpsink import Sink
from tests.web.away.test_vacation import BASE, SHOP, hidden, letter
from tests.web.filters.conftest import Owner
from tests.web.filters.test_rules import forbidden

pytestmark = pytest.mark.servers
PAGE = "/forwarding"


@pytest.fixture
def post(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """The site's own submission server, which takes codes and announcements."""
    held = owner.app.extensions["postern"]
    with Sink({}) as sink:
        url = f"smtp+plain://127.0.0.1:{sink.port}"
        more = {"public_url": "https://mail.isp.example", "notice_from": "webmail@one.example", "notice_url": url}
        monkeypatch.setattr(held, "settings", dataclasses.replace(held.settings, **more))
        yield sink


def target(owner: Owner) -> str:
    """One of their own: few codes are sent to one address."""
    return f"me{owner.number}@else.example"


def said(owner: Owner, **fields: str) -> Any:
    return owner.post(PAGE, {"do": "save", **fields})


def the_code(post: Sink, to: str) -> str:
    sent = [each for each in post.taken if each.recipients == [to]]
    found = re.search(rb"^ +(\d{4} \d{4})\r?$", sent[-1].content, re.MULTILINE)
    assert found
    return found[1].decode()


def agreed(owner: Owner, post: Sink) -> Any:
    to = target(owner)
    answer = said(owner, to=to, copy="1", password=owner.mail.password)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return said(owner, to=to, copy="1", do="confirm", code=the_code(post, to))


def test_a_target_agrees_and_gets_a_copy_of_what_comes_from_then_on(owner: Owner, post: Sink, outgoing: Sink):
    owner.put(BASE, "roundcube")
    assert said(owner, to=target(owner), copy="1", password=owner.mail.password).status_code == 303
    assert owner.script() == BASE and 'data-testid="forward-asked"' in owner.page(PAGE)
    assert said(owner, to=target(owner), copy="1", do="confirm", code=the_code(post, target(owner))).status_code == 303
    assert f'redirect :copy "{target(owner)}";'.encode() in owner.script() and SHOP in owner.script()
    owner.mail.deliver(letter(owner))
    (copy,) = [each for each in outgoing.taken if owner.address.encode() in each.content]
    assert copy.recipients == [target(owner)]
    assert owner.page("/mail/INBOX/").count('data-testid="message-row"') == 1
    (told,) = [each for each in post.taken if each.recipients == [owner.address]]
    assert target(owner).encode() in told.content
    assert '<a href="/forwarding" data-testid="filter-link">' in owner.page("/filters")
    page = owner.page(PAGE)
    assert "a copy stays here" in page and 'data-on="true"' in page and 'data-testid="forward-asked"' not in page


def test_a_target_may_agree_to_what_filters_send_and_no_more(owner: Owner, post: Sink):
    assert said(owner, to=target(owner), password=owner.mail.password).status_code == 303
    assert said(owner, to=target(owner), do="agree", code="0000 0000").status_code == 422
    assert said(owner, to=target(owner), do="agree", code=the_code(post, target(owner))).status_code == 303
    page = owner.page(PAGE)
    assert 'data-on="false"' in page and 'data-testid="forward-agreed-row"' in page
    assert 'data-testid="forward-asked"' not in page and owner.names() == set()


def test_it_ends_and_begins_again_without_another_code(owner: Owner, post: Sink):
    assert agreed(owner, post).status_code == 303
    assert said(owner, to="").status_code == 303
    assert b"redirect" not in owner.script() and 'data-on="false"' in owner.page(PAGE)
    assert said(owner, to=target(owner)).status_code == 303
    assert f'redirect "{target(owner)}";'.encode() in owner.script()
    assert "nothing stays here" in owner.page(PAGE)
    assert said(owner, to=target(owner), do="forget").status_code == 422
    assert said(owner, to="").status_code == 303
    assert said(owner, to=target(owner), do="forget").status_code == 303
    assert said(owner, to=target(owner)).status_code == 422 and b"redirect" not in owner.script()


def test_wrong_codes_are_counted_and_a_code_is_of_one_target(owner: Owner, post: Sink):
    assert said(owner, to=target(owner), password=owner.mail.password).status_code == 303
    good = the_code(post, target(owner))
    assert said(owner, to="other@else.example", do="confirm", code=good).status_code == 422
    for _ in range(5):
        assert said(owner, to=target(owner), do="confirm", code="0000 000x").status_code == 422
    answer = said(owner, to=target(owner), do="confirm", code=good)
    assert answer.status_code == 422 and 'id="code-hint"' in answer.get_data(as_text=True)
    assert owner.names() == set()
    assert said(owner, to=target(owner), do="again").status_code == 303
    assert said(owner, to=target(owner), do="confirm", code=the_code(post, target(owner))).status_code == 303


def test_an_address_outside_asks_for_the_password(owner: Owner, post: Sink):
    for password in ("", "wrong", "x" * 2000):
        answer = said(owner, to=target(owner), password=password)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and 'id="password-hint"' in page and f'value="{target(owner)}"' in page
    assert post.taken == [] and owner.names() == set()


def test_targets_that_lead_nowhere_or_back_are_refused(owner: Owner, post: Sink):
    wrong = [owner.address, "nobody@one.example", "a@b@c", "x", "a@else.example, b@else.example", "|/bin/sh",
             '"; discard; #"@else.example', "forward@one.example\r\nBcc: x@else.example"]  # fmt: skip
    for to in wrong:
        answer = said(owner, to=to, password=owner.mail.password)
        assert answer.status_code == 422 and 'id="to-hint"' in answer.get_data(as_text=True), to
    with owner.app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(SiteRow).values(forward_outside=False))
    try:
        assert said(owner, to=target(owner), password=owner.mail.password).status_code == 422
    finally:
        with owner.app.extensions["postern"].directory.engine.begin() as rows:
            rows.execute(update(SiteRow).values(forward_outside=True))
    assert post.taken == [] and owner.names() == set()


def test_codes_are_not_sent_without_end(owner: Owner, post: Sink):
    often = "often@else.example"
    for _ in range(5):
        assert said(owner, to=often, password=owner.mail.password).status_code == 303
    assert said(owner, to=often, password=owner.mail.password).status_code == 429
    assert len(post.taken) == 5


def test_where_no_code_can_be_sent_nothing_changes(owner: Owner):
    answer = said(owner, to=target(owner), password=owner.mail.password)
    assert answer.status_code == 502 and f'value="{target(owner)}"' in answer.get_data(as_text=True)
    assert owner.names() == set()


def test_what_another_program_set_is_shown_and_changed_in_its_shape(owner: Owner, post: Sink):
    theirs = b'require ["copy"];\r\n# rule:[Elsewhere]\r\nif true\r\n{\r\n\tredirect :copy "al@else.example";\r\n}\r\n'
    some = b'# rule:[Some]\r\nif header :is "subject" "x"\r\n{\r\n\tredirect "bo@else.example";\r\n}\r\n'
    owner.put(theirs + some, "roundcube")
    page = owner.page(PAGE)
    assert 'value="al@else.example"' in page and 'data-testid="away-others"' in page and "bo@else.example" in page
    assert said(owner, to="al@else.example").status_code == 303  # it is sent there already: nobody is asked
    assert b"# rule:[Elsewhere]\r\nif true\r\n{\r\n\tredirect \"al@else.example\";" in owner.script()
    assert some in owner.script()


def test_a_script_that_was_changed_elsewhere_is_shown_and_kept(owner: Owner, post: Sink):
    assert agreed(owner, post).status_code == 303
    told = hidden(owner.page(PAGE))
    theirs = owner.script() + SHOP.replace(b"fileinto", b"discard; #")
    owner.put(theirs)
    answer = owner.browser.post(PAGE, data={**told, "to": target(owner), "do": "save"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and 'data-testid="filters-conflict"' in page and f'value="{target(owner)}"' in page
    assert owner.script() == theirs
    assert owner.browser.post(PAGE, data={**hidden(page), "to": target(owner), "do": "save"}).status_code == 303
    assert f'redirect "{target(owner)}"'.encode() in owner.script() and b"[Shop]" in owner.script()


def test_what_the_provider_no_longer_allows_is_told_and_ended(owner: Owner, post: Sink):
    owner.put(b'require ["copy"];\r\n# rule:[F]\r\nif true\r\n{\r\n\tredirect :copy "al@else.example";\r\n}\r\n')
    assert 'data-testid="forward-banned"' not in owner.page("/forwarding")
    with forbidden(owner):
        page = owner.page("/forwarding")
        assert "no longer allows mail to be sent on to al@else.example" in page
        assert owner.post("/forwarding", {"to": "", "do": "save"}).status_code == 303
        assert b"redirect" not in owner.script() and 'data-testid="forward-banned"' not in owner.page("/forwarding")


def test_a_script_by_hand_is_left_alone(owner: Owner, post: Sink):
    own = b'redirect "al@else.example";\n'
    owner.put(own, "mine")
    page = owner.page(PAGE)
    assert 'data-testid="away-consent"' in page and "al@else.example" in page and 'id="forward-form"' not in page
    token = owner.browser.token("/mail/INBOX/")
    told = {"csrf_token": token, "to": target(owner), "password": owner.mail.password}
    answer = owner.browser.post(PAGE, data=told)
    assert answer.status_code == 409 and post.taken == [] and owner.script() == own


def test_forwarding_is_never_set_by_signing_in(owner: Owner, post: Sink):
    assert agreed(owner, post).status_code == 303
    said(owner, to="")
    told = hidden(owner.page(PAGE))
    owner.session_ends()
    answer = owner.browser.post(
        PAGE, data={**told, "to": target(owner), "do": "save"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert 'name="carried"' not in answer.get_data(as_text=True)
    assert b"redirect" not in owner.script()


def test_a_server_that_is_away_changes_nothing_and_says_so(owner: Owner, post: Sink):
    owner.page(PAGE)
    owner.moved(sieve_port=1)
    token = owner.browser.token("/mail/INBOX/")
    answer = owner.browser.post(PAGE, data={"csrf_token": token, "made": "", "to": target(owner)})
    assert answer.status_code == 503 and f'value="{target(owner)}"' in answer.get_data(as_text=True)
    assert post.taken == []
