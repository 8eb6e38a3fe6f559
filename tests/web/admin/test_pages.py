"""What administrators read and do: numbers per account, an account's log, totals, servers, logs, switches."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import Engine, insert, update

from app.blocklog.codes import Outcome, Policy
from app.blocklog.tables import HostRow, OddRow, SourceRow, UseRow
from app.directory.tables import SiteRow
from tests.web.admin.world import IDS, ISP_ADMIN, SITE_ADMIN, USER, accept, ago, block, enter
from tests.web.conftest import add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


def words(browser: Pages, path: str) -> str:
    """The page's text, tags taken out."""
    answer = browser.get(path, buffered=True)
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))).split())


def order(browser: Pages, path: str) -> list[str]:
    page = browser.get(path, buffered=True).get_data(as_text=True)
    return re.findall(r'data-testid="account-row"><th scope="row"><a href="[^"]*">([^<]*)', page)


def test_each_account_has_its_numbers_of_a_day_and_an_hour(log: Engine, app: Flask) -> None:
    for hours in (0.1, 0.5, 5, 30):
        block(log, hours=hours)
    accept(log, hours=2)
    block(log, IDS[SITE_ADMIN], policy=Policy.greylist, outcome=Outcome.delayed)
    browser = enter(app, SITE_ADMIN)
    page = browser.get("/admin").get_data(as_text=True)
    assert re.search(r">forward@one.example</a>.*?<td>3</td><td>2</td><td>1</td><td></td>", page)
    assert re.search(r">ada@one.example</a>.*?<td></td><td></td><td></td><td></td>", page), "delayed is not blocked"
    assert "Frida Forward" in page and "forwards only" in page and "tim@other.example" not in page
    assert "3 of 3" in words(browser, "/admin")


def test_accounts_are_put_in_order_and_searched(log: Engine, app: Flask) -> None:
    block(log, IDS[SITE_ADMIN])
    for _ in range(2):
        accept(log, IDS[USER])
    add_account(app, 20, "zoe", display_name="Zoë Ünal")
    block(log, "20", hours=5)
    block(log, "20", hours=6)
    browser = enter(app, SITE_ADMIN)
    assert order(browser, "/admin")[0] == "zoe@one.example", "the most blocked of a day first"
    assert order(browser, "/admin?sort=blocked_hour")[0] == "ada@one.example"
    assert order(browser, "/admin?sort=accepted_day")[0] == "forward@one.example"
    assert order(browser, "/admin?sort=name") == sorted(order(browser, "/admin"))
    assert order(browser, "/admin?sort=nonsense") == order(browser, "/admin")
    assert order(browser, "/admin?q=ÜNAL") == ["zoe@one.example"] == order(browser, "/admin?q=zoe")
    assert "Nobody here matches" in words(browser, "/admin?q=<script>")


def test_one_who_is_no_longer_in_the_directory_is_still_found_by_the_log(log: Engine, app: Flask) -> None:
    block(log, "99", sender="info@shop.example")
    browser = enter(app, SITE_ADMIN)
    assert "account 99" in order(browser, "/admin")
    assert "info@shop.example" in words(browser, "/admin/accounts/99")


def test_the_provider_begins_with_the_sites(log: Engine, app: Flask) -> None:
    block(log, "4", "2")
    block(log, "", "", policy=Policy.relay)
    browser = enter(app, ISP_ADMIN)
    page = browser.get("/admin").get_data(as_text=True)
    assert re.search(r'href="/admin\?site=2">Other</a>.*?<td>1</td><td>1</td>', page)
    assert "1 for nobody of ours" in words(browser, "/admin") and "2 of 2" in words(browser, "/admin")
    assert order(browser, "/admin?site=2")[0] == "tim@other.example"
    directory = app.extensions["postern"].directory.engine
    with directory.begin() as connection:
        connection.execute(update(SiteRow.__table__).where(SiteRow.site_id == 2).values(name="Other.example"))
    assert words(browser, "/admin").lower().count("other.example") == 1, "who is called like the domain is named once"
    assert "1 of 2" in words(browser, "/admin?q=other")


