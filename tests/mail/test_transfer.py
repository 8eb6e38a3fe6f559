"""Content-Transfer-Encoding taken off: what was added on the way goes, what was written stays."""

from __future__ import annotations

import pytest

from app.mail.transfer import decoded


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_white_space_before_a_soft_line_break_is_text(size: int) -> None:
    encoded = b"Your =\r\nsummer\t=  \nnight =\n\n trains ="
    pieces = [encoded[at : at + size] for at in range(0, len(encoded), size)]
    assert b"".join(decoded(pieces, "quoted-printable")) == b"Your summer\tnight \n trains "
