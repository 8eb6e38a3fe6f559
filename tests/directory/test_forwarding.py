"""Where mail may be forwarded to: what is read of a text, and every way back that the directory knows of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from app.directory.engine import open_engine
from app.directory.forwarding import allowed_outside, outside, problems, stored, targets_of
from app.directory.resolve import Directory
from app.directory.tables import AccountRow, AddressRow, Base, DomainRow, SiteRow

PEOPLE = {1: ("ann", None), 2: ("bob", "cy@one.example"), 3: ("cy", "list@one.test"), 4: ("di", "x@else.example")}

ALIASES = {"list": "ann@one.example, y@else.example", "loop": "pool@one.test", "pool": "loop@one.test"}


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    """ann <- list <- cy <- bob; di forwards elsewhere; loop and pool forward to each other."""
    engine = open_engine(f"sqlite:///{tmp_path}/x.sqlite")
    Base.metadata.create_all(engine)
    with engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site_id=1, name="one", primary_domain="one.example"))
        for number, name in enumerate(("one.example", "one.test"), 1):
            rows.execute(insert(DomainRow).values(domain_id=number, name=name, site_id=1))
        for number, (name, target) in PEOPLE.items():
            kind = "both" if target else "mailbox"
            person = insert(AccountRow).values(account_id=number, site_id=1, username=name, kind=kind)
            rows.execute(person.values(forward_to=target))
        for local, target in ALIASES.items():
            rows.execute(insert(AddressRow).values(site_id=1, local=local, forward_to=target))
    yield Directory(engine)
    engine.dispose()


def test_targets_are_read_once_each_in_the_directory_s_spelling() -> None:
    two = ("x@else.example", "y@xn--strae-oqa.example")
    assert targets_of(" X@Else.Example,x@else.example;\r\ny@straße.example ") == two
    assert targets_of(" \n") == () and stored("a@x.example, B@x.example\n") == ("a@x.example", "b@x.example")
    run = ("|cat@x.org", "/etc/passwd@x.org", ":include:@x.org", "-x@x.org", "u2@MAIL1.internal.")
    for wrong in ("x", "x%else.org", "@x", "x%else.org@one.example", "else.org!x@one.example", *run):
        with pytest.raises(ValueError, match="is no address"):
            targets_of(wrong)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("ann@one.test", "leads back"), ("ann+x@one.example", "leads back"), ("list@one.example", "leads back"),
        ("cy@one.example", "leads back"), ("bob@one.test", "leads back"), ("nobody@one.test", "Nobody has"),
        ("di@one.example", None), ("x@else.example", None), ("loop@one.example", None),
    ],
)  # fmt: skip
def test_every_way_back_is_found(directory: Directory, target: str, said: str | None) -> None:
    found = problems(directory, "1", [target], account_id="1")
    assert (said is None and not found) or (said is not None and said in found[0])


def test_what_may_hide_another_domain_is_no_address_of_the_site(directory: Directory) -> None:
    hidden = ("x%else.org@one.example", "else.org!x@one.example", '"x@else.org"@one.example', "${x}@one.example")
    assert outside(directory, "1", ["ann@one.example", *hidden, "ann+x@one.test"]) == hidden


def test_an_alias_leads_not_to_itself(directory: Directory) -> None:
    assert problems(directory, "1", ["pool@one.test"], names=["loop@one.example", "loop@one.test"])
    assert not problems(directory, "1", ["di@one.test"], names=["loop@one.example", "loop@one.test"])


def test_a_site_may_keep_its_mail_to_itself(directory: Directory) -> None:
    assert allowed_outside(directory, "1") and not problems(directory, "1", ["x@else.example"], account_id="4")
    with directory.whole.begin() as rows:
        rows.execute(update(SiteRow.__table__).values(forward_outside=False))
    assert not allowed_outside(directory, "1")
    assert problems(directory, "1", ["ann@one.test", "x@else.example"], account_id="4") == [
        "Mail may not be forwarded outside of this site: x@else.example."
    ]
