"""Two nodes behind HAProxy, round robin, with the shipped configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.demo.node import Node
from app.demo.process import answers, end, find_program, free_port, spawn, wait_until
from tests.config.test_haproxy import configuration
from tests.conftest import Site


@dataclass(frozen=True)
class Cluster:
    """Two nodes and the address of the balancer before them."""

    url: str
    nodes: tuple[Node, Node]


@pytest.fixture
def two_nodes(site: Site, server_folder: Path) -> Iterator[Cluster]:
    """Two fresh nodes of the site behind HAProxy, which believes neither cookies nor stickiness."""
    proxied = {"POSTERN_PROXIES": "127.0.0.1"}
    nodes = tuple(site.node(server_folder / name, POSTERN_NODE=name, **proxied) for name in ("node-a", "node-b"))
    port = free_port()
    log = server_folder / "haproxy.log"
    program = find_program("haproxy")
    assert program, "no HAProxy: apt install haproxy"
    try:
        for node in nodes:
            node.start()
        file = configuration(server_folder, port, nodes)  # type: ignore[arg-type]
        with log.open("wb") as output:
            balancer = spawn([program, "-db", "-f", str(file)], output=output)
        try:
            wait_until(lambda: answers(port), balancer, "HAProxy", log)
            yield Cluster(f"http://127.0.0.1:{port}", (nodes[0], nodes[1]))
        finally:
            end(balancer)
    finally:
        for node in nodes:
            node.stop()
