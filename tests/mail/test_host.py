from __future__ import annotations

import time

import pytest

from app.mail.host import MOST_SAID, leads, normal


@pytest.mark.parametrize("text", [
    "https://www.bank.example/login", "bank.com", "(bank.com/login)", "WWW.BANK.DE", "Log in at www.bank.example now",
    "bank\u200b.com", "bank\u3002com", "https:\\\\bank.example", "https://bank.example@evil.example/", "b\u0430nk.com",
    "https://evil.example https://bank.example",
])  # fmt: skip
def test_words_that_name_another_site_need_the_true_one(text: str):
    assert leads("https://evil.example/x", text) == "evil.example"


@pytest.mark.parametrize("text", [
    "Read more", "Node.js", "README.md", "v1.2", "bob@bank.com", "5.99", "", "St.Gallen", "e.g. this", "www.",
    "https://www.evil.example/other", "evil.example", "shop.evil.example", "https://",
])  # fmt: skip
def test_other_words_need_nothing(text: str):
    assert leads("https://click.evil.example/x", text) == ""


def test_a_registry_of_two_labels_is_no_site():
    assert leads("https://evil.co.uk/", "www.shop.co.uk") and not leads("https://news.shop.co.uk/", "www.shop.co.uk")
    assert leads("https://evil.github.io/", "bank.github.io/pay")
    assert leads("https://1.2.3.4/", "9.8.3.4.de") and leads("http://9.9.3.4/", "http://1.2.3.4/")


def test_pieces_of_the_words_count_by_themselves():
    assert leads("https://evil.example/", "evil.example/bank.com", "evil.example/", "bank.com") == "evil.example"


@pytest.mark.parametrize(("address", "host"), [
    ("https://bank.example@evil.example/", "evil.example"), ("https://a:b@evil.example:8443/x@y", "evil.example"),
    ("https://p\u0430ypal.com/", "xn--pypal-4ve.com"), ("https://xn--pypal-4ve.com/", "xn--pypal-4ve.com"),
    ("https://\u0440\u0430\u0443\u0440\u0430\u04cf.com", "xn--80aa0cbo65f.com"),
    ("https://p%D0%B0ypal.com/", "xn--pypal-4ve.com"),
    ("https://xn--99999.example/", "xn--99999.example"), ("https://\u2603bank.example/", "xn--bank-4g3b.example"),
])  # fmt: skip
def test_hosts_that_hide_or_imitate_are_named_in_punycode(address: str, host: str):
    assert leads(address, "Read more") == host


@pytest.mark.parametrize("address", [
    "https://b\u00fccher.de/", "https://xn--bcher-kva.de/", "https://\u0445\u043e\u0440.\u0440\u0444/", "https://\u4f8b\u3048.jp/",
    "https://m\u00fcnchen.example/", "https://\u03b5\u03bb\u03bb\u03ac\u03b4\u03b1.gr/", "https://paral\u00b7lel.cat/",
    "mailto:a@b.example", "tel:+1",
])  # fmt: skip
def test_honest_names_of_other_scripts_need_nothing(address: str):
    assert leads(address, "Read more") == ""


def test_a_host_is_read_as_browsers_read_it():
    assert normal("WWW.B\u00fccher.DE:443") == normal("www.xn--bcher-kva.de.") == "www.xn--bcher-kva.de"
    assert leads("https://evil.example\\@bank.example/", "https://bank.example/") == "evil.example"


def test_words_with_too_many_addresses_are_not_believed():
    assert leads("https://a.example/", "https://a.example/ " * MOST_SAID) == "a.example"


@pytest.mark.parametrize("piece", ["a.", "www.", "http://", "\u0436.", " ", "https://\u0436.a.example ", "(", "a.a/"])
def test_the_look_is_linear(piece: str):
    began = time.process_time()
    leads("https://a.example/", piece * (500_000 // len(piece)))
    assert time.process_time() - began < 0.5
