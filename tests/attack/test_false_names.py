"""Names that a stranger chose so that a reader takes them for something else."""

from __future__ import annotations

import pytest

from app.mail.errors import BadArgument
from app.mail.filename import harmless
from app.mail.header import Address
from app.mail.wire import encode
from app.web.format import people, person

TRUE = "x@evil.example"


@pytest.mark.parametrize(
    "name",
    [
        "security@bank.example",
        "Bank <security@bank.example>",
        "security@bank.example via Post",
        "security\uff20bank.example",
        "security\ufe6bbank\uff0eexample",
    ],
)
def test_a_name_that_is_an_address_gives_way_to_the_true_one(name: str) -> None:
    assert person(Address(name, TRUE)) == TRUE
    assert people([Address(name, TRUE)]) == TRUE


def test_a_name_that_is_an_address_without_a_true_one_is_nobody() -> None:
    assert person(Address("security@bank.example", "")) == "(no sender)"


@pytest.mark.parametrize("name", ["Bank", "Bücher & Töne", "meet @ noon", "@home", "日本"])
def test_other_names_stand(name: str) -> None:
    assert person(Address(name, TRUE)) == name


@pytest.mark.parametrize("mark", "\u200e\u200f\u061c\u202e\u2067")
def test_a_file_keeps_no_mark_that_turns_its_name(mark: str) -> None:
    assert harmless(f"{mark}jpg.{mark}photo{mark}.exe") == "jpg.photo.exe"


@pytest.mark.parametrize("uid", [0, 2**32, 10**30])
def test_a_uid_that_is_none_never_leaves(uid: int) -> None:
    with pytest.raises(BadArgument):
        encode(b"a1", (b"UID FETCH", b"%d" % uid, b"(UID FLAGS)"))
