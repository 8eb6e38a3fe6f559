"""How easily a password is guessed: by what everybody tries, and by what belongs to its owner; in a bounded time."""

import subprocess
import sys
import time

import pytest

from app.password.strength import bounded, weakness

OWN = ("ann.miller@one.example", "ann", "Ann Miller", "Acme Mail")


EASY = ("password1234", "qwertyuiop[]", "annmiller2024", "Ann.Miller", "miller-ann-1", "acmemail123", "aaaaaaaaaaaa")


@pytest.mark.parametrize("password", EASY)
def test_what_is_easily_guessed_is_told_with_a_way_out(password: str) -> None:
    told = weakness(password, OWN, score=3)
    assert told.startswith("This is too easy to guess.") and told.endswith("a good one.")


def test_the_owners_name_is_no_password() -> None:
    assert "own name or address" in weakness("AnnMiller", OWN, score=3)


def test_words_that_have_nothing_to_do_with_each_other_are_good() -> None:
    assert weakness("gravel tuba onion lamp", OWN, score=4) == ""
    assert weakness("Ünterwegs mit 3 Kröten", OWN, score=3) == ""


def test_a_password_that_could_stand_for_many_words_costs_no_more_than_others() -> None:
    hostile = ("4@8({[<369&#!1/|0$5+7%2" * 6)[:128]
    weakness("begin", (), score=3)
    began = time.process_time()
    weakness(hostile, OWN, score=3)
    assert time.process_time() - began < 1.5  # 7 s without the bound
    assert len(set(bounded(hostile))) == 10 and len(bounded("x" * 128)) == 72


@pytest.mark.slow
def test_who_changes_no_password_never_loads_it() -> None:
    code = "import sys, app.web, app.web.signing.password\nprint('zxcvbn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
