"""axe-core over every page: full and empty, right and wrong, to users and to both kinds of administrators."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from app.directory.resolve import Directory, resolve
from app.directory.tables import AccountRow
from app.policy import senders
from app.policy.rule import Rule, account_scope
from app.policy.value import Kind
from app.profile import contacts, texts
from app.profile.contact import Contact
from app.profile.texts import Text
from app.sieve.managesieve import Login, opened
from app.store.seal import Keyring
from app.web.blocked.asked import place_of
from app.web.digest.link import LASTS, Link, token
from tests.browser import addresses
from tests.browser.addresses import Mistake, unseen
from tests.browser.axe import examine, examine_narrow
from tests.browser.letters import fill
from tests.browser.odd import LONG_NAME, LONG_WORD, fill_odd
from tests.browser.steps import select, sign_in
from tests.browser.test_admin import Admin, admin
from tests.browser.test_blocked import some
from tests.browser.test_writing import write
from tests.conftest import Resident, Site
from tests.web.blocked.rows import block

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

__all__ = ["admin"]
pytestmark = pytest.mark.browser
OpenContext = Callable[..., "BrowserContext"]
NOW = datetime.now(UTC)
SCRIPT = f"""require ["fileinto", "vacation"];
# rule:[{LONG_WORD}]
if header :contains "subject" "{LONG_WORD}"
{{
	fileinto "Archive";
}}
# rule:[اجتماع]
if false # true
{{
	discard;
}}
"""
CLASHING = f"""require ["fileinto", "reject"];
# rule:[{LONG_WORD}]
if header :contains "subject" "a"
{{
	fileinto "Archive";
}}
# rule:[Back]
if header :contains "subject" "b"
{{
	reject "No.";
}}
"""
# On a page that lists things: what leads to the first of them.
TO_ONE = ["contact-link", "text-link", "identity-link", "filter-link", "blocked-subject-link"]
# One of each kind of layout.
NARROW = (
    *(
        "/mail/INBOX/",
        "/compose",
        "/contacts",
        "/settings/identities/new",
        "/blocked",
        "/filters",
        "/filters/rules/new",
    ),
    *(
        "/filters/text",
        "/filters/senders",
        "/filters/spam",
        "/vacation",
        "/forwarding",
        "/settings/password",
        "/admin/servers",
        "/admin/intake",
        "/login",
    ),
)
_LINKS = """(names) => names.map((name) => document.querySelector(`a[data-testid="${name}"]`))
  .filter((link) => link).map((link) => link.pathname)"""
FAULT = '[data-testid$="fault"], [data-testid$="-error"], [data-testid="import-fault"]'


def furnish(admin: Admin, site: Site) -> str:
    """Something on every page: long names, right to left, markup. Returns where a mail is that was refused."""
    fill(admin.resident, 2)
    fill_odd(admin.resident)
    admin.resident.mail.append(b"Subject: Half\r\n\r\nHalf of it", mailbox="Drafts", flags=("\\Draft",))
    some(site.engine, admin.own.id)
    for name in (LONG_NAME, "أحمد عبد الرحمن", "Ann", "Ann"):
        contacts.save(site.engine, admin.own.id, Contact(name, ("ann@one.example",), labels=("Choir",)))
    texts.save(site.engine, admin.own.id, Text("", LONG_NAME, "Hello", "Hello"))
    with site.engine.begin() as rows:
        for action, kind, value in (
            ("deny", Kind.domain, f"{'d' * 60}.example"),
            ("allow", Kind.network, "192.0.2.0/24"),
        ):
            senders.add(rows, Rule(account_scope(admin.own.id), action, kind, value, NOW, note=LONG_WORD))
    put_script(admin.resident)
    return f"/blocked/{block(site.engine, account=admin.own.id)}"


def put_script(resident: Resident, script: str = SCRIPT) -> None:
    account = resident.mail
    sock = socket.create_connection(("127.0.0.1", account.server.sieve_port), 2)
    with closing(opened(sock, Login(account.login, account.password))) as client:
        client.store("webmail", script.encode().replace(b"\n", b"\r\n"))
        client.activate("webmail")


class Look:
    """Goes from page to page; keeps where it was, what was wrong, and what leads further."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.seen: list[str] = []
        self.further: list[str] = []

    def examine(self, what: str, *, narrow: bool = False) -> None:
        self.wrong += [f"{what}: {each}" for each in examine(self.page)]
        if narrow or what in NARROW:
            self.wrong += [f"{what}: {each}" for each in examine_narrow(self.page)]

    def at(self, *addresses: str) -> None:
        for address in addresses:
            self.page.goto(address)
            self.seen.append(address)
            self.examine(address)
            self.further += self.page.evaluate(_LINKS, TO_ONE)

    def mistaken(self, mistake: Mistake) -> None:
        self.page.goto(mistake.address)
        self.seen.append(mistake.address)
        self.page.evaluate("document.querySelectorAll('form').forEach((form) => { form.noValidate = true; })")
        for name, text in mistake.typed.items():
            self.page.get_by_test_id(name).locator("visible=true").first.fill(text)
        self.page.get_by_test_id(mistake.send).first.click()
        expect(self.page.locator(FAULT).first).to_be_in_viewport()
        self.examine(f"{mistake.address} filled in wrongly", narrow=mistake.address in NARROW)


def look_of(open_context: OpenContext, resident: Resident) -> Look:
    look = Look(open_context(reduced_motion="reduce").new_page())
    sign_in(look.page, resident)
    look.seen.append("/login")  # examined below
    return look


