"""What people kept in Roundcube is theirs here: each their own, once, and nothing of somebody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from app.directory.resolve import Directory, resolve
from app.moving.kept import Kept
from app.moving.roundcube import LARGEST, Roundcube
from app.moving.take import Taken, moved, owner, take
from app.profile import contacts, identities, settings, suggest, texts
from tests.directory.filling import account, alias, fill, run, server, site
from tests.moving import former

FOLDERS = 'a:3:{s:9:"sent_mbox";s:9:"Gesendet&";s:11:"drafts_mbox";s:13:"Entw&APw-rfe";s:10:"trash_mbox";s:5:"INBOX";}'
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Lee\r\nEMAIL:ann@else.example\r\nTEL:+1 5\r\nEND:VCARD\r\n"


@pytest.fixture
def there(engine: Engine) -> Iterator[Engine]:
    """Two people in the directory, and Roundcube's tables with what they and a stranger kept."""
    fill(
        engine,
        server(),
        *site("one", "one.example"),
        account("one", "ann", login="box1"),
        account("one", "bob"),
        alias("one", "sales", account="ann"),
    )
    former.make(engine)
    if engine.dialect.name == "sqlite":  # as Roundcube's own tables have it there
        run(engine, "ALTER TABLE rc_users ADD COLUMN created datetime NOT NULL DEFAULT '0000-00-00 00:00:00'")
    with engine.begin() as connection:
        former.put(connection, former.USERS, user_id=1, username="Ann@One.example", preferences=FOLDERS)
        former.put(connection, former.USERS, user_id=2, username="box1", mail_host="mail1.example.net")
        former.put(connection, former.USERS, user_id=3, username="eve@two.example")
        row = {"user_id": 1, "standard": 1, "name": "Ann", "email": "ann@one.example"}
        former.put(
            connection, former.IDENTITIES, **row, signature="<p onclick=x>Ann<script>1</script></p>", html_signature=1
        )
        former.put(
            connection, former.IDENTITIES, user_id=1, name="Shop", email="sales@one.example", reply_to="no address"
        )
        former.put(connection, former.IDENTITIES, user_id=1, name="Gone", email="gone@one.example", **{"del": 1})
        former.put(connection, former.CONTACTS, contact_id=1, user_id=1, name="Ann L.", vcard=CARD)
        former.put(
            connection, former.CONTACTS, contact_id=2, user_id=1, firstname="Zoé", email="z@x.example, y@x.example"
        )
        former.put(connection, former.CONTACTS, contact_id=3, user_id=3, name="Eve's", email="e@x.example")
        former.put(connection, former.GROUPS, contactgroup_id=1, user_id=1, name="Club")
        former.put(connection, former.MEMBERS, contactgroup_id=1, contact_id=2)
        former.put(connection, former.RESPONSES, user_id=1, name="Thanks", data="<p>Thank <b>you</b></p>", is_html=1)
        former.put(connection, former.COLLECTED, user_id=1, name="Kim", email="kim@x.example")
    yield engine
    former.drop(engine)


def everybody(engine: Engine) -> dict[str, Taken | None]:
    """What became of each login."""
    directory, done = Directory(engine), {}
    for kept in Roundcube(engine, "rc_").people():
        whose = owner(directory, kept)
        done[kept.login] = take(engine, whose, kept) if whose else None
    return done


def test_all_of_it_is_taken_and_nothing_of_a_stranger(there: Engine) -> None:
    done = everybody(there)
    assert done["Ann@One.example"] == Taken(identities=2, contacts=2, people=1, texts=1, special=1)
    assert done["eve@two.example"] is None
    ann = resolve(Directory(there), "ann@one.example")
    assert ann is not None and moved(there, ann)
    first, second = identities.identities_of(there, ann, aliases=("sales@one.example",))
    assert (first.name, first.address, first.signature_text, first.is_default) == (
        "Ann",
        "ann@one.example",
        "Ann",
        True,
    )
    assert first.signature_html == "<p>Ann</p>"
    assert (second.name, second.reply_to, second.is_default) == ("Shop", "", False)
    book = contacts.every(there, ann.id)
    assert [(each.name, each.addresses, each.labels) for each in book] == [
        ("Ann Lee", ("ann@else.example",), ()),
        ("Zoé", ("z@x.example", "y@x.example"), ("Club",)),
    ]
    assert "TEL" in (book[0].card or "")
    assert [each.address for each in suggest.collected(there, ann.id)] == ["kim@x.example"]
    ((text_id, name),) = texts.names_of(there, ann.id)
    assert name == "Thanks" and texts.read(there, ann.id, text_id).body.strip() == "Thank you"
    assert settings.read(there, ann.id, "special") == {"drafts": "Entwürfe"}


def test_a_second_run_doubles_nothing_and_leaves_what_was_chosen_here(there: Engine) -> None:
    everybody(there)
    again = everybody(there)["Ann@One.example"]
    assert again == Taken()
    ann = resolve(Directory(there), "ann@one.example")
    assert ann is not None and [each.times for each in suggest.collected(there, ann.id)] == [1]


def test_a_login_on_the_mail_server_is_its_account(there: Engine) -> None:
    kept = next(each for each in Roundcube(there, "rc_").people() if each.login == "box1")
    found = owner(Directory(there), kept)
    assert found is not None and found.address == "ann@one.example"


@pytest.mark.parametrize(
    ("login", "host", "whose"),
    [
        ("box1", "elsewhere.example", "ann@one.example"),
        ("eve", "mail1.example.net", "bob@one.example"),  # whose login that is; her address reads so
        ("eve", "mail2.example.net", "eve@one.example"),
        ("eve", "elsewhere.example", None),
        ("box1", "mail2.example.net", None),
        ("eve@one.example", "mail1.example.net", "eve@one.example"),
    ],
)
def test_a_login_that_is_another_s_address_is_nobody_s_where_no_server_tells(
    engine: Engine, login: str, host: str, whose: str | None
) -> None:
    people = (
        account("one", "ann", login="box1"),
        account("one", "bob", login="eve"),
        account("one", "eve", server="mail2"),
    )
    fill(engine, server(), server("mail2"), *site("one", "one.example"), *people)
    found = owner(Directory(engine), Kept(login, host), domain="one.example")
    assert (found.address if found else None) == whose


def test_a_card_of_any_size_is_no_more_than_its_name_and_addresses(there: Engine) -> None:
    card = CARD.replace("TEL", "PHOTO:" + "A" * LARGEST + "\r\nTEL")
    with there.begin() as connection:
        former.put(connection, former.CONTACTS, contact_id=4, user_id=1, name="Big", email="b@x.example", vcard=card)
        for number in range(5, 130):
            former.put(connection, former.CONTACTS, contact_id=number, user_id=1, name=f"P{number}", vcard="")
    kept = next(each for each in Roundcube(there, "rc_").people() if each.login.startswith("Ann"))
    assert len(kept.contacts) == 2 + 126
    assert [(each.name, each.addresses, each.card) for each in kept.contacts][2] == ("Big", ("b@x.example",), None)


def test_tables_that_an_older_one_has_not_are_left_out(engine: Engine) -> None:
    former.make(engine, without=(former.RESPONSES, former.COLLECTED))
    try:
        assert list(Roundcube(engine, "rc_").people()) == []
        with pytest.raises(KeyError, match="no table users"):
            Roundcube(engine)
    finally:
        former.drop(engine)
