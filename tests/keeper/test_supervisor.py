"""The keeper of a node under gunicorn: started, started again, replaced and ended, whatever dies first."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest

from app.demo.process import free_port
from app.demo.redis import RedisServer
from app.keeper.lease import status
from tests.keeper.places import ROOT, SECRET, folder, until

pytestmark = pytest.mark.servers


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Node:
    """gunicorn with our configuration and a tiny application."""

    def __init__(self, redis_url: str) -> None:
        self.folder = folder()
        self.socket = str(self.folder / "keeper" / "socket")
        self.port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        environment |= {
            "POSTERN_SECRET_KEY": SECRET.decode(),
            "POSTERN_REDIS_URL": redis_url,
            "POSTERN_KEEPER_SOCKET": self.socket,
            "POSTERN_BIND": f"127.0.0.1:{self.port}",
            "WEB_CONCURRENCY": "1",
        }
        gunicorn = str(Path(sys.executable).with_name("gunicorn"))
        command = [
            gunicorn,
            "-c",
            "config/gunicorn.conf.py",
            "--pid",
            str(self.folder / "pid"),
            "tests.keeper.tiny:app",
        ]
        self.log = (self.folder / "log").open("wb")
        self.master = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=self.log, stdout=self.log)
        self.seen: set[int] = {self.master.pid}
        until(self.keeper, 20)
        until(self.worker, 20)

    def keeper(self) -> int | None:
        """The process id of the keeper that answers."""
        found = status(self.socket)
        if found is None:
            return None
        pid = int(found["pid"])
        self.seen |= {pid}
        with suppress(FileNotFoundError):
            self.seen |= {parent(pid)}
        return pid

    def another_keeper(self, old: int, seconds: float) -> int:
        return int(until(lambda: (pid := self.keeper()) and pid != old and pid, seconds))

    def worker(self) -> int | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2) as answer:
                pid = int(answer.read())
        except OSError:
            return None
        self.seen |= {pid}
        return pid

    def end(self) -> None:
        for pid in self.seen:
            if pid > 1 and alive(pid) and (pid == self.master.pid or pid != os.getpid()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.master.wait(10)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def node(redis_server: RedisServer) -> Iterator[Node]:
    started = Node(redis_server.url)
    yield started
    started.end()


def pids(node: Node) -> tuple[int, int, int]:
    """Keeper, supervisor, worker."""
    keeper, worker = until(node.keeper), until(node.worker)
    return keeper, parent(keeper), worker


def test_a_killed_keeper_is_started_again(node: Node) -> None:
    keeper, supervisor, worker = pids(node)
    os.kill(keeper, signal.SIGKILL)
    again = node.another_keeper(keeper, 20)  # 0.5 s on a machine that is not busy with other things
    assert parent(again) == supervisor
    assert until(node.worker) == worker


def test_a_keeper_killed_again_and_again_is_back_within_two_seconds_each_time(node: Node) -> None:
    """By the clocks of the system, which run alike on a busy machine: when the next one began, and the time that it
    spent of a processor until it answered. The quickest return is also measured as it is. A supervisor whose pauses
    grow waits for 1.6 s and more in half of them; one that waits for its turn on a busy machine in few."""
    keeper, _, _ = pids(node)
    whole, waited, worked = [], [], []
    for _ in range(6):
        killed = time.clock_gettime(time.CLOCK_BOOTTIME)
        os.kill(keeper, signal.SIGKILL)
        keeper = node.another_keeper(keeper, 20)
        whole.append(time.clock_gettime(time.CLOCK_BOOTTIME) - killed)
        began, work = times(keeper)
        waited.append(began - killed)
        worked.append(work)
    assert sorted(waited)[3] < 0.9 and max(waited) < 4, f"the supervisor waited: {waited}"
    assert min(worked) < 1.0, f"the keeper's start costs too much: {worked}"
    assert min(whole) < 2.0, whole


def times(pid: int) -> tuple[float, float]:
    """Of a process, in seconds: when it began, since the machine started; and its processor time so far."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    return int(stat[19]) / tick, (int(stat[11]) + int(stat[12])) / tick  # starttime, utime, stime: proc(5)


def test_a_reload_replaces_the_keeper(node: Node) -> None:
    keeper, supervisor, _ = pids(node)
    node.master.send_signal(signal.SIGHUP)
    new = node.another_keeper(keeper, 30)
    until(lambda: not alive(keeper) and not alive(supervisor), 30)
    assert until(node.keeper) == new  # the old one left the new one's socket alone
    until(node.worker)


