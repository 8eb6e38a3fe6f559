"""What every back-end is given: names that are filled into a template once, and never as more than a name."""

import pytest

from app.password.backend import Change
from app.password.errors import BackendAway, Rejected

ANN = Change("ann@one.example", "ann", "new", "old", 7)


def test_names_are_filled_in_once() -> None:
    assert ANN.filled("{login} {local}@{domain} = {address} {other}") == "ann ann@one.example = ann@one.example {other}"
    assert Change("a@b", "{domain}", "x").filled("{login}") == "{domain}"
    assert ANN.filled("cn={login}", written=str.upper) == "cn=ANN"


@pytest.mark.parametrize("login", ["a\nb", "a\0b", "a\x7f", "a/b"])
def test_a_name_that_would_mean_more_where_it_goes_is_refused(login: str) -> None:
    with pytest.raises(BackendAway):
        Change("ann@one.example", login, "new").filled("{login}", without="/")


def test_a_password_is_in_no_text_of_a_change() -> None:
    assert "old" not in repr(ANN) and "new" not in repr(ANN)


def test_the_words_of_a_refusal_are_one_short_line() -> None:
    assert Rejected("no\r\n\x1b[1m" + "x" * 400).words.startswith("no   [1mxx")
    assert len(Rejected("x" * 400).words) == 300
