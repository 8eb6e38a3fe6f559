"""What a rule requires of a server: what the compiler would miss, and no more."""

from __future__ import annotations

import pytest

from app.sieve import read
from app.sieve.needs import needs


@pytest.mark.parametrize(
    ("body", "needed"),
    [
        ('exists "a" { keep; }', set()),
        ('envelope :detail "to" "x" { keep; }', {"envelope", "subaddress"}),
        ('currentdate :value "ge" "date" "x" { stop; }', {"date", "relational"}),
        ('currentdate :is "date" "x" { stop; }', {"date"}),
        ('body "x" { fileinto :copy :create "x"; }', {"body", "fileinto", "copy", "mailbox"}),
        ('true { addflag "x"; reject "x"; }', {"imap4flags", "reject"}),
        ('true { ereject "x"; }', {"ereject"}),
        ('true { vacation :seconds 60 "x"; }', {"vacation", "vacation-seconds"}),
        ('true { redirect :copy "a@b.example"; }', {"copy"}),
        ('false # true\n { vacation "x"; discard; }', {"vacation"}),
    ],
)
def test_a_rule_requires_what_it_uses(body: str, needed: set[str]):
    rule = read.rule(f"# rule:[x]\nif {body}".encode())
    assert rule is not None and needs(rule) == needed
