"""Figures of several workers, added up."""

import os
import re
import subprocess
import sys
from pathlib import Path

from app.web import shared_metrics

ROOT = Path(__file__).parents[2]
COUNT = "from app.web import metrics; metrics.sign_in('signed_in'); print(metrics.text(None, None).decode())"


def worker(folder: Path) -> str:
    """The figures that a worker of its own sees after one sign-in."""
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", COUNT], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return re.findall(r'^postern_sign_ins_total\{outcome="signed_in"\} (\S+)$', done.stdout, re.MULTILINE)[0]


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


def test_alone_a_process_counts_for_itself() -> None:
    assert shared_metrics.folder() is None
