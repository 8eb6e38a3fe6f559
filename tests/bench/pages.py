"""The pages that are measured: list, message, frame and poll, warm and cold, by one person and by eight."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench import load, mailboxes
from tests.bench.load import Result
from tests.bench.node import Node, Person, sign_in
from tests.bench.world import World, frames, ordinary

POLL = "/changes"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was asked, in which state, of which size, by how many."""

    what: str
    state: str
    size: int
    clients: int
    result: Result
    processor: float | None = None  # milliseconds of workers and keeper for one page


def paths(what: str, person: Person, size: int) -> list[str]:
    """The paths that one person asks for in a circle."""
    if what == "list":
        return ["/mail/INBOX/"]
    if what == "poll":
        return [POLL]
    if what == "frame":
        return frames(person, size)
    return ordinary(person, size)


def warm(world: World, node: Node, size: int, seconds: float, clients: Sequence[int] = (1, 8)) -> list[Row]:
    """All pages, asked once before so that rows are cached, messages read and styles seen."""
    rows = []
    state = "warm" if node.keeper else "no keeper"
    people = world.signed_in(node, size)
    for what in ("list", "open", "frame", "poll"):
        # The people share one mailbox's files, so the addresses of its messages are the same for all.
        asked = paths(what, people[0], size)
        plans = [[person.request(path) for path in asked] for person in people]
        # Each worker process has its own cache of styles: the circle is gone through several times.
        load.run(node.port, plans, seconds=0.5 if what != "frame" else 3)
        for count in clients:
            before = node.processor()
            measured = load.run(node.port, plans[:count], seconds=seconds)
            used = (node.processor() - before) / len(measured.latencies)
            rows.append(Row(what, state, size, count, measured, used))
    return rows


def cold(world: World, node: Node, size: int, times: int) -> list[Row]:
    """One person's first look: no summary cached; newsletters whose styles no worker has seen (node just started)."""
    person = world.signed_in(node, size, 1)[0]
    rows = [Row("frame", "cold", size, 1, _each(node, [person.request(path) for path in paths("frame", person, size)]))]
    results = []
    for number in range(times):  # pages that nobody has seen: workers remember summaries, too
        world.forget_summaries()
        results.append(_each(node, [person.request(f"/mail/INBOX/?page={number + 3}")]))
    return [Row("list", "cold", size, 1, together(results)), *rows]


def after_reading(world: World, node: Node, size: int, pause: float, state: str, rounds: int = 3) -> list[Row]:
    """Eight people who each wait `pause` seconds and open the next message."""
    people = world.signed_in(node, size)
    turns = [ordinary(person, size) for person in people]
    results = []
    for number in range(rounds):
        time.sleep(pause)
        # One after the other: it is the time of one click that counts here.
        results += [_each(node, [person.request(turn[number])]) for person, turn in zip(people, turns, strict=True)]
    return [Row("open", state, size, 1, together(results))]


def sign_ins(node: Node, size: int, times: int) -> list[tuple[str, float]]:
    """Median milliseconds of the form, the sign-in itself and the first list after it."""
    spent = [sign_in(node.port, mailboxes.login(size), mailboxes.PASSWORD)[1] for _ in range(times)]
    names = ("form", "sign-in", "first list")
    return [(name, sorted(column)[times // 2]) for name, column in zip(names, zip(*spent, strict=True), strict=True)]


def together(results: Sequence[Result]) -> Result:
    """Several short runs as one."""
    statuses: dict[str, int] = {}
    for result in results:
        for status, count in result.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    return Result(
        sum(result.seconds for result in results),
        [one for result in results for one in result.latencies],
        [one for result in results for one in result.server],
        [one for result in results for one in result.imap],
        statuses,
        sum(result.received for result in results),
    )


def _each(node: Node, requests: list[bytes]) -> Result:
    """Each request once, one after the other."""
    return load.run(node.port, [requests], seconds=120, most=len(requests))
