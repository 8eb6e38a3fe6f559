"""Two nodes behind HAProxy, three accounts on two mail servers: what a session costs, and what a crash costs."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from app.demo.node import Node
from tests.cluster.conftest import Cluster
from tests.cluster.script import Load, Reader, mail
from tests.conftest import Resident

pytestmark = [pytest.mark.servers, pytest.mark.slow]
KEEPER_ABSENT = 6.0  # seconds in which workers log in by themselves: 0.6 on an idle machine, several on a busy one


@pytest.fixture
def people(make_resident: Callable[..., Resident]) -> list[Resident]:
    """Three accounts, two on the first server and one on the second, with mail."""
    found = [make_resident("alice", 0), make_resident("bob", 1), make_resident("carol", 0)]
    for person in found:
        person.mail.deliver(*(mail(number) for number in range(12)))
    return found


def logins(people: list[Resident]) -> dict[str, int]:
    return {person.address: person.mail.logins() for person in people}


def since(people: list[Resident], before: dict[str, int]) -> dict[str, int]:
    return {address: count - before[address] for address, count in logins(people).items()}


def absence(node: Node, old: list[int]) -> float:
    """Seconds until another keeper answers."""
    began = time.monotonic()
    while set(old) & set(node.keeper_pids()) or not node.keeper_answers():
        assert time.monotonic() - began < 20, f"no new keeper: {node.log()[-2000:]}"
        time.sleep(0.01)
    return time.monotonic() - began


def test_200_requests_cost_at_most_one_login_a_node(two_nodes: Cluster, people: list[Resident]):
    readers = [Reader(person.sign_in(two_nodes.url)) for person in people]
    before = logins(people)
    for _ in range(20):
        for reader in readers:
            reader.round()
    assert [reader.failures for reader in readers] == [[], [], []]
    assert all(reader.requests >= 200 for reader in readers)
    assert all(count <= 2 for count in since(people, before).values()), since(people, before)


def test_killing_a_keeper_and_then_a_node_fails_no_request_and_signs_nobody_out(
    two_nodes: Cluster, people: list[Resident]
):
    readers = [Reader(person.sign_in(two_nodes.url)) for person in people]
    load = [Load(reader) for reader in readers]
    for thread in load:
        thread.start()
    time.sleep(2)

    old = two_nodes.nodes[0].keeper_pids()
    assert old, "the node has no keeper"
    two_nodes.nodes[0].kill_keeper()
    absent = absence(two_nodes.nodes[0], old)
    print(f"The keeper was absent for {absent:.2f} s.")
    assert absent < KEEPER_ABSENT
    time.sleep(1)  # logins that had begun without it
    settled = logins(people)
    time.sleep(3)
    assert all(count <= 1 for count in since(people, settled).values()), since(people, settled)

    before = logins(people)
    two_nodes.nodes[1].kill()
    time.sleep(4)
    assert all(count <= 1 for count in since(people, before).values()), since(people, before)

    for thread in load:
        thread.stop()
    assert [reader.failures for reader in readers] == [[], [], []]
    assert all(reader.requests > 50 for reader in readers)
