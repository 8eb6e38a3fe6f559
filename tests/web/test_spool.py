"""Files of forms: whole, or dropped to the last octet."""

from pathlib import Path

from app.web.spool import IN_MEMORY, FormRequest, Spooled


def spooled(folder: Path, files_left: int = 1 << 62) -> Spooled:
    form = FormRequest({})
    form.files_left = files_left
    return Spooled(form, str(folder))


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


def test_beyond_what_a_form_may_have_nothing_is_kept_and_of_a_stranger_not_an_octet(tmp_path: Path) -> None:
    for left in (IN_MEMORY, 0):
        with spooled(tmp_path, left) as file:
            assert file.write(b"x" * (IN_MEMORY + 1)) == IN_MEMORY + 1
            file.seek(0)
            assert file.dropped == "size" and file.read() == b""