def test_an_orderly_end_takes_everything_with_it(node: Node) -> None:
    keeper, supervisor, worker = pids(node)
    node.master.terminate()
    assert node.master.wait(20) == 0
    until(lambda: not any(alive(pid) for pid in (keeper, supervisor, worker)))
    assert not os.path.exists(node.socket)


def test_a_killed_master_leaves_nothing_behind(node: Node) -> None:
    keeper, supervisor, worker = pids(node)
    node.master.kill()
    until(lambda: not any(alive(pid) for pid in (keeper, supervisor, worker)))


def test_a_killed_supervisor_takes_the_keeper_with_it_and_a_reload_brings_both_back(node: Node) -> None:
    keeper, supervisor, _ = pids(node)
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not alive(keeper))
    node.master.send_signal(signal.SIGHUP)
    new = node.another_keeper(keeper, 30)
    assert parent(new) != supervisor


def test_a_new_master_has_a_keeper_of_its_own(node: Node) -> None:
    keeper, supervisor, _ = pids(node)
    node.master.send_signal(signal.SIGUSR2)
    new = node.another_keeper(keeper, 30)
    node.seen |= {parent(parent(new))}
    assert alive(keeper)  # two overlap, and the old generation's workers borrow from the new one
    time.sleep(1)
    node.master.terminate()
    until(lambda: not alive(keeper) and not alive(supervisor), 20)
    assert until(node.keeper) == new
    until(node.worker)
    master = parent(parent(new))
    os.kill(master, signal.SIGTERM)
    until(lambda: not alive(new) and not alive(master), 20)


def test_a_wrong_setting_stops_the_start_with_one_line() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    command = [gunicorn, "-c", "config/gunicorn.conf.py", "tests.keeper.tiny:app"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=20, check=False)
    assert ended.returncode != 0
    assert b"POSTERN_SECRET_KEY" in ended.stderr and b"Traceback" not in ended.stderr


def test_gunicorn_loads_the_application_after_the_fork_and_opens_no_socket_of_its_own() -> None:
    environment = os.environ | {"POSTERN_SECRET_KEY": SECRET.decode()}
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    command = [gunicorn, "-c", "config/gunicorn.conf.py", "--print-config", "tests.keeper.tiny:app"]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=True)
    found = dict(re.findall(r"^(\w+) +(?:= )?(\w+)$", shown.stdout, re.MULTILINE))
    assert (found["preload_app"], found["control_socket_disable"]) == ("False", "True")
    assert int(version("gunicorn").partition(".")[0]) >= 27  # before, a keeper that ends with 3 or 4 ends the node


def test_the_status_is_a_table_for_people_and_needs_no_secret(node: Node) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "POSTERN_SECRET_KEY"}
    environment["POSTERN_KEEPER_SOCKET"] = node.socket
    command = [sys.executable, "-m", "app.keeper", "--status"]
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=True)
    assert f"process {until(node.keeper)}" in found.stdout
    assert "mail server" in found.stdout and "breaker" in found.stdout
    environment["POSTERN_KEEPER_SOCKET"] = "/nonexistent/socket"
    missing = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert missing.returncode == 1 and "no keeper answers" in missing.stderr and "No such file" in missing.stderr


def start_alone(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "app.keeper"], cwd=ROOT, env=environment, stderr=subprocess.PIPE)


def test_it_runs_alone_and_refuses_a_folder_that_others_may_write_to(
    redis_server: RedisServer,
) -> None:
    where = folder()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    environment |= {
        "POSTERN_SECRET_KEY": SECRET.decode(),
        "POSTERN_REDIS_URL": redis_server.url,
        "POSTERN_KEEPER_SOCKET": str(where / "own" / "socket"),
    }
    keeper = start_alone(environment)
    until(lambda: status(str(where / "own" / "socket")))
    assert (where / "own").stat().st_mode & 0o777 == 0o700
    assert (where / "own" / "socket").stat().st_mode & 0o777 == 0o600
    keeper.terminate()
    _, error = keeper.communicate(timeout=15)
    assert (keeper.returncode, b"Traceback" in error) == (0, False)
    (where / "open").mkdir(mode=0o777)
    (where / "open").chmod(0o777)
    keeper = start_alone(environment | {"POSTERN_KEEPER_SOCKET": str(where / "open" / "socket")})
    _, error = keeper.communicate(timeout=15)
    assert keeper.returncode == 1
    assert b"nobody else may write" in error
    shutil.rmtree(where)
