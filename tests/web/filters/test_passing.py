"""Mail that a rule sends on: targets outside of the site agree first, and its owner is told of new ones, once. And what
throws away or refuses all mail, which is told, too. Whatever way a rule comes to run, it is held to the same."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.directory.tables import SiteRow
from app.sieve.effect import running, sendings
from app.sieve.failures import NoScript
from app.sieve.script import Script
from app.sieve.targets import included
from app.web.filters import passing
from tests.smtpsink import Sink
from tests.web.filters.conftest import Owner
from tests.web.filters.test_editor import NEW, form
from tests.web.filters.test_rules import at
from tests.web.pages import field

pytestmark = pytest.mark.servers
OUT = "out@elsewhere.example"
HEAD = b'# Postern: ours\r\nrequire ["copy","include"];\r\n'
SENDS = b'# rule:[Sends]\r\nif header :contains "subject" "invoice"\r\n{\r\n\tredirect :copy "OUT";\r\n}\r\n'
SENDS = SENDS.replace(b"OUT", OUT.encode())
OFF = SENDS.replace(b"if header", b"if false # header")
STOPS = b'# rule:[Stops]\r\nif header :contains "subject" "in"\r\n{\r\n\tstop;\r\n}\r\n'
ENDS = b"# rule:[Ends]\r\nif true\r\n{\r\n\tstop;\r\n}\r\n"
HAND = b'require "copy";\nif header :contains "subject" "by hand" { keep; }\n'
TEXT = {"text": f'require "copy";\nif header :is "x" "y" {{ redirect :copy "{OUT}"; }}\n', "do": "save"}
RULE = form(a_does=["redirect-copy"], a_value=[OUT])
RUNS_OLD = {"text": 'require "include";\ninclude "webmail.bak";\n', "do": "save"}
INSIDE = {"to": "forward@one.example", "copy": "1", "do": "save"}
AWAY = {"on": "1", "text": "I am away.", "days": "7"}


def shelved(owner: Owner, text: bytes) -> None:
    """A script that is there and does not run."""
    with owner.sieve() as client:
        client.store("webmail", text)


def after_a_conflict(owner: Owner, path: str, data: dict[str, Any]) -> TestResponse:
    shown = owner.browser.get(path)
    hidden = {name: field(shown, name) for name in ("csrf_token", "made")}
    owner.put(HEAD + STOPS.replace(b"stop", b"keep"))
    first = owner.browser.post(path, data=hidden | data)
    assert first.status_code == 409
    again = {name: field(first, name) for name in ("csrf_token", "made")}
    return owner.browser.post(path, data=again | data | {"instead": "1"})


def old_copy(owner: Owner) -> None:
    with owner.sieve() as client:
        client.store("webmail.bak", SENDS.replace(b"# rule:[Sends]\r\n", b'require "copy";'))
    owner.put(HEAD)


def posts(path: str, data: dict[str, Any], page: str | None = None) -> Callable[[Owner], TestResponse]:
    return lambda owner: owner.post(path, data, page=page)


def presses(button: str) -> Callable[[Owner], TestResponse]:
    """The first one of that kind in the list of rules."""
    return lambda owner: owner.post("/filters", {"do": at(owner.page(), button)})


def consents(way: str) -> Callable[[Owner], TestResponse]:
    return posts("/filters/consent", {"way": way}, "/filters")


def holds(text: bytes) -> Callable[[Owner], None]:
    return lambda owner: owner.put(HEAD + text)


def two_scripts(owner: Owner) -> None:
    shelved(owner, HEAD + SENDS)
    owner.put(HAND, "mine")


# How a rule that sends mail outside comes to run: what is there before, and what its owner does.
PATHS: dict[str, tuple[Callable[[Owner], None], Callable[[Owner], TestResponse]]] = {
    "a rule's form": (holds(b""), posts(NEW, RULE)),
    "its switch": (holds(OFF), presses("on")),
    "moved up": (holds(STOPS + SENDS), presses("up")),
    "another moved down": (holds(STOPS + SENDS), presses("down")),
    "what stops all removed": (holds(ENDS + SENDS), presses("remove")),
    "what stops all off": (holds(ENDS + SENDS), presses("off")),
    "text": (holds(b""), posts("/filters/text", TEXT)),
    "text that runs an old copy": (old_copy, posts("/filters/text", RUNS_OLD)),
    "text in place of another's": (holds(b""), lambda owner: after_a_conflict(owner, "/filters/text", TEXT)),
    "a form after a conflict": (holds(b""), lambda owner: after_a_conflict(owner, NEW, RULE)),
    "a second script": (two_scripts, consents("last")),
    "a script by hand taken on": (lambda owner: shelved(owner, TEXT["text"].encode()), consents("adopt")),
    "another rule in a script that did not run": (lambda owner: shelved(owner, HEAD + SENDS), posts(NEW, form())),
    "an answer in it": (lambda owner: shelved(owner, HEAD + SENDS), posts("/vacation", AWAY)),
    "forwarding in it": (lambda owner: shelved(owner, HEAD + SENDS), posts("/forwarding", INSIDE)),
}


def sends(owner: Owner) -> bool:
    """Whether mail about an invoice is sent outside."""
    with suppress(AssertionError, NoScript):
        text = owner.script()
        parts = running([Script.read(text), *(Script.read(owner.script(name)) for name in included(text))])
        return any(OUT in each.targets and not each.ended and not each.below for each in sendings(parts))
    return False


def allowed(owner: Owner, outside: bool) -> None:
    with owner.app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(SiteRow).values(forward_outside=outside))


@contextmanager
def told(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """Where the site's mails to its people go."""
    held = owner.app.extensions["postern"]
    with Sink({}) as sink:
        set_up = dataclasses.replace(
            held.settings, public_url="https://mail.isp.example", notice_from="webmail@one.example",
            notice_url=f"smtp+plain://127.0.0.1:{sink.port}",
        )  # fmt: skip
        monkeypatch.setattr(held, "settings", set_up)
        yield sink


