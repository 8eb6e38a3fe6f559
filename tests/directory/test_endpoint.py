"""URLs of mail servers: what each means, and what is refused in a sentence."""

from __future__ import annotations

import re

import pytest

from app.directory.account import Endpoint
from app.directory.endpoint import Family, is_loopback, parse_endpoint, usual_port


@pytest.mark.parametrize(
    ("url", "family", "endpoint"),
    [
        ("imaps://imap.example.net", "imap", Endpoint("imap.example.net", 993, "tls")),
        ("imaps://imap.example.net:1993/", "imap", Endpoint("imap.example.net", 1993, "tls")),
        ("imap://IMAP.example.net", "imap", Endpoint("imap.example.net", 143, "starttls")),
        ("IMAP+plain://127.0.0.1:10143", "imap", Endpoint("127.0.0.1", 10143, "plain")),
        ("imap+plain://localhost", "imap", Endpoint("localhost", 143, "plain")),
        ("imap+plain://[::1]:143", "imap", Endpoint("::1", 143, "plain")),
        ("imaps://bücher.example", "imap", Endpoint("xn--bcher-kva.example", 993, "tls")),
        ("smtps://smtp.example.net", "smtp", Endpoint("smtp.example.net", 465, "tls")),
        ("smtp://smtp.example.net", "smtp", Endpoint("smtp.example.net", 587, "starttls")),
        ("sieve://sieve.example.net", "sieve", Endpoint("sieve.example.net", 4190, "starttls")),
        ("sieve+plain://127.0.0.1:4191", "sieve", Endpoint("127.0.0.1", 4191, "plain")),
        ("imaps://mail_1.internal", "imap", Endpoint("mail_1.internal", 993, "tls")),
    ],
)
def test_a_url_names_an_endpoint(url: str, family: Family, endpoint: Endpoint) -> None:
    assert parse_endpoint(url, family) == endpoint


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("imap.example.net", "must begin with imaps:// or imap:// or imap+plain://"),
        ("https://imap.example.net", "must begin with"),
        ("smtp://imap.example.net", "must begin with"),
        ("imaps://", "needs the name or address of a host"),
        ("imaps://a b", "needs the name or address of a host"),
        ("imaps://-x.example", "needs the name or address of a host"),
        ("imaps://host:0", "needs a port from 1 to 65535"),
        ("imaps://host:70000", "is not a URL"),
        ("imaps://host:x", "is not a URL"),
        ("imaps://user:secret@host", "must not hold a user name or password"),
        ("imaps://host/INBOX", "must end after the host and port"),
        ("imaps://host?x=1", "must end after the host and port"),
        ("imaps://[::1", "is not a URL"),
        ("imap+plain://imap.example.net", "would send passwords unencrypted"),
        ("imap+plain://127.0.0.1.example.net", "would send passwords unencrypted"),
        ("imap+plain://192.168.1.1", "would send passwords unencrypted"),
    ],
)
def test_a_wrong_url_is_refused_in_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_endpoint(url, "imap")


def test_a_refusal_never_repeats_a_password() -> None:
    with pytest.raises(ValueError) as refused:
        parse_endpoint("imaps://user:secret@host", "imap")
    assert "secret" not in str(refused.value)


def test_plain_is_allowed_where_somebody_said_so() -> None:
    assert parse_endpoint("imap+plain://10.0.0.1", "imap", allow_plaintext=True).security == "plain"


def test_a_private_authority_goes_with_the_endpoint() -> None:
    assert parse_endpoint("imaps://h", "imap", ca="PEM").ca == "PEM"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True), ("a.localhost", True)]
    + [("10.0.0.1", False), ("localhost.example", False), ("notlocalhost", False), ("0.0.0.0", False)],
)
def test_loopback_is_known_by_its_names(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_sieve_has_no_port_for_tls_from_the_start() -> None:
    with pytest.raises(ValueError, match="say which"):
        usual_port("sieve", "tls")
