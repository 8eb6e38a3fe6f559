"""Files of forms: whole, or dropped to the last octet."""

from pathlib import Path

from app.web.spool import IN_MEMORY, Spooled


def spooled(folder: Path) -> Spooled:
    return Spooled(max_size=IN_MEMORY, mode="w+b", dir=str(folder))


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    with spooled(tmp_path) as file:
        assert file.write(b"x" * IN_MEMORY) + file.write(b"yz") == IN_MEMORY + 2
        file.seek(0)
        assert not file.dropped and file.read() == b"x" * IN_MEMORY + b"yz" and list(tmp_path.iterdir()) == []


def test_what_finds_no_place_is_dropped_whole_and_the_rest_is_swallowed(tmp_path: Path) -> None:
    with spooled(tmp_path / "none") as file:
        assert file.write(b"x" * IN_MEMORY) == IN_MEMORY and not file.dropped
        assert (file.write(b"yz"), file.write(b"more")) == (2, 4)
        file.seek(0)
        assert file.dropped and file.read() == b""