def letter(sink: Sink) -> str:
    """The words of the first mail, whose lines are flowed."""
    return " ".join(message_from_bytes(sink.taken[0].content, policy=default).get_content().split())


@pytest.mark.parametrize("path", PATHS)
def test_no_way_to_send_mail_outside_passes_by_the_site_who_agrees_and_the_owner(
    owner: Owner, path: str, monkeypatch: pytest.MonkeyPatch
):
    prepare, act = PATHS[path]
    with told(owner, monkeypatch) as sink:
        for agreed, outside, words in (((), True, "has not agreed yet"), ((OUT,), False, "does not allow")):
            owner.trusts(INSIDE["to"], *agreed)
            allowed(owner, outside)
            prepare(owner)
            with act(owner) as answer:
                page = answer.get_data(as_text=True) if answer.status_code == 422 else owner.page()
            assert words in page and not sends(owner) and not sink.taken
        allowed(owner, True)
        prepare(owner)
        with act(owner) as answer:
            assert answer.status_code == 303
        assert sends(owner)
        assert [OUT.encode() in each.content for each in sink.taken] == [True]


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


HIDDEN = (
    r'redirect "\"me@elsewhere.example\"@one.example";', 'redirect "me%elsewhere.example@one.example";',
    'set "me" "me@elsewhere.example"; redirect "${me}";', 'redirect "me${hex:40}elsewhere.example";',
    'set "me" "me%elsewhere.example"; redirect "${me}@one.example";', 'include :optional "${hex:6d}ine";',
)  # fmt: skip


def test_no_spelling_of_an_address_leads_past_who_has_to_agree(owner: Owner):
    head = 'require ["variables", "encoded-character", "include"];\n'
    for command in HIDDEN:
        answer = owner.post("/filters/text", {"text": head + command, "do": "save"})
        assert answer.status_code == 422 and "has not agreed yet" in answer.get_data(as_text=True), command
    assert owner.names() == set()


def test_very_many_addresses_are_neither_looked_up_nor_listed(owner: Owner):
    some = "".join(f'redirect "a{at}@elsewhere.example";\n' for at in range(passing.MOST + 1))
    for text, words in ((some, "201"), (some.partition("\n")[2], "and 190 more have not agreed")):
        answer = owner.post("/filters/text", {"text": text, "do": "save"})
        assert answer.status_code == 422 and words in answer.get_data(as_text=True)
    assert owner.names() == set()


def test_no_script_runs_more_others_than_are_looked_at(owner: Owner):
    with owner.sieve() as client:
        for number in range(20):
            client.store(f"s{number}", b"keep;" if number < 19 else f'redirect "{OUT}";'.encode())
    text = 'require "include";\n' + "".join(f'include "s{number}";\n' for number in range(20))
    answer = owner.post("/filters/text", {"text": text, "do": "save"})
    assert answer.status_code == 422 and "runs more" in answer.get_data(as_text=True)
    assert "webmail" not in owner.names()


