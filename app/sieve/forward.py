"""Forwarding all mail, in the shape that Roundcube writes and shows: the test `true` and one `redirect`."""

from __future__ import annotations

from dataclasses import dataclass

from app.sieve.rule import Action, Rule, check_address, check_name


@dataclass(frozen=True, slots=True)
class Forward:
    """Where all mail goes; `copy`: it also stays here (RFC 3894)."""

    target: str
    copy: bool = True
    name: str = "Forward"
    enabled: bool = True

    def __post_init__(self) -> None:
        check_name(self.name)
        check_address(self.target, "target")

    def rule(self) -> Rule:
        return Rule(self.name, (), (Action("redirect", (self.target,), copy=self.copy),), "always", self.enabled)


def forward_of(rule: Rule) -> Forward | None:
    """The forwarding that a rule is, if it is one."""
    if rule.join != "always" or len(rule.actions) != 1 or rule.actions[0].kind != "redirect":
        return None
    return Forward(rule.actions[0].values[0], rule.actions[0].copy, rule.name, rule.enabled)