def test_axe_finds_nothing_on_any_page(open_context: OpenContext, admin: Admin, site: Site) -> None:
    refused = furnish(admin, site)
    look = look_of(open_context, admin.resident)
    mail = addresses.messages(look.page)
    mistakes = (*addresses.MISTAKES, *addresses.mistakes(admin.ann.site, admin.ann.id))
    first = [f"{mail[0]}/{part}" for part in ("headers", "raw", "redirect")]
    administration = [each for each in addresses.administration(admin.ann.site, admin.ann.id) if "&" not in each]
    every = {
        *(*addresses.FOLDERS[:2], *mail[:2], *first, f"{refused}/tell"),
        *(
            *addresses.OWN,
            *addresses.RULES,
            *addresses.LISTS,
            *addresses.CONTACTS,
            *addresses.LOG[::2],
            *addresses.MORE,
        ),
        *(*administration, *addresses.administered_lists()),
        *(f"{each}?site={admin.ann.site}" for each in addresses.administered_lists("site")),
    }
    look.at(*(every - {each.address for each in mistakes}))
    look.page.goto("/mail/Drafts/")
    draft = addresses.messages(look.page)[0].removeprefix("/mail/Drafts")
    look.at(f"/drafts{draft}", *set(look.further))
    for mistake in mistakes:
        look.mistaken(mistake)
    look.page.goto("/mail/INBOX/")
    select(look.page, "Letter 1")
    look.examine("with a selection", narrow=True)
    assert look.wrong == []
    assert unseen(look.seen) == set()


def test_axe_finds_nothing_where_nothing_is(open_context: OpenContext, admin: Admin, site: Site) -> None:
    with site.engine.begin() as rows:
        theirs = update(AccountRow.__table__).where(AccountRow.account_id == int(admin.own.id))
        rows.execute(theirs.values(role="site_admin"))
    look = look_of(open_context, admin.resident)
    look.at("/mail/INBOX/", "/filters", "/filters/senders", "/contacts", "/blocked", "/received", "/outbox")
    look.at("/settings/texts", "/settings/actions", "/admin", *addresses.administered_lists("site")[::2])
    assert look.wrong == []


def test_axe_finds_nothing_where_a_decision_waits(open_context: OpenContext, resident: Resident, site: Site) -> None:
    look = look_of(open_context, resident)
    page = look.page
    page.goto("/forwarding")
    page.get_by_test_id("forward-to").fill(f"{resident.mail.login}@{'e' * 50}.example")
    page.get_by_test_id("forward-password").fill(resident.password)
    page.get_by_test_id("forward-save").click()
    page.get_by_test_id("forward-asked").wait_for()
    look.examine("a code is awaited", narrow=True)
    put_script(resident)
    page.goto("/filters")
    page.get_by_test_id("filter-link").first.click()
    put_script(resident, SCRIPT.replace("Archive", "Trash"))
    page.get_by_test_id("filter-name").fill("Mine")
    page.get_by_test_id("filter-save").click()
    page.get_by_test_id("filters-conflict").wait_for()
    look.examine("a rule that was changed elsewhere", narrow=True)
    put_script(resident, CLASHING)
    page.goto("/filters")
    page.get_by_test_id("filter-clash").wait_for()
    look.examine("a rule that is at odds with another", narrow=True)
    page.goto("/compose")
    write(page, LONG_WORD)
    page.get_by_test_id("compose-later-menu").click()
    page.get_by_test_id("compose-later-offer").last.click()
    page.get_by_test_id("outbox-link").wait_for()
    page.goto("/outbox")
    page.get_by_test_id("outbox-change").click()
    page.get_by_test_id("outbox-when").fill("2020-01-01T08:00")
    page.get_by_test_id("outbox-time").click()
    page.get_by_test_id("outbox-fault").wait_for()
    look.examine("a mail for later, and a time that is over", narrow=True)
    page.get_by_test_id("outbox-undo").click()
    page.goto(digest_link(resident, site))
    page.get_by_test_id("link-do").wait_for()
    look.examine("a link of a digest", narrow=True)
    page.get_by_test_id("link-do").click()
    page.get_by_test_id("link-done").wait_for()
    look.examine("what a link of a digest did", narrow=True)
    assert look.wrong == []


def digest_link(resident: Resident, site: Site) -> str:
    """One that lets a sender in whose mail was refused."""
    account = resolve(Directory(site.engine, allow_plaintext=True), resident.address)
    assert account is not None
    place = place_of(block(site.engine, account=account.id, rcpt=resident.address))
    assert place is not None
    ring = Keyring([site.settings["POSTERN_SECRET_KEY"].encode()])
    return f"/digest/{token(ring, Link(account.id, resident.address, *place, 'allow', datetime.now(UTC) + LASTS))}"


def test_axe_finds_nothing_where_one_signs_in_and_finds_what_is_wrong(open_context: OpenContext) -> None:
    context = open_context(reduced_motion="reduce")
    look = Look(context.new_page())
    look.at("/login")
    assert look.wrong == []
    look.page = context.new_page()
    look.page.set_content("<title>x</title><style>:root { color-scheme: light dark }</style><h3>Three</h3><input>"
                          "<button style='width: 9px; height: 9px; padding: 0'>x</button><button></button>"
                          "<p style='color: #999; background: #fff'>pale</p>")  # fmt: skip
    look.examine("broken", narrow=True)
    said = "\n".join(look.wrong)
    for rule in (
        "label",
        "html-has-lang",
        "button-name",
        "color-contrast",
        "narrow and dark: color-contrast",
        "landmark-one-main",
    ):
        assert f"{rule}: " in said, rule