def test_who_a_variable_of_a_script_names_is_not_exchanged_unnoticed(owner: Owner):
    mine = 'require "variables";\nset "me" "me@elsewhere.example";\nredirect "${me}";\n'
    owner.put(mine.encode())
    longer = {"text": mine + "keep;\n", "do": "save"}
    assert owner.post("/filters/text", longer).status_code == 303
    other = {"text": mine.replace("me@", "thief@"), "do": "save"}
    assert owner.post("/filters/text", other).status_code == 422


def test_new_targets_outside_are_told_to_the_owner_once(owner: Owner, monkeypatch: pytest.MonkeyPatch):
    with told(owner, monkeypatch) as sink:
        inside = form(a_does=["redirect-copy"], a_value=["bob@two.example"])
        assert owner.post(NEW, inside).status_code == 303
        assert sink.taken == []
        owner.trusts("me@elsewhere.example", "third@elsewhere.example")
        outside = form(a_does=["redirect-copy"], a_value=["Me@Elsewhere.example"])
        assert owner.post(NEW, outside).status_code == 303
        assert [each.recipients for each in sink.taken] == [[owner.address]]
        assert b"me@elsewhere.example" in sink.taken[0].content
        assert owner.post(NEW, outside | {"name": "Again"}).status_code == 303
        some = 'if header :contains "subject" "x" { redirect :copy "me@elsewhere.example"; }'
        text = f'require "copy";\n{some}\nredirect :copy "third@elsewhere.example";\n'
        assert owner.post("/filters/text", {"text": text, "do": "save"}).status_code == 303
        assert len(sink.taken) == 2 and b"third@elsewhere.example" in sink.taken[1].content
        assert b"me@elsewhere.example" not in sink.taken[1].content


DENIALS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a form without conditions": (NEW, form(join="always", a_does=["discard"]), "“Invoices” throws away all mail"),
    "a form about whom mail is for": (
        NEW, form(c_about=["recipient"], c_value=["@one.example"], a_does=["reject"], a_value=["no"]),
        "“Invoices” refuses all mail",
    ),
    "a text": (
        "/filters/text", {"text": 'require "reject";\nif not header :contains "x-y" "z" { reject "no"; }\n'},
        "A rule that was written as text refuses all mail",
    ),
    "a text too entangled to tell": (
        "/filters/text", {"text": 'if not not true { discard; }\n'},
        "A rule that was written as text throws away mail; which, cannot be told here",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", DENIALS)
def test_who_throws_away_or_refuses_all_mail_of_an_account_is_told_to_its_owner(
    owner: Owner, way: str, monkeypatch: pytest.MonkeyPatch
):
    path, data, words = DENIALS[way]
    with told(owner, monkeypatch) as sink:
        assert owner.post(NEW, form(a_does=["discard"], name="Some")).status_code == 303
        assert sink.taken == [], "what throws away some mail is an everyday rule"
        assert owner.post(path, data | {"do": "save"}).status_code == 303
        assert [each.recipients for each in sink.taken] == [[owner.address]]
        assert words in letter(sink)
        more = {"text": owner.script().decode() + "\nkeep;\n", "do": "save"}
        assert owner.post("/filters/text", more).status_code == 303
        assert len(sink.taken) == 1, "it is told once"


def test_no_page_puts_a_script_on_a_mail_server_but_by_the_one_way_that_looks_at_it():
    web = Path(__file__).resolve().parents[3] / "app/web"
    stores = re.compile(r"\bclient\.(?:store|activate)\(|\bManageSieve\.(?:store|activate)\b")
    assert [each.name for each in web.rglob("*.py") if stores.search(each.read_text())] == ["kept.py"]


def test_a_rule_for_all_mail_that_is_switched_on_again_is_told_again(owner: Owner, monkeypatch: pytest.MonkeyPatch):
    owner.put(HEAD + b"# rule:[All]\r\nif false # true\r\n{\r\n\tdiscard;\r\n}\r\n")
    with told(owner, monkeypatch) as sink:
        presses("on")(owner)
        assert len(sink.taken) == 1 and "“All” throws away all mail" in letter(sink)
