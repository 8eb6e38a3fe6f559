"""Forwardings, in the shape of Roundcube."""

from __future__ import annotations

import pytest

from app.sieve import read, write
from app.sieve.errors import BadRule
from app.sieve.forward import Forward, forward_of
from app.sieve.rule import Action, Rule


def test_a_forwarding_is_roundcubes_too():
    assert (
        write.rule(Forward("a@b.example"), b"\n")
        == b'# rule:[Forward]\nif true\n{\n\tredirect :copy "a@b.example";\n}\n'
    )
    assert read.rule(b'# rule:[x]\nif false # true\n{\n redirect "a@b.example"; }') == Forward(
        "a@b.example", False, "x", False
    )
    with pytest.raises(BadRule):
        Forward("nobody")


def test_a_rule_that_does_more_is_no_forwarding():
    redirect = Action("redirect", ("a@b.example",))
    assert forward_of(Rule("x", (), (redirect,), "always")) == Forward("a@b.example", False, "x")
    assert forward_of(Rule("x", (), (redirect, Action("stop")), "always")) is None
