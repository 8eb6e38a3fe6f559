"""Rules in the script of one of the demo's accounts, put there by ManageSieve as a page would."""

from __future__ import annotations

import socket
from contextlib import closing

from app.sieve.asked import Asked, condition
from app.sieve.managesieve import Login, opened
from app.sieve.rule import Action, Rule
from app.sieve.script import Script

RULES = (
    Rule(
        "Users of Postern",
        (condition(Asked("list", "contains", ("postern-users.lists.example.org",))),),
        (Action("fileinto", ("Lists/postern-users",)),),
    ),
    Rule(
        "Receipts",
        (
            condition(Asked("subject", "contains", ("receipt", "invoice", "your order"))),
            condition(Asked("sender", "contains", ("shop", "billing"))),
        ),
        (Action("addflag", ("\\Flagged",)), Action("fileinto", ("Receipts & bills",))),
        "anyof",
        enabled=False,
    ),
)


def give(port: int, login: str, password: str) -> None:
    """Makes the script and lets it run."""
    script = Script.read(b"")
    for rule in RULES:
        script = script.put(None, rule)
    with closing(opened(socket.create_connection(("127.0.0.1", port), 2), Login(login, password))) as client:
        client.store("webmail", bytes(script))
        client.activate("webmail")
