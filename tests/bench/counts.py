"""IMAP commands, logins and bytes of each page, counted by a proxy between the node and Dovecot."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench.node import Person
from tests.bench.pages import paths
from tests.bench.world import World
from tests.proxy import Counts, Proxy


@dataclass(frozen=True)
class Counted:
    """What one page costs on the wire."""

    what: str
    state: str
    size: int
    counts: Counts


def count(world: World, sizes: list[int], *, keeper: bool) -> list[Counted]:
    """Count the pages of every size: asked for the first time ("cold"), and again."""
    found = []
    with Proxy(world.mail.imap_port) as proxy:
        name = "counted" if keeper else "counted-direct"
        with world.node(name, keeper=keeper, imap_url=f"imap+plain://127.0.0.1:{proxy.port}") as node:
            for size in sizes:
                person = world.signed_in(node, size, 1)[0]
                for what in ("list", "open", "frame", "poll"):
                    path = paths(what, person, size)[0]
                    person.get(path)  # the message is marked as read now, and the first poll has asked for a watcher
                    time.sleep(1 if what == "poll" else 0)
                    state = "warm" if keeper else "no keeper"
                    found.append(Counted(what, state, size, _one(proxy, person, path)))
                    if what == "list":  # a page that nobody has seen: workers remember summaries, too
                        world.forget_summaries()
                        found.append(Counted(what, "cold", size, _one(proxy, person, f"{path}?page=20")))
    return found


def _one(proxy: Proxy, person: Person, path: str) -> Counts:
    with proxy.counting() as counts:
        person.get(path)
    return counts
