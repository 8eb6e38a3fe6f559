"""A node whose disk takes no file of a form: the words of the form are kept, and everybody else goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_writing import fields, form
from tests.faults.world import Person, World

pytestmark = pytest.mark.servers

FILE = bytes(range(256)) * 8000


@pytest.fixture(params=["full", "gone"])
def spool(world: World, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder of the node's temporary files: on a full disk, or not to be used at all."""
    folder = Path(world.node.environ["POSTERN_SPOOL"])
    if request.param == "full":
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("no file system may be mounted here")
        yield folder
        subprocess.run(["umount", str(folder)], check=False)
    else:
        shutil.rmtree(folder)
        folder.write_text("a file where a folder should be")
        yield folder
        folder.unlink(missing_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def test_what_was_written_is_kept_and_the_file_is_not_half_attached(world: World, alice: Person, spool: Path):
    begun = form(alice, "No room", action="save")
    answer = alice.visitor.upload("/compose", begun, FILE, {})
    assert answer.status == 507 and "no room for files" in answer.text
    assert "Typed for an hour" in answer.text and "and &lt;more&gt;" in answer.text and "No room" in answer.text
    assert alice.paths("/mail/Drafts/") == []
    small = alice.visitor.upload("/compose", begun, b"small", {})  # what needs no disk is taken
    assert small.status == 303
    again = {**begun, **fields(alice.visitor.follow(small))}
    assert alice.visitor.post("/compose", again).status == 303
    assert len(alice.paths("/mail/Drafts/")) == 1


def test_with_room_the_file_lies_in_the_nodes_own_folder_and_leaves_nothing(world: World, alice: Person):
    answer = alice.visitor.upload("/compose", form(alice, "Room", action="save"), FILE, {})
    assert answer.status == 303 and list(Path(world.node.environ["POSTERN_SPOOL"]).iterdir()) == []
