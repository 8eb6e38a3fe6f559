"""The list of rules on a real Dovecot: what is switched, moved and removed, and what is left alone to the byte."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import update

from app.directory.tables import SiteRow
from tests.web.filters.conftest import Owner

pytestmark = pytest.mark.servers
OURS = (
    b'require ["fileinto", "imap4flags"];\r\n'
    b'# rule:[Shop]\r\nif header :contains "subject" "shop"\r\n{\r\n\tfileinto "Junk";\r\n}\r\n'
    b'# rule:[Hand]\r\nif anyof (not string "x" "y", header :regex "subject" "^a")\r\n{\r\n\tdiscard;\r\n}\r\n'
    b'# rule:[Seen]\r\nif header :is "subject" "seen"\r\n{\r\n\taddflag "\\\\Seen";\r\n}\r\n'
).replace(b'require ["fileinto"', b'require ["variables", "regex", "fileinto"')
FOREIGN = b'# by hand, caf\xc3\xa9\nrequire "fileinto";\nif header :contains "subject" "x" { fileinto "Junk"; stop; }\n'


@contextmanager
def forbidden(owner: Owner) -> Iterator[None]:
    """The site forbids mail to leave it."""
    engine = owner.app.extensions["postern"].directory.engine
    for allowed in (False, True):
        with engine.begin() as rows:
            rows.execute(update(SiteRow).values(forward_outside=allowed))
        if not allowed:
            yield


def names(page: str) -> list[str]:
    return re.findall(r'data-testid="filter-link"><bdi>([^<]+)', page)


def at(page: str, do: str, which: int = 0) -> str:
    return re.findall(rf'name="do" value="({do}-\d+)"', page)[which]


def test_an_account_without_a_script_has_an_empty_list(owner: Owner):
    assert 'data-testid="empty-filters"' in owner.page()


def test_rules_are_listed_in_their_order_with_foreign_ones_as_text(owner: Owner):
    owner.put(OURS, "roundcube")
    page = owner.page()
    assert names(page) == ["Shop", "Hand", "Seen"]
    assert re.findall(r'data-kind="(\w+)"', page) == ["rule", "text", "rule"]
    assert "Subject contains “shop”" in page and "Move to “Junk”" in page
    assert "header :regex" in page


def test_a_rule_is_switched_off_and_on_again_without_another_byte_changing(owner: Owner):
    owner.put(OURS, "roundcube")
    assert owner.post("/filters", {"do": at(owner.page(), "off")}).status_code == 303
    assert b"if false # header" in owner.script()
    assert 'data-on="false"' in owner.page()
    assert owner.post("/filters", {"do": at(owner.page(), "on")}).status_code == 303
    after = owner.script()
    assert after.endswith(OURS.partition(b"# rule:")[2])


def test_a_rule_is_moved_and_removed(owner: Owner):
    owner.put(OURS, "roundcube")
    owner.post("/filters", {"do": at(owner.page(), "down")})
    assert names(owner.page()) == ["Hand", "Shop", "Seen"]
    owner.post("/filters", {"do": at(owner.page(), "up", 1)})
    assert names(owner.page()) == ["Hand", "Seen", "Shop"]
    owner.post("/filters", {"do": at(owner.page(), "remove", 2)})
    assert names(owner.page()) == ["Hand", "Seen"]
    assert b'if anyof (not string "x" "y", header :regex "subject" "^a")\r\n{\r\n\tdiscard;\r\n}' in owner.script()


def test_a_list_that_is_old_changes_nothing(owner: Owner):
    owner.put(OURS, "roundcube")
    page = owner.browser.get("/filters")
    hidden = re.search(r'name="made" value="([^"]+)"', page.get_data(as_text=True))
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.get_data(as_text=True))
    assert hidden and token
    owner.put(OURS.replace(b"shop", b"shops"), "roundcube")
    owner.browser.post("/filters", data={"csrf_token": token[1], "made": hidden[1], "do": "remove-1"})
    assert owner.script() == OURS.replace(b"shop", b"shops")
    assert "have changed since the page" in owner.page()
    owner.browser.post("/filters", data={"csrf_token": token[1], "made": hidden[1], "do": "remove-9"})
    assert "have changed since the page" in owner.page(), "a rule that is gone, too"


REFUSES = b'# rule:[No]\r\nif header :contains "subject" "shop"\r\n{\r\n\treject "no";\r\n}\r\n'
FILES = b'# rule:[Shop]\r\nif header :contains "subject" "shop"\r\n{\r\n\tfileinto "Junk";\r\n}\r\n'


def shop(owner: Owner) -> bytes:
    owner.mail.deliver(b"From: a@shop.example\r\nMessage-ID: <1@shop.example>\r\nSubject: shop\r\n\r\nText\r\n")
    said = owner.mail.server.maildir(owner.mail.login).parent / ".dovecot.sieve.log"
    return said.read_bytes() if said.exists() else b""


@pytest.mark.parametrize("rules", [FILES + REFUSES, REFUSES + FILES], ids=["below", "above, and goes on"])
def test_a_refusal_that_another_rule_has_fail_is_told_and_mended(owner: Owner, rules: bytes):
    owner.put(b'require ["fileinto","reject"];\r\n' + rules, "roundcube")
    assert b"reject/ereject action conflicts with other action" in shop(owner)
    assert owner.page("/mail/INBOX/").count('data-testid="message-row"') == 1, "the mail server gave up on all rules"
    page = owner.page()
    told = re.findall(r'data-testid="filter-clash">.*?<p>(.*?)</p>', page, re.DOTALL)
    assert len(told) == 1 and "“Shop”" in told[0] and "is not refused" in told[0]
    assert owner.post("/filters", {"do": at(page, "refuse")}).status_code == 303
    page = owner.page()
    assert names(page) == ["No", "Shop"] and 'data-testid="filter-clash"' not in page
    said = shop(owner)
    refused = re.compile(rf"lmtp\({owner.mail.login}\).* rejected message from <sender@example\.org>")
    deadline = time.monotonic() + 20
    while not refused.search(owner.mail.server.log()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert said.count(b"conflicts") <= 1
    for box, rows in (("INBOX", 1), ("Junk", 0)):
        assert owner.page(f"/mail/{box}/").count('data-testid="message-row"') == rows


def test_moving_a_rule_tells_of_a_refusal_that_fails_then(owner: Owner):
    owner.put(b'require ["fileinto","reject"];\r\n' + REFUSES.replace(b"}", b"\tstop;\r\n}") + FILES, "roundcube")
    page = owner.page()
    assert 'data-testid="filter-clash"' not in page
    owner.post("/filters", {"do": at(page, "down")})
    assert owner.page().count('data-testid="filter-clash"') == 1


def test_what_sends_mail_on_though_the_provider_forbids_it_by_now_is_told_beside_it(owner: Owner):
    outside = b'# rule:[Out]\r\nif true\r\n{\r\n\tkeep;\r\n\tredirect :copy "x@elsewhere.example";\r\n}\r\n'
    by_hand = b'if header :is "subject" "x" { redirect "y@elsewhere.example"; }\r\n'
    inside = outside.replace(b"elsewhere", b"one").replace(b"[Out]", b"[In]")
    owner.put(b'# Postern: ours\r\nrequire ["copy"];\r\n' + outside + by_hand + inside)
    assert 'data-testid="filter-banned"' not in owner.page()
    with forbidden(owner):
        page = owner.page()
        told = re.findall(r'data-testid="filter-banned">.*?<p>(.*?)</p>', page, re.DOTALL)
        assert ["x@elsewhere.example" in told[0], "y@elsewhere.example" in told[1]] == [True, True] and len(told) == 2
        assert page.count('data-testid="filter-banned-off"') == 1
        owner.post("/filters", {"do": at(page, "off")})
        assert owner.page().count('data-testid="filter-banned"') == 1


def test_what_cannot_be_done_changes_nothing(owner: Owner):
    owner.put(OURS, "roundcube")
    wishes = ("refuse-1", "refuse-999", "remove-999", "remove--1", "explode-1", "off-0", "", "up-x", f"on-{'9' * 5000}")
    for do in wishes:
        assert owner.post("/filters", {"do": do}).status_code == 303
    assert owner.script() == OURS


def test_a_script_by_hand_is_left_alone_until_its_owner_says_so(owner: Owner):
    owner.put(FOREIGN, "mine")
    page = owner.page()
    assert 'data-testid="filters-consent"' in page and 'data-testid="filter-new"' not in page
    assert owner.browser.get("/filters/rules/new").status_code == 303
    owner.post("/filters", {"do": "remove-2"})
    assert owner.script() == FOREIGN


def test_with_consent_rules_are_added_to_it_and_a_copy_is_kept(owner: Owner):
    owner.put(FOREIGN, "mine")
    assert owner.post("/filters/consent", {"way": "adopt"}, page="/filters").status_code == 303
    assert owner.script().endswith(FOREIGN)
    copies = [name for name in owner.names() if name.startswith("mine.bak-")]
    assert len(copies) == 1 and owner.script(copies[0]) == FOREIGN
    assert 'data-testid="filter-new"' in owner.page()


@pytest.mark.parametrize("way", ["first", "last"])
def test_with_consent_rules_lie_in_a_script_beside_it(owner: Owner, way: str):
    owner.put(FOREIGN, "mine")
    owner.post("/filters/consent", {"way": way}, page="/filters")
    assert owner.script("mine") == FOREIGN
    assert (owner.script().index(b'"mine"') > owner.script().index(b'"webmail"')) is (way == "first")
    page = owner.page()
    assert 'data-testid="empty-filters"' in page
    assert f"</b> runs {'after' if way == 'first' else 'before'} these rules" in page
    typed = {"name": "Ours", "join": "always", "enabled": "1", "a_does": "label", "a_value": "ours"}
    assert owner.post("/filters/rules/new", typed).status_code == 303
    assert b"# rule:[Ours]" in owner.script("webmail") and owner.script("mine") == FOREIGN
    owner.mail.deliver(b"Subject: x\r\n\r\nTheirs files it, ours labels it.\r\n")
    assert owner.page("/mail/Junk/").count('data-testid="message-row"') == 1


def test_sogos_script_is_read_only(owner: Owner):
    owner.put(OURS, "sogo")
    page = owner.page()
    assert 'data-testid="filters-foreign"' in page and 'data-testid="filter-switch"' not in page
    owner.post("/filters/consent", {"way": "adopt"}, page="/filters/text")
    owner.post("/filters/text", {"text": "keep;"})
    assert owner.script() == OURS


def test_nextclouds_part_is_told(owner: Owner):
    mark = b"### Nextcloud Mail: Filters ### DON'T EDIT ###\r\n"
    owner.put(mark + b"# FILTER: []\r\n" + mark, "nextcloud")
    assert 'data-testid="filters-nextcloud"' in owner.page()


def test_what_cannot_be_taken_apart_is_only_text(owner: Owner):
    with owner.sieve() as client:  # Pigeonhole takes no broken script: it is put there as by hand
        client.store("webmail", b"keep;")
        client.activate("webmail")
    home = owner.mail.server.maildir(owner.mail.login).parent
    (home / "sieve" / "webmail.sieve").write_bytes(b'if header "subject" "never ends')
    page = owner.page()
    assert 'data-testid="filters-broken"' in page and 'data-testid="filter-new"' not in page


def test_a_server_without_filters_says_so(owner: Owner):
    owner.moved(sieve_host=None, sieve_port=None, sieve_security=None)
    assert 'data-testid="filters-none"' in owner.page()
    assert owner.browser.get("/filters/text").status_code == 303
    assert owner.browser.get("/filters/rules/new").status_code == 303


def test_a_server_that_is_away_has_a_page_of_its_own(owner: Owner):
    owner.moved(sieve_port=1)
    answer = owner.browser.get("/filters")
    assert answer.status_code == 503 and "Filters cannot be reached" in answer.get_data(as_text=True)


def test_a_script_of_very_many_parts_is_listed_as_far_as_a_page_goes(owner: Owner):
    owner.put(b"keep;\n" * 700, "mine")
    page = owner.page()
    assert page.count('data-testid="filter-row"') == 600 and 'data-testid="filters-more"' in page
