"""Figures of several workers, added up."""

import os
import re
import subprocess
import sys
from pathlib import Path

from app.web.serving import shared_metrics

ROOT = Path(__file__).parents[3]
# The module alone: importing all of app.web three times would take longer than the rest of these tests together.
WORKER = """
import importlib.util
spec = importlib.util.spec_from_file_location("shared_metrics", "app/web/serving/shared_metrics.py")
shared_metrics = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared_metrics)
shared_metrics.share()
from prometheus_client import CollectorRegistry, Counter, generate_latest, multiprocess
Counter("things", "Things counted", registry=CollectorRegistry()).inc()
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def worker(folder: Path) -> str:
    """What a worker of its own is told after it has counted one thing."""
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", WORKER]
    told = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^things_total (\S+)$", told, re.MULTILINE)[0]


def test_a_successor_counts_on_in_the_file_of_the_worker_before(tmp_path: Path) -> None:
    assert [worker(tmp_path) for _ in range(3)] == ["1.0", "2.0", "3.0"]
    assert len(list(tmp_path.glob("counter_*.db"))) == 1


def test_a_number_that_is_held_is_not_taken_again(tmp_path: Path) -> None:
    before = list(shared_metrics._held)
    assert [shared_metrics.take_number(tmp_path) for _ in range(3)] == [0, 1, 2]
    middle = shared_metrics._held[len(before) + 1]
    os.close(middle)
    shared_metrics._held.remove(middle)
    assert shared_metrics.take_number(tmp_path) == 1
    for descriptor in shared_metrics._held[len(before) :]:
        os.close(descriptor)
    shared_metrics._held[:] = before


def test_a_full_disk_costs_the_sum_and_not_the_worker(tmp_path: Path) -> None:
    """A limit of a file's size stands for the disk: it refuses the room in the same place."""
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n" + WORKER
    alone = limited.replace("registry=CollectorRegistry()", "registry=(own := CollectorRegistry())")
    alone = alone.partition("registry = Coll")[0] + "print(generate_latest(own).decode(), shared_metrics.alone)"
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", alone], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert "things_total 1.0" in done.stdout, (done.returncode, done.stderr)
    assert "no room for figures" in done.stdout


def test_alone_a_process_counts_for_itself() -> None:
    assert shared_metrics.folder() is None
