"""Figures that a killed node left behind are removed by the next one, and nobody else's."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from config.figures import PREFIX, remove_left

DEAD = 5_000_000  # Linux gives no process id above 2**22


def folder(where: Path, master: int, *locks: str) -> Path:
    made = where / f"{PREFIX}{master}-{len(list(where.iterdir()))}"
    made.mkdir()
    (made / "counter_0.db").write_bytes(b"figures")
    for name in locks:
        (made / name).touch()
    return made


def test_what_a_killed_master_left_is_removed_also_where_its_number_is_now_ours(tmp_path: Path) -> None:
    folder(tmp_path, DEAD, "0.lock", "1.lock")
    folder(tmp_path, os.getpid(), "0.lock")
    remove_left(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_still_writes_to_stays(tmp_path: Path) -> None:
    held = folder(tmp_path, DEAD, "0.lock", "1.lock")
    kept = [held, folder(tmp_path, os.getppid(), "0.lock"), folder(tmp_path, os.getpid()), folder(tmp_path, DEAD)]
    with (held / "1.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remove_left(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_nothing_of_another_kind_is_touched(tmp_path: Path) -> None:
    elsewhere = folder(tmp_path, DEAD, "0.lock").rename(tmp_path / "elsewhere")
    (tmp_path / f"{PREFIX}{DEAD}-link").symlink_to(elsewhere)
    (tmp_path / f"{PREFIX}{DEAD}-file").touch()
    remove_left(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3 and len(list(elsewhere.iterdir())) == 2
