"""Slips in well-known domains: one letter too many, missing, wrong or exchanged; nothing that may be real."""

import pytest

from app.mail.misspelt import meant


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@gmial.com", "gmail.com"),
        ("a@gmai.com", "gmail.com"),
        ("a@gmaill.com", "gmail.com"),
        ("A@GMAIL.CON", "gmail.com"),
        ("a@hotnail.com", "hotmail.com"),
        ("a@outlok.com", "outlook.com"),
        ("a@uni-giesen.example", "uni-giessen.example"),
    ],
)
def test_one_slip_is_noticed(address: str, domain: str) -> None:
    assert meant(address, ("uni-giessen.example",)) == domain


@pytest.mark.parametrize(
    "address",
    ["a@gmail.com", "a@mail.com", "a@ymail.com", "a@gmx.de", "a@one.example", "a@uni-giessen.example", "a", "", "a@"],
)
def test_what_may_be_meant_as_it_is_is_left_alone(address: str) -> None:
    assert meant(address, ("uni-giessen.example", "a.de")) == ""
