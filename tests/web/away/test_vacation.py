"""The answer while somebody is away, on a real Dovecot: what is set is answered, and nothing typed is lost."""

import re
from typing import Any

import pytest
from sqlalchemy import insert

from app.directory.tables import AddressRow
from app.profile.contact import Contact
from app.profile.contacts import add
from tests.smtpsink import Sink
from tests.web.filters.conftest import Owner
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
PAGE = "/vacation"
SHOP = b'# rule:[Shop]\r\nif header :contains "subject" "shop"\r\n{\r\n\tfileinto "Junk";\r\n}\r\n'
VACATION = (
    b'require ["fileinto","vacation","date","relational"];\r\n# rule:[Away]\r\n'
    b'if currentdate :zone "+0200" :value "ge" "iso8601" "2026-07-01T08:00:00+02:00"\r\n{\r\n'
    b'\tvacation :days 5 :addresses ["old@x.example"] "Away.";\r\n\tredirect "al@else.example";\r\n}\r\n'
) + SHOP
BASE = b'require ["fileinto"];\r\n' + SHOP


def form(**changes: Any) -> dict[str, Any]:
    """A form as the page sends it."""
    return {"on": "1", "start": "", "end": "", "subject": "Away", "text": "I am away.\r\nBack soon.", "html": "",
            "days": "7", "can": "vacation date relational", **changes}  # fmt: skip


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(csrf_token|made|carry_token|can)" value="([^"]+)"', page))


def test_an_answer_is_set_and_stands_first_in_the_script(owner: Owner):
    owner.put(BASE, "roundcube")
    assert 'data-on="false"' in owner.page(PAGE)
    answer = owner.post(PAGE, form(start="2026-07-01", end="2036-12-31"))
    assert answer.status_code == 303
    script = owner.script()
    assert script.index(b"# rule:[Vacation]") < script.index(b"# rule:[Shop]")
    assert b'vacation :days 7 :addresses ["' + owner.address.encode() in script
    page = owner.page(PAGE)
    assert 'value="2026-07-01"' in page and ">\nI am away.\nBack soon.</textarea>" in page


def letter(owner: Owner, subject: str = "Question", to: str = "") -> bytes:
    head = f"From: Carol <sender@example.org>\r\nTo: {to or owner.address}\r\nSubject: {subject}\r\n"
    return f"{head}\r\nText\r\n".encode()


def answers(outgoing: Sink, owner: Owner) -> list[bytes]:
    """What left for the sender of letters from the owner's mailbox."""
    return [each.content for each in outgoing.taken if owner.address.encode() in each.content]


def test_mail_is_answered_once_and_stays(owner: Owner, outgoing: Sink):
    assert owner.post(PAGE, form()).status_code == 303
    owner.mail.deliver(letter(owner), letter(owner, "Again"))
    (sent,) = answers(outgoing, owner)
    assert b"I am away.\r\nBack soon." in sent and b"Subject: Away" in sent and b"Auto-Submitted: auto-replied" in sent
    assert owner.page("/mail/INBOX/").count('data-testid="message-row"') == 2


def test_html_is_cleaned_and_sent_beside_the_text(owner: Owner, outgoing: Sink):
    html = '<p>I am <b>away</b>.</p><script>alert(1)</script><img src="https://t.example/x.png">'
    assert owner.post(PAGE, form(text="", html=html)).status_code == 303
    script = owner.script()
    assert b":mime" in script and b"<b>away</b>" in script and b"script>" not in script and b"t.example" not in script
    owner.mail.deliver(letter(owner))
    (sent,) = answers(outgoing, owner)
    assert b"multipart/alternative" in sent and b"I am away." in sent
    assert "&lt;b&gt;away&lt;/b&gt;" in owner.page(PAGE)


def test_all_addresses_are_told_to_the_server_and_those_of_others_stay(owner: Owner):
    with owner.app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(insert(AddressRow).values(site_id=1, local=f"al{owner.number}", account_id=owner.number))
    owner.put(VACATION, "roundcube")
    assert owner.post(PAGE, form()).status_code == 303
    told = owner.script()
    for each in (owner.address, f"al{owner.number}@one.example", "old@x.example"):
        assert f'"{each}"'.encode() in told, (each, told)


def test_only_contacts_are_answered(owner: Owner, outgoing: Sink):
    answer = owner.post(PAGE, form(contacts="1"))
    assert answer.status_code == 422 and 'id="contacts-hint"' in answer.get_data(as_text=True)
    add(owner.app.extensions["postern"].database, str(owner.number), [Contact("Dan", ("Dan@friends.example",))])
    assert owner.post(PAGE, form(contacts="1")).status_code == 303
    assert b'"dan@friends.example"' in owner.script("webmail")
    owner.mail.deliver(letter(owner))
    owner.mail.deliver(letter(owner).replace(b"sender@example.org", b"Dan@friends.example"))
    assert len(answers(outgoing, owner)) == 1


def test_what_another_program_set_stays_where_the_form_does_not_show_it(owner: Owner):
    owner.put(VACATION, "roundcube")
    page = owner.page(PAGE)
    assert 'value="2026-07-01"' in page and "sent on and not kept" in page
    told = form(text="Gone.", start="2026-07-01", days="3", subject="", can="vacation date relational")
    assert owner.post(PAGE, told).status_code == 303
    script = owner.script()
    assert b'"iso8601" "2026-07-01T08:00:00+02:00"' in script and b'redirect "al@else.example"' in script
    assert b":days 3" in script and b"Gone." in script and SHOP in script
    owner.post(PAGE, form(on="", text="Gone.", start="2026-07-01", days="3", subject=""))
    assert b"if false #" in owner.script() and 'data-on="false"' in owner.page(PAGE)


MISTAKES: list[tuple[dict[str, str], str]] = [
    ({"text": ""}, "text-hint"),
    ({"start": "tomorrow"}, "start-hint"),
    ({"start": "2026-12-20", "end": "2026-12-01"}, "end-hint"),
    ({"days": "0"}, "days-hint"),
    ({"days": "\u0663"}, "days-hint"),
    ({"text": "x" * 10_001}, "text-hint"),
    ({"html": "x" * 10_001}, "html-hint"),
]


def test_a_mistake_is_told_beside_its_field_and_what_was_typed_stays(owner: Owner):
    for changes, where in MISTAKES:
        answer = owner.post(PAGE, form(subject="Kept <i>", **changes))
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and f'id="{where}"' in page and 'value="Kept &lt;i&gt;"' in page, changes
    assert owner.names() == set()


def test_what_is_typed_never_becomes_script(owner: Owner):
    owner.put(BASE, "roundcube")
    for text in ('"; discard; #', "x\r\n.\r\n;\r\ndiscard;", "${hex:22}", "a\\", "*/ stop; /*", "\u2028stop;"):
        assert owner.post(PAGE, form(text=text, subject=text)).status_code in (303, 422), text
        assert SHOP in owner.script()
    owner.mail.deliver(letter(owner))
    assert owner.page("/mail/INBOX/").count('data-testid="message-row"') == 1


def test_a_script_that_was_changed_elsewhere_is_shown_beside_it_and_kept(owner: Owner):
    owner.put(BASE, "roundcube")
    told = hidden(owner.page(PAGE))
    theirs = BASE + SHOP.replace(b"[Shop]", b"[Theirs]")
    owner.put(theirs, "roundcube")
    answer = owner.browser.post(PAGE, data={**told, **form()})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and 'data-testid="filters-conflict"' in page and "I am away." in page
    assert owner.script() == theirs
    assert owner.browser.post(PAGE, data={**hidden(page), **form()}).status_code == 303
    assert b"[Theirs]" in owner.script() and b"[Vacation]" in owner.script()


def test_somebodys_own_script_is_left_alone_and_its_answer_shown(owner: Owner):
    own = b'require "vacation";\nif header :contains "subject" "x" {\n  vacation "Mine <b>.";\n}\n'
    owner.put(own, "mine")
    page = owner.page(PAGE)
    assert 'data-testid="away-consent"' in page and "Mine &lt;b&gt;." in page and 'id="vacation-form"' not in page
    token = owner.browser.token("/mail/INBOX/")
    answer = owner.browser.post(PAGE, data={"csrf_token": token, **form()})
    assert answer.status_code == 409 and "I am away." in answer.get_data(as_text=True)
    assert owner.script() == own


def test_an_answer_of_another_program_in_our_script_is_shown_as_text(owner: Owner):
    odd = b'# rule:[Odd]\r\nif header :regex "subject" "x"\r\n{\r\n\tvacation "Odd.";\r\n}\r\n'
    owner.put(b'require ["vacation","regex"];\r\n' + odd, "roundcube")
    page = owner.page(PAGE)
    assert 'data-testid="away-others"' in page and "Odd" in page and 'id="vacation-form"' in page


def test_a_server_that_is_away_leaves_what_was_typed(owner: Owner):
    told = hidden(owner.page(PAGE))
    owner.moved(sieve_port=1)
    answer = owner.browser.post(PAGE, data={**told, **form(), "csrf_token": owner.browser.token("/mail/INBOX/")})
    assert answer.status_code == 503
    assert ">\nI am away.\nBack soon.</textarea>" in answer.get_data(as_text=True)


def test_a_session_that_ended_while_it_was_typed_loses_nothing(owner: Owner):
    told = hidden(owner.page(PAGE))
    owner.session_ends()
    answer = owner.browser.post(PAGE, data={**told, **form()}, headers={"Sec-Fetch-Site": "same-origin"})
    page = answer.get_data(as_text=True)
    carried = re.search(r'name="carried" value="([^"]+)"', page)
    assert carried
    signing = {"address": owner.address, "password": owner.mail.password, **hidden(page), "carried": carried[1]}
    answer = owner.browser.post("/login", data=signing)
    assert answer.status_code == 303 and answer.location == PAGE
    assert b"# rule:[Vacation]" in owner.script("webmail")


def test_the_inbox_says_so_while_mail_is_answered(owner: Owner):
    assert 'data-testid="answering-notice"' not in owner.page("/mail/INBOX/")
    owner.post(PAGE, form(end="2036-12-31"))
    assert "Mail is answered until 31 December 2036." in owner.page("/mail/INBOX/")
    assert 'data-testid="answering-notice"' not in owner.page("/mail/Archive/")
    rules = owner.page("/filters")
    assert '<a href="/vacation" data-testid="filter-link">' in rules
    number = re.findall(r'name="do" value="off-(\d+)"', rules)[0]
    owner.post("/filters", {"do": f"off-{number}"})
    assert 'data-testid="answering-notice"' not in owner.page("/mail/INBOX/")
    with owner.sieve() as client:  # and where another program does
        client.store("webmail", client.script("webmail").replace(b"if false # ", b"if "))
    assert 'data-on="true"' in owner.page(PAGE)
    assert 'data-testid="answering-notice"' in owner.page("/mail/INBOX/")


def test_who_has_no_scripts_is_told_so(signed_in: Pages):
    answer = signed_in.get(PAGE)
    assert answer.status_code == 200 and 'data-testid="set-elsewhere"' in answer.get_data(as_text=True)
