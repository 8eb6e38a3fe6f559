"""One node for all tests of faults, its Redis and directory its own: what breaks here harms no other test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo.dovecot import Dovecot
from tests.conftest import MailAccount, MakeAccount, Site
from tests.faults.world import Person, World, eventually, letter
from tests.proxy import Proxy


@pytest.fixture(scope="session")
def own_world(servers_folder: Path, two_dovecots: tuple[Dovecot, Dovecot]) -> Iterator[World]:
    """Take `world`."""
    folder = servers_folder / "faults"
    folder.mkdir()
    site = Site(folder, two_dovecots)
    node = site.node(folder / "node").start(seconds=60)  # twenty on a busy machine
    yield World(site, node)
    node.stop()
    site.close()


@pytest.fixture
def world(own_world: World) -> Iterator[World]:
    """The node, ready; whatever a test did to it, no request ended in "something went wrong on our side"."""
    eventually(own_world.node.ready)
    seen = len(own_world.node.log())
    yield own_world
    unexpected = [line for line in own_world.node.log()[seen:].splitlines() if '"status": 500' in line]
    assert not unexpected, unexpected[:3]


@pytest.fixture
def proxy(two_dovecots: tuple[Dovecot, Dovecot]) -> Iterator[Proxy]:
    """A line to the first mail server that can be broken."""
    with Proxy(two_dovecots[0].imap_port) as line:
        yield line


@pytest.fixture
def alice(world: World, make_account: MakeAccount) -> Person:
    """Signed in, on the first mail server by a line that nobody breaks, with five letters."""
    return _signed_in(world, make_account(0))


@pytest.fixture
def bob(world: World, make_account: MakeAccount, proxy: Proxy) -> Person:
    """Signed in, on the first mail server through `proxy`, with five letters."""
    return _signed_in(world, make_account(0), port=proxy.port)


@pytest.fixture
def carol(world: World, make_account: MakeAccount) -> Person:
    """Signed in, on the second mail server, with five letters."""
    return _signed_in(world, make_account(1))


def _signed_in(world: World, mail: MailAccount, **options: int) -> Person:
    mail.server.fill(mail.login, [letter(f"Letter {number} of {mail.login}") for number in range(5)])
    person = world.person(mail, **options).signed_in()
    assert len(person.paths()) == 5
    return person