def test_an_account_s_log_tells_admins_also_what_is_for_them_and_for_whom(log: Engine, app: Flask) -> None:
    block(log, sender="info@shop.example", rcpt="office@one.example", reason="554 no", policy=Policy.spam, score=9)
    block(log, sender="relay@shop.example", policy=Policy.protocol)
    accept(log, sender="friend@mail.example", rcpt="forward@one.example")
    with log.begin() as connection:
        connection.execute(insert(UseRow.__table__).values(account_id="1", site="1", imap=ago(hours=1)))
    browser = enter(app, SITE_ADMIN)
    page = words(browser, "/admin/accounts/1")
    assert "info@shop.example" in page and "to office@one.example" in page and "relay@shop.example" in page
    assert "2 stopped in 24 hours, 2 in 7 days. Last used: IMAP" in page and "Frida Forward" in page
    assert "relay@" not in words(browser, "/admin/accounts/1?policy=spam")
    assert "relay@" in words(browser, "/admin/accounts/1?q=relay") and "Nothing that fits" in words(
        browser, "/admin/accounts/1?q=nobody"
    )
    assert "friend@mail.example" in words(browser, "/admin/accounts/1?view=received")


def test_a_long_log_goes_on_where_the_page_ended(log: Engine, app: Flask) -> None:
    for number in range(60):
        block(log, sender=f"s{number:02}@shop.example", hours=number / 10)
    browser = enter(app, SITE_ADMIN)
    first = browser.get("/admin/accounts/1").get_data(as_text=True)
    assert first.count('data-testid="admin-block"') == 50
    (older,) = re.findall(r'href="([^"]*)" rel="next"', first)
    second = browser.get(unescape(older)).get_data(as_text=True)
    assert second.count('data-testid="admin-block"') == 10 and "s59@" in second and "page-newest" in second


def test_each_look_is_written_down_and_its_owner_reads_it(log: Engine, app: Flask) -> None:
    owner, admin = enter(app, USER), enter(app, SITE_ADMIN)
    assert "Nobody did" in words(owner, "/settings/looks")
    assert "was written down" in words(admin, "/admin/accounts/1")
    admin.get("/admin/accounts/1?view=received", buffered=True)
    assert "ada@one.example looked at your log" in words(owner, "/settings/looks")
    assert owner.get("/settings/looks").get_data(as_text=True).count('data-testid="look-row"') == 2
    assert "Nobody did" in words(admin, "/settings/looks"), "of each their own only"


def test_who_looks_for_a_sender_looked_at_those_whose_mail_is_found(log: Engine, app: Flask) -> None:
    owner, admin = enter(app, USER), enter(app, SITE_ADMIN)
    block(log, sender="a@shop.example", rcpt=USER)
    block(log, sender="b@shop.example", rcpt=USER)
    block(log, "2", sender="b@shop.example", rcpt=SITE_ADMIN)
    block(log, "", sender="b@shop.example", rcpt="nobody@one.example")
    words(admin, "/admin/senders?q=else.example")
    assert "Nobody did" in words(owner, "/settings/looks")
    words(admin, "/admin/senders?q=shop.example")
    assert "ada@one.example looked at what was stopped of shop.example" in words(owner, "/settings/looks")
    assert owner.get("/settings/looks").get_data(as_text=True).count('data-testid="look-row"') == 1
    assert "Nobody did" in words(admin, "/settings/looks"), "one's own mail needs no word"


def test_totals_are_by_reason_and_by_hour(log: Engine, app: Flask) -> None:
    for hours, policy in ((1, Policy.rbl), (1, Policy.rbl), (2, Policy.spam), (100, Policy.virus)):
        block(log, hours=hours, policy=policy)
    block(log, "4", "2", policy=Policy.size)
    browser = enter(app, SITE_ADMIN)
    day = words(browser, "/admin/totals")
    assert "3 stopped or delayed" in day and "Server on a block list 2" in day and "Too large" not in day
    assert "4 stopped or delayed" in words(browser, "/admin/totals?days=7")
    assert "4 stopped or delayed" in words(enter(app, ISP_ADMIN), "/admin/totals")
    assert "1 stopped or delayed" in words(enter(app, ISP_ADMIN), "/admin/totals?site=2")


def test_unknown_recipients_and_senders_are_told(log: Engine, app: Flask) -> None:
    for _ in range(3):
        block(log, "", policy=Policy.rcpt, rcpt="fowrard@one.example", sender="a@shop.example")
    browser = enter(app, SITE_ADMIN)
    assert "fowrard@one.example 3" in words(browser, "/admin/unknown")
    assert "a@shop.example" in words(browser, "/admin/senders?q=shop.example")
    assert "Nothing of else.example was stopped" in words(browser, "/admin/senders?q=x@else.example")


