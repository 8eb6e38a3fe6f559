"""The shipped HAProxy configuration, run by a real HAProxy before two nodes that do as they are told."""

from __future__ import annotations

import http.client
import http.server
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.demo.process import end, find_program, free_port, spawn, wait_until

pytestmark = pytest.mark.servers

SHIPPED = Path("config/haproxy/haproxy.cfg")
AWAY = SHIPPED.with_name("away.html")


@dataclass
class FakeNode:
    """Answers with its name; `silent` closes each connection after the request instead."""

    name: str
    port: int = field(default_factory=free_port)
    ready: bool = True
    silent: bool = False
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def start(self) -> None:
        node = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                healthy = self.path == "/healthz" or (self.path == "/readyz" and node.ready)
                if self.path in ("/healthz", "/readyz"):
                    self._send(200 if healthy else 503, b"")
                    return
                node.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if not node.silent:
                    self._send(200, node.name.encode())

            do_POST = do_GET

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Answer)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Front:
    port: int
    nodes: tuple[FakeNode, FakeNode]

    def ask(self, method: str = "GET", path: str = "/mail/INBOX/", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = "a=b" if method == "POST" else None
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def wait_checks(self, wanted: str) -> None:
        """Wait until the health checks made requests go to exactly the nodes of `wanted`."""
        deadline = time.monotonic() + 15
        while {self.ask()[1] for _ in range(6)} != set(wanted):
            assert time.monotonic() < deadline, f"requests never went to {wanted} alone"
            time.sleep(0.1)


def configuration(folder: Path, port: int, nodes: tuple[FakeNode, FakeNode]) -> Path:
    text = SHIPPED.read_text()
    for number, node in enumerate(nodes, 1):
        text = text.replace(f" node{number}:8000", f" 127.0.0.1:{node.port}")
    text = text.replace("/usr/local/etc/haproxy/tls/", f"{folder}/tls/")
    text = text.replace("/usr/local/etc/haproxy/away.html", str(AWAY.resolve()))
    text = text.replace("/tmp/haproxy.sock", f"{folder}/admin.sock")
    text = text.replace("bind :8080", f"bind 127.0.0.1:{port}").replace("bind :8443", f"bind 127.0.0.1:{free_port()}")
    text = re.sub(r"inter 2s fastinter 500ms|inter 2s", "inter 100ms", text).replace("slowstart 10s", "")
    # Without it an answer to a check has 100 ms, too: a node of a busy machine would be down.
    text = text.replace("  timeout connect 2s\n", "  timeout connect 2s\n  timeout check 5s\n")
    (folder / "tls").mkdir()
    path = folder / "haproxy.cfg"
    path.write_text(text)
    return path


@pytest.fixture
def front(server_folder: Path) -> Iterator[Front]:
    nodes = FakeNode("a"), FakeNode("b")
    for node in nodes:
        node.start()
    port = free_port()
    log = server_folder / "haproxy.log"
    program = find_program("haproxy")
    assert program, "apt install haproxy"
    config = configuration(server_folder, port, nodes)
    with log.open("wb") as output:
        process = spawn([program, "-db", "-f", config], output=output)
    front = Front(port, nodes)

    def listens() -> bool:
        try:
            return front.ask()[0] == 200
        except OSError:
            return False

    wait_until(listens, process, "HAProxy", log)
    front.wait_checks("ab")
    yield front
    end(process)
    for node in nodes:
        if not node.server._BaseServer__is_shut_down.is_set() or node.server.fileno() >= 0:  # type: ignore[attr-defined]
            node.stop()


def test_haproxy_accepts_the_shipped_file(server_folder: Path) -> None:
    config = configuration(server_folder, free_port(), (FakeNode("a"), FakeNode("b")))
    done = subprocess.run([str(find_program("haproxy")), "-c", "-f", str(config)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_as_the_operators_page_makes_it_for_debian_it_does_not_stay_root(server_folder: Path) -> None:
    (command,) = re.findall(r"^sed .* > /etc/haproxy", Path("docs/operations.md").read_text(), re.MULTILINE)
    made = subprocess.run(command.partition(" >")[0], shell=True, capture_output=True, text=True, check=True).stdout
    part = made.partition("global\n")[2].partition("\ndefaults")[0]
    assert "\n  user haproxy\n  group haproxy\n" in f"{part}\n"


def test_requests_go_to_the_nodes_in_turn(front: Front) -> None:
    answers = [front.ask()[1] for _ in range(6)]
    assert answers in (["a", "b"] * 3, ["b", "a"] * 3)


def test_a_page_whose_node_died_over_it_comes_from_the_other_node(front: Front) -> None:
    front.nodes[0].silent = True
    assert [front.ask() for _ in range(4)] == [(200, "b")] * 4


def test_a_post_that_has_left_is_never_sent_twice(front: Front) -> None:
    for node in front.nodes:
        node.silent = True
        node.seen.clear()
    status, text = front.ask("POST", "/mail/INBOX/actions")
    assert status == 502 and text == AWAY.read_text()
    assert [method for node in front.nodes for method, _, _ in node.seen] == ["POST"]


def test_a_post_goes_to_the_other_node_when_the_first_refuses_the_connection(front: Front) -> None:
    front.nodes[0].stop()
    assert [front.ask("POST", "/mail/INBOX/actions") for _ in range(4)] == [(200, "b")] * 4
    assert len([seen for seen in front.nodes[1].seen if seen[0] == "POST"]) == 4


def test_a_draining_node_gets_no_new_requests(front: Front) -> None:
    front.nodes[0].ready = False
    front.wait_checks("b")
    assert {front.ask("POST", "/mail/INBOX/actions")[1] for _ in range(4)} == {"b"}


def test_without_a_ready_node_the_living_ones_answer(front: Front) -> None:
    for node, left in zip(front.nodes, ("b", "ab"), strict=True):
        node.ready = False
        front.wait_checks(left)
    assert {front.ask() for _ in range(6)} == {(200, "a"), (200, "b")}


def test_without_a_living_node_a_page_says_what_to_do(front: Front) -> None:
    for node in front.nodes:
        node.stop()
    deadline = time.monotonic() + 15
    while (found := front.ask())[0] != 503:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    assert found[1] == AWAY.read_text()


def test_what_a_browser_says_of_its_address_is_replaced(front: Front) -> None:
    claim = "203.0.113.9"
    front.ask("POST", X_Forwarded_For=claim, X_Forwarded_Proto="https", Forwarded=f"for={claim}", X_Forwarded_Host="x")
    (seen,) = [headers for node in front.nodes for method, _, headers in node.seen if method == "POST"]
    assert claim not in seen.values()
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert "forwarded" not in seen and "x-forwarded-host" not in seen


def test_figures_stay_inside(front: Front) -> None:
    assert front.ask(path="/metrics")[0] == 404


def test_plain_http_from_elsewhere_is_led_to_https(front: Front) -> None:
    assert front.ask(Host="webmail.example.net")[0] == 308