def test_a_server_is_shut_out_kept_out_and_let_in_again(log: Engine, app: Flask) -> None:
    with log.begin() as connection:
        connection.execute(
            insert(HostRow.__table__).values(
                ip="203.0.113.9", cnxn_count=412, cnxn_first=ago(hours=99), cnxn_last=ago(hours=1)
            )
        )
    browser = enter(app, ISP_ADMIN)
    assert "203.0.113.9 412" in words(browser, "/admin/servers")
    form = {"ip": "203.0.113.9", "reason": "says that it is <us>", "days": "7"}
    assert browser.submit("/admin/servers", form, page="/admin/servers").status_code == 303
    page = words(browser, "/admin/servers")
    assert "says that it is <us>" in page and "203.0.113.9 shut out" in page
    assert browser.submit("/admin/servers/lengthen", form | {"days": "365"}, page="/admin/servers").status_code == 303
    assert str((datetime.now(UTC) + timedelta(days=365)).year) in words(browser, "/admin/servers")
    assert browser.submit("/admin/servers/let-in", form, page="/admin/servers").status_code == 303
    assert "No server is shut out" in words(browser, "/admin/servers")
    browser.submit("/admin/servers/let-in", form, page="/admin/servers", buffered=True)
    assert "not shut out any more" in words(browser, "/admin/servers")


@pytest.mark.parametrize(
    ("typed", "told"),
    [({"ip": "mail.example", "reason": "x"}, "cannot be shut out"), ({"ip": "203.0.113.9", "reason": " "}, "Say why")],
)
def test_what_cannot_be_shut_out_is_told_beside_it_and_stays_typed(
    log: Engine, app: Flask, typed: dict[str, str], told: str
) -> None:
    answer = enter(app, ISP_ADMIN).submit("/admin/servers", typed, page="/admin/servers")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and told in page and f'value="{typed["ip"]}"' in page


def test_the_logs_tell_how_far_they_are_read(log: Engine, app: Flask) -> None:
    with log.begin() as connection:
        source = {"format": "syslog", "path": "/var/log/mail.log", "lines": 100, "gaps": 0}
        connection.execute(insert(SourceRow.__table__).values(source_id=1, node="mx1", seen_at=ago(), **source))
        connection.execute(insert(SourceRow.__table__).values(source_id=2, node="mx2", seen_at=ago(hours=2), **source))
        odd = {"source_id": 1, "mark": "a", "why": "no pattern", "example": "reject: <script>", "last_at": ago()}
        connection.execute(insert(OddRow.__table__).values(odd))
    browser = enter(app, ISP_ADMIN)
    page = browser.get("/admin/logs").get_data(as_text=True)
    assert page.count('data-late="false"') == 1 == page.count('data-late="true"')
    assert "reject: &lt;script&gt;" in page and "mx1:/var/log/mail.log" in page


def test_a_switch_is_turned_and_all_administrators_are_warned_while_mail_is_kept_out(log: Engine, app: Flask) -> None:
    browser, site = enter(app, ISP_ADMIN), enter(app, SITE_ADMIN)
    assert "kept out" not in words(site, "/admin")
    turned = browser.submit("/admin/intake", {"switch": "allow_other", "to": "off"}, page="/admin/intake")
    assert turned.status_code == 303
    assert "Mail is being kept out. Turned off: Everybody else (allow_other)." in words(site, "/admin")
    assert "by ida@one.example" in words(browser, "/admin/intake")
    browser.submit("/admin/intake", {"switch": "allow_other", "to": "on"}, page="/admin/intake", buffered=True)
    browser.submit("/admin/intake", {"switch": "greylist_on", "to": "off"}, page="/admin/intake", buffered=True)
    assert "kept out" not in words(site, "/admin"), "greylisting keeps nothing out"
    for wrong in ({"switch": "rm -rf", "to": "off"}, {"switch": "allow_other", "to": "maybe"}, {"to": "off"}):
        assert browser.submit("/admin/intake", wrong, page="/admin/intake").status_code == 400


def test_the_way_here_is_in_the_menu_of_administrators(log: Engine, app: Flask) -> None:
    assert 'data-testid="admin-link"' in enter(app, SITE_ADMIN).get("/settings/looks").get_data(as_text=True)
    assert 'data-testid="admin-link"' not in enter(app, USER).get("/settings/looks").get_data(as_text=True)
